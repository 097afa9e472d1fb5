#include "reelkeep/model/destination_rule.hpp"

#include <algorithm>
#include <array>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep {
namespace {

constexpr std::array<std::string_view, 5> k_actions{"record", "verify", "fetch", "adopt",
                                                    "organise"};

std::string plain_name(std::string_view told) {
  std::string name = text::lower(text::trim(told));
  if (name == "s3") return "awss3";
  if (name == "scp") return "ssh";
  if (name == "ftps" || name == "ftpes") return "ftp";
  return name;
}

}  // namespace

std::string_view to_string(DestinationAction action) noexcept {
  return k_actions.at(static_cast<std::size_t>(action));
}

std::optional<DestinationAction> parse_destination_action(std::string_view text) noexcept {
  for (std::size_t i = 0; i < k_actions.size(); ++i)
    if (k_actions.at(i) == text) return static_cast<DestinationAction>(i);
  return std::nullopt;
}

bool DestinationRule::matches(std::string_view destination_name,
                              const std::string& location) const {
  if (plain_name(destination_name) != name) return false;
  if (name == "awss3") return !account.empty() && location.starts_with("s3://" + account + "/");
  const auto url = Url::parse(location);
  if (!url || url->host() != host) return false;
  const std::string_view expected = name == "ftp" ? "ftp" : "sftp";
  if (url->scheme() != expected) return false;
  if (!url->port()) return true;
  const std::uint16_t own = name == "ftp" ? 21 : 22;
  return *url->port() == (port == 0 ? own : port);
}

std::optional<std::string> DestinationRule::path_of(const std::string& location) const {
  const bool is_key = name == "awss3";
  std::string path;
  if (is_key) {
    path = location.substr(std::min(location.size(), ("s3://" + account + "/").size()));
  } else {
    const auto url = Url::parse(location);
    if (!url) return std::nullopt;
    path = text::percent_decode(url->path());
  }
  std::string plain;
  for (const std::string_view segment : text::split(path, '/')) {
    if (segment == "." || segment == "..") return std::nullopt;
    if (!segment.empty()) plain.append(plain.empty() ? "" : "/").append(segment);
  }
  return is_key ? path : plain;
}

std::string DestinationRule::refuses(const std::string& location) const {
  const std::optional<std::string> path = path_of(location);
  if (!source_prefix.empty() && !(path && path->starts_with(source_prefix)))
    return "it is not in source_prefix \"" + source_prefix + "\" of destination \"" + id.get() +
           "\": nothing is done with it";
  if (action == DestinationAction::organise && !layout_prefix.empty() && path &&
      path->starts_with(layout_prefix))
    return "it lies in prefix \"" + layout_prefix + "\" of destination \"" + id.get() +
           "\", where moved files are kept: nothing is done with it";
  return "";
}

}  // namespace reelkeep
