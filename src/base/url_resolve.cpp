#include <algorithm>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep {
namespace {

/// RFC 3986, 5.2.4, for a path that begins with '/'.
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto segments = text::split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    // "%2e" is a dot to most servers, so it is one here.
    const std::string segment = text::percent_decode(segments[i]);
    const bool last = i + 1 == segments.size();
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else if (segment == ".") {
      if (last) kept.emplace_back();
    } else {
      kept.push_back(segments[i]);
    }
  }
  std::string cleaned;
  for (const std::string_view segment : kept) cleaned.append("/").append(segment);
  return cleaned.empty() ? "/" : cleaned;
}

/// A relative reference may hold ':' only after its first '/', '?' or '#'.
bool has_scheme(std::string_view reference) noexcept {
  const std::size_t end = reference.find_first_of(":/?#");
  return end != std::string_view::npos && end > 0 && reference[end] == ':';
}

}  // namespace

Result<Url> Url::resolve(std::string_view reference) const {
  reference = text::trim(reference);
  if (reference.empty()) return Error{Errc::invalid, "an empty location"};

  std::string whole;
  if (has_scheme(reference)) {
    whole = reference;
  } else if (reference.starts_with("//")) {
    whole = m_scheme + ":" + std::string(reference);
  } else if (reference.front() == '/') {
    whole = origin() + std::string(reference);
  } else if (reference.front() == '?') {
    whole = origin() + m_path + std::string(reference);
  } else if (reference.front() == '#') {
    whole = without_user_info();
  } else {
    whole = origin() + m_path.substr(0, m_path.rfind('/') + 1) + std::string(reference);
  }
  REELKEEP_ASSIGN(Url url, parse(whole));
  url.m_path = without_dot_segments(url.m_path);
  return url;
}

}  // namespace reelkeep
