#include <array>
#include <functional>
#include <vector>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

namespace reelkeep {
namespace {

/// Leaves room under the 1024 bytes of an S3 key for the prefix of a bucket.
constexpr std::size_t k_path_bytes = 900;
constexpr std::size_t k_segments = 8;

struct Placeholder {
  std::string_view name;
  std::string (*value)(const LayoutValues&);
};

constexpr std::array k_placeholders{
    Placeholder{"app_id", [](const LayoutValues& v) { return v.app_id; }},
    Placeholder{"room_id", [](const LayoutValues& v) { return v.room_id; }},
    Placeholder{"conf_num", [](const LayoutValues& v) { return v.conf_num; }},
    Placeholder{"kind", [](const LayoutValues& v) { return v.kind; }},
    Placeholder{"stage", [](const LayoutValues& v) { return v.stage; }},
    Placeholder{"id", [](const LayoutValues& v) { return v.id; }},
    Placeholder{"date", [](const LayoutValues& v) { return to_rfc3339(v.date).substr(0, 10); }},
    Placeholder{"name", [](const LayoutValues& v) { return v.name; }},
};

Error unacceptable(std::string_view layout, std::string_view reason) {
  return Error{Errc::invalid,
               "layout '" + text::printable(layout.substr(0, 300)) + "': " + std::string(reason)};
}

Error unknown(std::string_view layout, std::string_view name) {
  std::vector<std::string> known;
  std::string list;
  for (const Placeholder& placeholder : k_placeholders) {
    known.emplace_back(placeholder.name);
    list.append(list.empty() ? "{" : " {").append(placeholder.name).append("}");
  }
  std::string reason = "unknown placeholder {" + text::printable(name) + "}";
  if (const auto near = text::nearest(name, known))
    reason += ", did you mean {" + *near + "}?";
  else
    reason += ", known are " + list;
  return unacceptable(layout, reason);
}

/// Replaces the placeholders of one segment by what `value` says of each.
Result<std::string> expand_segment(std::string_view layout, std::string_view segment,
                                   const std::function<std::string(const Placeholder&)>& value) {
  std::string expanded;
  while (!segment.empty()) {
    const std::size_t brace = segment.find_first_of("{}");
    expanded += segment.substr(0, brace);
    if (brace == std::string_view::npos) break;
    const std::size_t end = segment.find_first_of("{}", brace + 1);
    if (segment[brace] == '}' || end == std::string_view::npos || segment[end] == '{')
      return unacceptable(layout, "a brace without its other half");
    const std::string_view name = segment.substr(brace + 1, end - brace - 1);
    const Placeholder* known = nullptr;
    for (const Placeholder& placeholder : k_placeholders)
      if (placeholder.name == name) known = &placeholder;
    if (known == nullptr) return unknown(layout, name);
    expanded += value(*known);
    segment.remove_prefix(end + 1);
  }
  return expanded;
}

}  // namespace

Status check_layout(std::string_view layout) {
  if (layout.empty()) return unacceptable(layout, "empty");
  if (layout.front() == '/') return unacceptable(layout, "must be relative to the store's root");
  const auto segments = text::split(layout, '/');
  if (segments.size() > k_segments)
    return unacceptable(layout, "more than " + std::to_string(k_segments) + " segments");
  bool distinct = false;
  for (const std::string_view segment : segments) {
    if (segment.empty()) return unacceptable(layout, "an empty segment");
    REELKEEP_ASSIGN(const std::string example,
                    expand_segment(layout, segment, [&](const Placeholder& placeholder) {
                      distinct |= placeholder.name == "name" || placeholder.name == "id";
                      return std::string("x");
                    }));
    if (safe_name(example) != example)
      return unacceptable(layout, "segment '" + text::printable(segment) +
                                      "' is not safe as a name on every filesystem");
  }
  if (!distinct) return unacceptable(layout, "must contain {name} or {id}");
  return {};
}

Result<std::string> expand_layout(std::string_view layout, const LayoutValues& values) {
  REELKEEP_TRY(check_layout(layout));
  const auto segments = text::split(layout, '/');
  const std::size_t most = std::min(k_name_bytes, k_path_bytes / segments.size() - 1);
  std::string path;
  for (const std::string_view segment : segments) {
    REELKEEP_ASSIGN(const std::string expanded,
                    expand_segment(layout, segment, [&](const Placeholder& placeholder) {
                      return safe_name(placeholder.value(values), most);
                    }));
    if (!path.empty()) path += '/';
    path += safe_name(expanded, most);
  }
  return path;
}

}  // namespace reelkeep
