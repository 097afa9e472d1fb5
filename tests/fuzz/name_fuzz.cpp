#include <algorithm>
#include <string>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

void check_segment(const std::string& segment, std::size_t most) {
  demand(!segment.empty() && segment.size() <= most, "a segment is neither empty nor too long");
  demand(segment != "." && segment != ".." && segment.front() != '.', "a segment leads nowhere");
  demand(segment.find_first_of("<>:\"/\\|?*") == std::string::npos, "a segment holds no separator");
  demand(segment.back() != '.' && segment.back() != ' ' && segment.front() != ' ',
         "a segment has no edge that a filesystem takes away");
  demand(text::is_valid_utf8(segment) && text::printable(segment) == segment,
         "a segment is text without controls");
  demand(text::fold_name(segment) != "manifest-sha256.txt", "a segment is no manifest");
  demand(safe_name(segment, most) == segment, "a safe name is left as it is");
}

void check_path(std::string_view path) {
  demand(!path.empty() && path.size() <= 900 && path.front() != '/', "a path is relative, bounded");
  for (const std::string_view segment : text::split(path, '/'))
    check_segment(std::string(segment), k_name_bytes);
}

}  // namespace

/// Of a name that is longer nothing more happens than that it is cut; the time goes up with it.
constexpr std::size_t k_longest = 5000;

/// First line: an archive layout. What follows: names from the network, one a line.
void name(std::string_view input) {
  if (input.size() > k_longest) return;
  std::string_view rest = input;
  const std::string_view layout = next_line(rest);
  const std::string whole(rest);
  LayoutValues values{.app_id = std::string(next_line(rest)),
                      .room_id = std::string(next_line(rest)),
                      .conf_num = std::string(next_line(rest)),
                      .kind = "recording",
                      .stage = std::string(next_line(rest)),
                      .id = "0123456789ab",
                      .name = std::string(rest),
                      .date = {}};
  for (const std::string& name : {std::string(layout), whole, values.app_id, values.name}) {
    const std::string safe = safe_name(name);
    check_segment(safe, k_name_bytes);
    const std::string beside = with_suffix(safe, "~0123ab");
    demand(beside.size() <= k_name_bytes && safe_name(beside) == beside, "a suffix keeps it safe");
    demand(text::fold_name(beside) != text::fold_name(safe), "a suffix makes another name");
    demand(text::fold_name(text::fold_name(name)) == text::fold_name(name), "folding ends");
  }

  constexpr std::string_view k_default = "{room_id}/{conf_num}/{kind}/{name}";
  const auto usual = expand_layout(k_default, values);
  demand(usual.has_value(), "the default layout takes any value");
  check_path(*usual);
  demand(std::ranges::count(*usual, '/') == 3, "a value makes no folder of its own");
  const auto path = expand_layout(layout, values);
  demand(path.has_value() == check_layout(layout).has_value(),
         "whether a layout works does not depend on the values");
  if (path) check_path(*path);
}

}  // namespace reelkeep::fuzz
