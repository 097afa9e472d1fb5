#include "s3/object_name.hpp"

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

namespace reelkeep::s3 {

Status check_path(std::string_view path) {
  constexpr std::size_t k_longest = 1024;  // of a key
  bool good = !path.empty() && path.size() <= k_longest && path != k_marker_name &&
              path.find('\0') == std::string_view::npos;
  for (const std::string_view part : text::split(path, '/'))
    good = good && !part.empty() && part != "." && part != "..";
  if (good) return {};
  return Error{Errc::invalid,
               "not a relative path inside an archive: '" + text::printable(path) + "'"};
}

std::string candidate(const PutRequest& request, int number) {
  if (number == 0) return request.path;
  const std::string suffix = request.suffix.empty() ? "~copy" : request.suffix;
  const std::size_t leaf = request.path.rfind('/') + 1;  // npos + 1 is 0
  return request.path.substr(0, leaf) +
         with_suffix(request.path.substr(leaf),
                     number == 1 ? suffix : suffix + "-" + std::to_string(number));
}

}  // namespace reelkeep::s3
