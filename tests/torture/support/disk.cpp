// Preloaded into the agent: stands between it and the disk, below the folders in
// REELKEEP_DISK_ROOTS (separated by ':').
//
// REELKEEP_DISK_LOG    every change is noted there in the order in which it happened, so that
//                      support/disk.py can tell what a power cut at any moment would have left.
// REELKEEP_DISK_FAULT  a shared page (struct Orders) by which a test lets the Nth call of some kind
//                      fail while the agent runs.
// REELKEEP_DISK_BOOT   a file that is read instead of the machine's boot id.
//
// -shm files are left out: SQLite makes them anew after a power cut.
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace {

enum Kind : std::uint32_t { k_open, k_write, k_size, k_sync, k_name, k_remove, k_mode };

/// support/disk.py has the same layout.
struct Orders {
  std::uint32_t kinds;   ///< bits of Kind that count
  std::int32_t error;    ///< errno; 0: only half of a write happens
  std::uint64_t in;      ///< the call after so many fails; all ones: none
  std::uint64_t times;   ///< so many in a row
  std::uint64_t seen;    ///< calls that counted
  std::uint64_t failed;  ///< calls that failed
  char part[128];        ///< of the path, of calls that count
  char last[256];        ///< that failed
};

constexpr std::uint64_t k_never = ~std::uint64_t{0};

struct World {
  std::vector<std::string> roots;
  std::string boot_file;
  int log = -1;
  Orders* orders = nullptr;
};

World make_world() {
  World made;
  std::string_view list =
      std::getenv("REELKEEP_DISK_ROOTS") ? std::getenv("REELKEEP_DISK_ROOTS") : "";
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(':'), list.size());
    made.roots.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  if (const char* file = std::getenv("REELKEEP_DISK_BOOT")) made.boot_file = file;
  if (const char* file = std::getenv("REELKEEP_DISK_LOG"))
    made.log = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (const char* file = std::getenv("REELKEEP_DISK_FAULT")) {
    const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    void* page = ::mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED,
                        static_cast<int>(fd), 0);
    if (page == MAP_FAILED) std::abort();
    made.orders = static_cast<Orders*>(page);
  }
  return made;
}

const World& world() {
  static const World* const made = new World(make_world());  // outlives every thread
  return *made;
}

/// Held over a change and its note: the log's order is that of the changes.
std::recursive_mutex& turn() {
  static auto* const made = new std::recursive_mutex;
  return *made;
}
using Turn = std::lock_guard<std::recursive_mutex>;

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name) static auto* const next = real<decltype(name)>(#name)

bool is_watched(std::string_view path) {
  if (path.ends_with("-shm")) return false;
  for (const std::string& root : world().roots)
    if (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/'))
      return true;
  return false;
}

std::string path_of(int fd) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
  return n < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(n));
}

std::string path_of(int directory, const char* name) {
  if (*name == '/') return name;
  if (directory != AT_FDCWD) return path_of(directory) + "/" + name;
  std::array<char, 4096> here{};
  return std::string(::getcwd(here.data(), here.size()) ? here.data() : "") + "/" + name;
}

std::string leaf_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::uint64_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}
std::uint64_t inode_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}
std::uint64_t folder_of(const std::string& path) {
  return inode_of(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)));
}

/// A regular file or folder below the roots; empty: none of ours.
std::string watched_path(int fd) {
  if (world().roots.empty()) return "";
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return "";
  std::string path = path_of(fd);
  return is_watched(path) ? path : "";
}

void note(char what, std::uint64_t inode, std::uint64_t a, std::uint64_t b,
          std::string_view bytes = {}) {
  if (world().log < 0) return;
  struct [[gnu::packed]] Head {
    std::uint32_t size;
    char what;
    std::uint64_t inode, a, b;
  } head{static_cast<std::uint32_t>(bytes.size()), what, inode, a, b};
  const iovec parts[] = {{&head, sizeof head}, {const_cast<char*>(bytes.data()), bytes.size()}};
  if (::syscall(SYS_writev, world().log, parts, 2) != static_cast<long>(sizeof head + bytes.size()))
    std::abort();
}

enum class Fate { passes, fails, half };

/// Counts the call; `fails`: errno is set.
Fate fate(Kind kind, const char* call, const std::string& path) {
  Orders* orders = world().orders;
  if (orders == nullptr) return Fate::passes;
  const Turn mine(turn());
  if ((orders->kinds >> kind & 1U) == 0) return Fate::passes;
  if (path.find(orders->part) == std::string::npos) return Fate::passes;
  ++orders->seen;
  if (orders->in == k_never) return Fate::passes;
  if (orders->in > 0) {
    --orders->in;
    return Fate::passes;
  }
  if (--orders->times == 0) orders->in = k_never;
  ++orders->failed;
  std::snprintf(orders->last, sizeof orders->last, "%s %s", call, path.c_str());
  if (orders->error == 0) return Fate::half;
  errno = orders->error;
  return Fate::fails;
}

bool fails(Kind kind, const char* call, const std::string& path) {
  return fate(kind, call, path) == Fate::fails;
}

/// `open` opens; what that changed is noted.
template <class Open>
int open_noted(int directory, const char* name, int flags, mode_t mode, Open open) {
  const bool creates = (flags & O_CREAT) != 0;
  if (world().roots.empty() || (!creates && (flags & O_TRUNC) == 0)) return open();
  const std::string path = path_of(directory, name);
  if (!is_watched(path)) return open();
  const Turn mine(turn());
  const bool there = inode_of(path) != 0;
  if (!there && fails(k_open, "create", path)) return -1;
  const int fd = open();
  if (fd < 0) return fd;
  const int kept = errno;
  if (!there) note('C', inode_of(fd), folder_of(path), mode, leaf_of(path));
  if (there && (flags & O_TRUNC) != 0) note('T', inode_of(fd), 0, 0);
  errno = kept;
  return fd;
}

/// `write(n)` writes the first n bytes; `at` tells where they went.
template <class Write, class At>
ssize_t write_noted(int fd, const void* bytes, std::size_t size, Write write, At at) {
  const std::string path = watched_path(fd);
  if (path.empty()) return write(size);
  const Turn mine(turn());
  const Fate what = size > 1 ? fate(k_write, "write", path) : Fate::passes;
  if (what == Fate::fails) return -1;
  const ssize_t n = write(what == Fate::half ? size / 2 : size);
  if (n > 0)
    note('W', inode_of(fd), static_cast<std::uint64_t>(at(n)), 0,
         {static_cast<const char*>(bytes), static_cast<std::size_t>(n)});
  return n;
}

int sync_noted(int fd, const char* call, int (*sync)(int)) {
  const std::string path = watched_path(fd);
  if (path.empty()) return sync(fd);
  static std::uint64_t s_number = 0;
  std::uint64_t number = 0;
  {
    const Turn mine(turn());
    number = ++s_number;
    note('S', inode_of(fd), number, 0);
  }
  const bool failed = fails(k_sync, call, path);
  const int kept = errno;
  // What is only noted needs no disk: support/disk.py makes the cut.
  const int result = failed ? -1 : world().log >= 0 ? 0 : sync(fd);
  const int why = failed ? kept : errno;
  // A call that was interrupted has lost nothing.
  if (!(failed && why == EINTR)) {
    const Turn mine(turn());
    note('E', inode_of(fd), number, result == 0 ? 1 : 0);
  }
  errno = why;
  return result;
}

/// `change` makes the change, `told` notes it.
template <class Change, class Told>
int change_noted(Kind kind, const char* call, const std::string& path, Change change, Told told) {
  if (!is_watched(path)) return change();
  const Turn mine(turn());
  if (fails(kind, call, path)) return -1;
  const int result = change();
  if (result == 0) told();
  return result;
}

/// An answer to a delivery on its way out: from here on its row has to survive.
void note_answer(const void* bytes, std::size_t size) {
  const std::string_view text(static_cast<const char*>(bytes), size);
  if (world().log < 0 || !text.starts_with("HTTP/1.1 200")) return;
  constexpr std::string_view k_mark = "{\"delivery\":";
  for (std::size_t at = text.find(k_mark); at != std::string_view::npos;
       at = text.find(k_mark, at + 1)) {
    const Turn mine(turn());
    note('A', 0,
         std::strtoull(std::string(text.substr(at + k_mark.size(), 24)).c_str(), nullptr, 10), 0);
  }
}

mode_t mode_in(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(list, unsigned)) : 0;
}
#define TAKE_MODE()                         \
  va_list list;                             \
  va_start(list, flags);                    \
  const mode_t mode = mode_in(flags, list); \
  va_end(list)

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  TAKE_MODE();
  REAL(open);
  return open_noted(AT_FDCWD, path, flags, mode, [&] { return next(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  TAKE_MODE();
  REAL(open64);
  return open_noted(AT_FDCWD, path, flags, mode, [&] { return next(path, flags, mode); });
}
int openat(int folder, const char* path, int flags, ...) {
  TAKE_MODE();
  REAL(openat);
  return open_noted(folder, path, flags, mode, [&] { return next(folder, path, flags, mode); });
}
int openat64(int folder, const char* path, int flags, ...) {
  TAKE_MODE();
  REAL(openat64);
  return open_noted(folder, path, flags, mode, [&] { return next(folder, path, flags, mode); });
}
FILE* fopen(const char* path, const char* mode) {
  REAL(fopen);
  const bool boot = std::strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
  return next(boot && !world().boot_file.empty() ? world().boot_file.c_str() : path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  return write_noted(
      fd, bytes, size, [&](std::size_t n) { return next(fd, bytes, n); },
      [&](ssize_t n) { return ::lseek(fd, 0, SEEK_CUR) - n; });
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  REAL(pwrite);
  return write_noted(
      fd, bytes, size, [&](std::size_t n) { return next(fd, bytes, n, at); },
      [&](ssize_t) { return at; });
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return pwrite(fd, bytes, size, at);
}
ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  REAL(send);
  note_answer(bytes, size);
  return next(fd, bytes, size, flags);
}

int fsync(int fd) {
  REAL(fsync);
  return sync_noted(fd, "fsync", next);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return sync_noted(fd, "fdatasync", next);
}

int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  return change_noted(
      k_size, "ftruncate", watched_path(fd), [&] { return next(fd, size); },
      [&] { note('T', inode_of(fd), static_cast<std::uint64_t>(size), 0); });
}
int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}
int posix_fallocate(int fd, off_t from, off_t size) {
  REAL(posix_fallocate);
  const std::string path = watched_path(fd);
  if (path.empty()) return next(fd, from, size);
  const Turn mine(turn());
  if (fails(k_size, "fallocate", path)) return errno;
  const int result = next(fd, from, size);
  if (result == 0) note('F', inode_of(fd), static_cast<std::uint64_t>(from + size), 0);
  return result;
}
int posix_fallocate64(int fd, off64_t from, off64_t size) {
  return posix_fallocate(fd, from, size);
}
int fchmod(int fd, mode_t mode) noexcept {
  REAL(fchmod);
  return change_noted(
      k_mode, "fchmod", watched_path(fd), [&] { return next(fd, mode); },
      [&] { note('P', inode_of(fd), mode, 0); });
}
int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list list;
  va_start(list, request);
  void* argument = va_arg(list, void*);
  va_end(list);
  if (request == 0x40049409UL && !watched_path(fd).empty()) {  // FICLONE: not noted, so not done
    errno = EOPNOTSUPP;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}

int mkdirat(int folder, const char* name, mode_t mode) noexcept {
  REAL(mkdirat);
  const std::string path = path_of(folder, name);
  return change_noted(
      k_name, "mkdir", path, [&] { return next(folder, name, mode); },
      [&] { note('M', inode_of(path), folder_of(path), mode, leaf_of(path)); });
}
int mkdir(const char* name, mode_t mode) noexcept {
  return mkdirat(AT_FDCWD, name, mode);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  const std::string source = path_of(from_folder, from);
  const std::string target = path_of(to_folder, to);
  return change_noted(
      k_name, "rename", target,
      [&] {
        return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
      },
      [&] {
        note('R', inode_of(target), folder_of(source), folder_of(target),
             leaf_of(source) + '\0' + leaf_of(target));
      });
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char* from, const char* to) noexcept {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  REAL(linkat);
  const std::string target = path_of(to_folder, to);
  return change_noted(
      k_name, "link", target, [&] { return next(from_folder, from, to_folder, to, flags); },
      [&] { note('L', inode_of(target), folder_of(target), 0, leaf_of(target)); });
}
int link(const char* from, const char* to) noexcept {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int unlinkat(int folder, const char* name, int flags) noexcept {
  REAL(unlinkat);
  const std::string path = path_of(folder, name);
  return change_noted(
      k_remove, "unlink", path, [&] { return next(folder, name, flags); },
      [&] { note('U', 0, folder_of(path), 0, leaf_of(path)); });
}
int unlink(const char* name) noexcept {
  return unlinkat(AT_FDCWD, name, 0);
}
int rmdir(const char* name) noexcept {
  return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}
}
