#include "enablex/source_key.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "reelkeep/base/text.hpp"

namespace reelkeep::enablex {
namespace {

constexpr std::string_view k_s3 = "s3://";

constexpr std::array<std::string_view, 2> k_prefixes{"x-amz-", "x-goog-"};
constexpr std::array<std::string_view, 11> k_names{
    "expires",        "signature", "key-pair-id", "policy", "token", "awsaccesskeyid",
    "googleaccessid", "se",        "sp",          "sv",     "sr"};
/// The signature of an Azure shared access signature; the others belong to it and mean something
/// else where it is missing.
constexpr std::string_view k_azure_signature = "sig";
constexpr std::array<std::string_view, 10> k_azure_names{"st",    "spr", "ss",  "srt", "skoid",
                                                         "sktid", "skt", "ske", "sks", "skv"};

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string name_of(std::string_view parameter) {
  return text::lower(text::percent_decode(parameter.substr(0, parameter.find('='))));
}

bool signs(std::string_view name, bool azure, std::span<const std::string> volatile_query) {
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  const auto same = [&](const std::string& other) {
    return text::equals_ignoring_case(name, other);
  };
  return std::any_of(k_prefixes.begin(), k_prefixes.end(), begins) || contains(k_names, name) ||
         name == k_azure_signature || (azure && contains(k_azure_names, name)) ||
         std::any_of(volatile_query.begin(), volatile_query.end(), same);
}

std::optional<unsigned char> hex_byte(std::string_view digits) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  if (digits.size() != 2) return std::nullopt;
  const std::string lower = text::lower(digits);
  const std::size_t high = k_digits.find(lower[0]);
  const std::size_t low = k_digits.find(lower[1]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

/// One spelling for all that RFC 3986 (6.2.2) calls the same. A '%' that escapes nothing is itself.
std::string normal_encoding(std::string_view text) {
  // What may stand unescaped in a path or query beside the unreserved characters.
  constexpr std::string_view k_reserved = "/?:@!$&'()*+,;=";
  std::string normal;
  normal.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (const auto byte = hex_byte(text.substr(i + 1, 2))) {
        const char decoded = static_cast<char>(*byte);
        normal += text::percent_encode(std::string_view(&decoded, 1));
        i += 2;
        continue;
      }
    }
    normal += text::percent_encode(text.substr(i, 1), k_reserved);
  }
  return normal;
}

}  // namespace

SourceKey source_key(const Url& url, std::span<const std::string> volatile_query) {
  const Url bare = without_signature(url, volatile_query);
  std::string key = bare.authority() + normal_encoding(bare.path());
  if (bare.query()) key += "?" + normal_encoding(*bare.query());
  return SourceKey(std::move(key));
}

SourceKey location_key(std::string_view location, std::span<const std::string> volatile_query) {
  if (location.starts_with(k_s3))
    return SourceKey(text::percent_encode(location.substr(k_s3.size()), "/"));
  const Result<Url> url = Url::parse(location);
  return url ? source_key(*url, volatile_query) : SourceKey(text::percent_encode(location, "/"));
}

Url without_signature(const Url& url, std::span<const std::string> volatile_query) {
  if (!url.query()) return url;
  std::vector<std::string_view> parameters = text::split(*url.query(), '&');
  const bool azure = std::any_of(parameters.begin(), parameters.end(), [](std::string_view it) {
    return name_of(it) == k_azure_signature;
  });
  std::string left;
  for (const std::string_view parameter : parameters) {
    if (parameter.empty() || signs(name_of(parameter), azure, volatile_query)) continue;
    if (!left.empty()) left += '&';
    left += parameter;
  }
  return url.with_query(left.empty() ? std::nullopt : std::optional(std::move(left)));
}

}  // namespace reelkeep::enablex
