#include "fs/state_lock.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <signal.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "fs/file_io.hpp"
#include "fs/space.hpp"

namespace reelkeep::fs {
namespace {

std::string lock_path(const std::string& state_dir) {
  return state_dir + "/lock";
}

/// What the holder wrote; 0 for nothing.
long written_pid(int fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  long pid = 0;
  for (ssize_t i = 0; i < n; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') break;
    pid = pid * 10 + (c - '0');
  }
  return pid;
}

bool is_alive(long pid) {
  return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

/// 0, or errno. A holder() of another process has the lock for a moment without being an agent: it
/// is waited for, unless the file names a living process.
int lock_exclusively(int fd) {
  constexpr int k_tries = 20;
  for (int attempt = 0; attempt < k_tries; ++attempt) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK) return errno;
    const long pid = written_pid(fd);
    if (pid > 0 && is_alive(pid)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return EWOULDBLOCK;
}

/// What holds the lock writes the state directory: who may not, runs as the wrong user.
Error with_way_out(Error error) {
  if (error.code == Errc::unauthorized)
    error.message +=
        "; run it as the user that owns the state directory, or as root (the service: systemctl "
        "start reelkeep)";
  else if (error.code != Errc::no_space)
    error.message +=
        "; set [agent] state_dir to a directory on a local disk ('reelkeep check' tells what is "
        "wrong with this one)";
  return error;
}

}  // namespace

StateLock::StateLock(UniqueFd file) noexcept : m_file(std::move(file)) {}

StateLock::~StateLock() {
  // The file stays: removing it would let two processes lock two files of one name.
  if (m_file && ::ftruncate(m_file.get(), 0) != 0) return;
}

Result<StateLock> StateLock::acquire(const std::string& state_dir) {
  if (auto made = make_private_directory(state_dir); !made) return with_way_out(made.error());
  REELKEEP_ASSIGN(const std::string network, network_filesystem(state_dir));
  if (!network.empty())
    return Error{Errc::invalid, "state_dir " + state_dir +
                                    " is on a filesystem of another machine (" + network +
                                    "), where the journal cannot be kept safely: use a "
                                    "local disk"};
  const std::string path = lock_path(state_dir);
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return with_way_out(Error::from_errno(errno, "cannot open " + path));
  if (const int why = lock_exclusively(file.get()); why != 0) {
    if (why != EWOULDBLOCK) return Error::from_errno(why, "cannot lock " + path);
    const long pid = written_pid(file.get());
    return Error{
        Errc::conflict,
        "another reelkeep" + (pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string()) +
            " works on " + state_dir + ": stop it first, or give this one a state_dir of its own"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    // The pid is for people only; on a full disk the lock is as good without it.
    if (errno != ENOSPC && errno != EDQUOT)
      return Error::from_errno(errno, "cannot write the pid to " + path);
  }
  return StateLock(std::move(file));
}

Result<std::optional<long>> StateLock::holder(const std::string& state_dir) {
  const std::string path = lock_path(state_dir);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT) return std::optional<long>();
    return Error::from_errno(errno, "cannot open " + path);
  }
  if (::flock(file.get(), LOCK_SH | LOCK_NB) == 0) return std::optional<long>();
  if (errno != EWOULDBLOCK) return Error::from_errno(errno, "cannot test the lock of " + path);
  return std::optional<long>(written_pid(file.get()));
}

}  // namespace reelkeep::fs
