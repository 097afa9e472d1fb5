#include "fs/placing.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "fs/crash_point.hpp"

namespace reelkeep::fs {

Result<Placing> place(int from_directory, const std::string& from, int to_directory,
                      const std::string& leaf, PlaceBy by) {
  if (by == PlaceBy::rename) {
    if (::renameat2(from_directory, from.c_str(), to_directory, leaf.c_str(), RENAME_NOREPLACE) ==
        0)
      return Placing::placed;
    if (errno == EEXIST) return Placing::taken;
    if (errno == EXDEV) return Placing::other_filesystem;
    if (errno != EINVAL && errno != ENOSYS)
      return Error::from_errno(errno, "cannot rename " + from);
  }
  if (::linkat(from_directory, from.c_str(), to_directory, leaf.c_str(), 0) != 0) {
    if (errno == EEXIST) return Placing::taken;
    if (errno == EXDEV) return Placing::other_filesystem;
    return Error::from_errno(
        errno, "the filesystem can neither rename without replacing nor link " + from);
  }
  crash_point("publish.after_link");
  // Whoever looks at staging meanwhile takes the name away as well.
  if (::unlinkat(from_directory, from.c_str(), 0) != 0 && errno != ENOENT)
    return Error::from_errno(errno, "cannot remove " + from + " after linking it");
  return Placing::placed;
}

}  // namespace reelkeep::fs
