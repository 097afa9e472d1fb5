#include "enablex/offers.hpp"

#include "enablex/source_key.hpp"

namespace reelkeep::enablex {

Result<OfferedFile> offered_file(std::string_view text, ArtifactKind kind,
                                 std::span<const std::string> volatile_query) {
  Result<Url> url = parse_url(text);
  if (!url) return Error{Errc::invalid, "is " + url.error().message};
  if (url->scheme() != "https" && url->scheme() != "http")
    return Error{Errc::invalid, "is neither http nor https"};
  std::string name = url->last_segment();
  if (name.empty()) name = to_string(kind);
  return OfferedFile{url->without_user_info(), source_key(*url, volatile_query), std::move(name)};
}

Result<std::string> attribute(const json::Value& object, std::string_view name, Remarks& remarks) {
  const json::Value& value = object[name];
  if (value.is_null() || value.string() || value.number_text()) return read_text(object, name);
  remarks.add("'" + std::string(name) + "'", "is " + std::string(to_string(value.kind())));
  return std::string();
}

}  // namespace reelkeep::enablex
