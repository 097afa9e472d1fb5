#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep {

/// Longest path segment that we write, in bytes.
inline constexpr std::size_t k_name_bytes = 200;

/// A path segment from anything the network says, safe for every common filesystem: NFC, no
/// separator, control, bidi or invisible character, none of <>:"|?*, no leading dot, no trailing
/// dot or space, no name that Windows or this program reserves, at most `most` bytes with the
/// extension kept. Never empty. Safe names stay as they are; different names may become one.
std::string safe_name(std::string_view name, std::size_t most = k_name_bytes);

/// stem + suffix + extension, at most k_name_bytes: the stem gives way. Both must be safe.
std::string with_suffix(std::string_view name, std::string_view suffix);

/// What the placeholders of an archive layout stand for, as it came from the network.
struct LayoutValues {
  std::string app_id;
  std::string room_id;
  std::string conf_num;
  std::string kind;
  std::string stage;
  std::string id;
  std::string name;
  Timestamp date;
};

/// Errc::invalid with the reason: an unknown placeholder, an absolute path, an empty or unsafe
/// segment, neither {name} nor {id}, or more than eight segments.
Status check_layout(std::string_view layout);

/// A relative path of at most 900 bytes, '/'-separated. A value never makes a segment of its own:
/// separators in it are replaced, an empty one becomes "_". Errors are those of check_layout.
Result<std::string> expand_layout(std::string_view layout, const LayoutValues& values);

}  // namespace reelkeep
