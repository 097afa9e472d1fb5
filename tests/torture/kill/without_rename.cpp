// Preloaded into the agent: a filesystem that does not know RENAME_NOREPLACE, so that files get
// their names by link and unlink.
#include <cerrno>

extern "C" int renameat2(int, const char*, int, const char*, unsigned) noexcept {
  errno = EINVAL;
  return -1;
}
