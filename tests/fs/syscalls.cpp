#include "fs/syscalls.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace {

struct Watch {
  std::mutex mutex;
  std::vector<std::string> seen;
  std::string fail_part;
  int fail_with = 0;
  std::string cut_part;
  std::size_t cut_to = 0;
};

std::atomic<bool> g_watching{false};

Watch& watch() {
  static Watch instance;
  return instance;
}

std::string path_of(int fd) {
  if (fd == AT_FDCWD) return "";
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
  return n < 0 ? "?" : std::string(target.data(), static_cast<std::size_t>(n));
}

std::string path_of(int directory, const char* name) {
  const std::string folder = path_of(directory);
  return folder.empty() || *name == '/' ? name : folder + "/" + name;
}

/// Notes the call; true: it has to fail, errno is set.
bool fails(const std::string& call, bool is_noted = true) {
  Watch& state = watch();
  const std::lock_guard lock(state.mutex);
  if (is_noted) state.seen.push_back(call);
  if (state.fail_with == 0 || call.find(state.fail_part) == std::string::npos) return false;
  errno = state.fail_with;
  state.fail_with = 0;
  return true;
}

/// How much of `size` this call does.
std::size_t cut(const std::string& call, std::size_t size) {
  Watch& state = watch();
  const std::lock_guard lock(state.mutex);
  if (state.cut_to == 0 || call.find(state.cut_part) == std::string::npos) return size;
  return std::exchange(state.cut_to, 0);
}

template <class... Arguments>
int pass(long number, Arguments... arguments) {
  return static_cast<int>(::syscall(number, arguments...));
}

}  // namespace

extern "C" {

int fsync(int fd) {
  if (g_watching && fails("fsync " + path_of(fd))) return -1;
  return pass(SYS_fsync, fd);
}
int fdatasync(int fd) {
  if (g_watching && fails("fdatasync " + path_of(fd))) return -1;
  return pass(SYS_fdatasync, fd);
}
int sync_file_range(int fd, off_t from, off_t length, unsigned flags) {
  const bool waits = (flags & SYNC_FILE_RANGE_WAIT_BEFORE) != 0;
  if (g_watching && waits && fails("wait " + std::to_string(from + length) + " " + path_of(fd)))
    return -1;
  const bool starts = (flags & SYNC_FILE_RANGE_WRITE) != 0;
  if (g_watching && starts && fails("start " + std::to_string(from) + " " + path_of(fd), false))
    return -1;
  return pass(SYS_sync_file_range, fd, from, length, flags);
}
ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t at) {
  if (g_watching) {
    const bool is_direct = (::fcntl(fd, F_GETFL) & O_DIRECT) != 0;
    const std::string call =
        (is_direct ? "direct " : "write ") + std::to_string(size) + " " + path_of(fd);
    if (fails(call, is_direct)) return -1;
    size = cut(call, size);
  }
  return ::syscall(SYS_pwrite64, fd, bytes, size, at);
}
int fchmod(int fd, mode_t mode) noexcept {
  if (g_watching && fails("fchmod " + path_of(fd))) return -1;
  return pass(SYS_fchmod, fd, mode);
}
int renameat2(int from_fd, const char* from, int to_fd, const char* to, unsigned flags) noexcept {
  if (g_watching && fails("renameat2 " + path_of(from_fd, from) + " " + path_of(to_fd, to)))
    return -1;
  return pass(SYS_renameat2, from_fd, from, to_fd, to, flags);
}
int renameat(int from_fd, const char* from, int to_fd, const char* to) noexcept {
  if (g_watching && fails("renameat " + path_of(from_fd, from) + " " + path_of(to_fd, to)))
    return -1;
  return pass(SYS_renameat2, from_fd, from, to_fd, to, 0U);
}
int linkat(int from_fd, const char* from, int to_fd, const char* to, int flags) noexcept {
  if (g_watching && fails("linkat " + path_of(from_fd, from) + " " + path_of(to_fd, to))) return -1;
  return pass(SYS_linkat, from_fd, from, to_fd, to, flags);
}
int unlinkat(int fd, const char* name, int flags) noexcept {
  if (g_watching && fails("unlinkat " + path_of(fd, name))) return -1;
  return pass(SYS_unlinkat, fd, name, flags);
}
}

namespace reelkeep::testing {

Syscalls::Syscalls() {
  forget();
  g_watching = true;
}

Syscalls::~Syscalls() {
  g_watching = false;
}

std::vector<std::string> Syscalls::seen() const {
  const std::lock_guard lock(watch().mutex);
  return watch().seen;
}

void Syscalls::forget() {
  const std::lock_guard lock(watch().mutex);
  watch().seen.clear();
  watch().fail_with = 0;
  watch().cut_to = 0;
}

void Syscalls::fail(const std::string& part, int error_number) {
  const std::lock_guard lock(watch().mutex);
  watch().fail_part = part;
  watch().fail_with = error_number;
}

void Syscalls::cut(const std::string& part, std::size_t size) {
  const std::lock_guard lock(watch().mutex);
  watch().cut_part = part;
  watch().cut_to = size;
}

}  // namespace reelkeep::testing
