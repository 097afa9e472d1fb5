#include "core/layout.hpp"

#include <array>
#include <string_view>

#include "reelkeep/base/text.hpp"

namespace reelkeep::core {

std::string session_folder(const std::string& layout, const std::string& path) {
  constexpr std::array<std::string_view, 5> of_the_artifact{"{kind}", "{name}", "{stage}", "{id}",
                                                            "{date}"};
  std::size_t segments = 0;
  for (const std::string_view segment : text::split(layout, '/')) {
    bool shared = true;
    for (const std::string_view placeholder : of_the_artifact)
      shared = shared && segment.find(placeholder) == std::string_view::npos;
    if (!shared) break;
    ++segments;
  }
  std::size_t end = 0;
  for (std::size_t i = 0; i < segments; ++i) {
    const std::size_t slash = path.find('/', i == 0 ? 0 : end + 1);
    if (slash == std::string::npos) break;
    end = slash;
  }
  return path.substr(0, end);
}

}  // namespace reelkeep::core
