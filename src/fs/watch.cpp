#include "fs/watch.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace reelkeep::fs {

FolderWatch::FolderWatch(UniqueFd inotify, std::string prefix)
    : m_inotify(std::move(inotify)), m_prefix(std::move(prefix)) {}

Result<FolderWatch> FolderWatch::open(const std::string& folder, std::string prefix,
                                      Changes changes) {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return Error::from_errno(errno, "cannot watch " + folder);
  // A nudge sets both times of a file at once: of one alone the kernel would tell something else.
  const std::uint32_t events =
      changes == Changes::nudges ? IN_ATTRIB : IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_MOVED_TO;
  if (::inotify_add_watch(inotify.get(), folder.c_str(), events | IN_ONLYDIR) < 0)
    return Error::from_errno(
        errno, "cannot watch " + folder + " (fs.inotify.max_user_watches may be too small)");
  return FolderWatch(std::move(inotify), std::move(prefix));
}

bool FolderWatch::drain() {
  bool counted = false;
  alignas(inotify_event) std::array<char, 8192> buffer;
  for (;;) {
    const ssize_t got = ::read(m_inotify.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return counted;
    std::size_t at = 0;
    while (at + sizeof(inotify_event) <= static_cast<std::size_t>(got)) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string_view name =
          event.len == 0 ? std::string_view() : std::string_view(buffer.data() + at + sizeof event);
      // An overflow means that something was missed: look.
      counted = counted || (event.mask & IN_Q_OVERFLOW) != 0 || name.starts_with(m_prefix);
      at += sizeof event + event.len;
    }
  }
}

Status nudge_watchers(const std::string& file) {
  if (::utimensat(AT_FDCWD, file.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "cannot touch " + file);
  return {};
}

}  // namespace reelkeep::fs
