#pragma once

#include <cstdlib>
#include <functional>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reelkeep::testing {

inline constexpr int k_cannot_mount = 99;
inline constexpr int k_threw = 98;

/// Runs `body` in a child process and gives its exit status; -1 when it died of a signal. Checks of
/// doctest do not reach the parent: the child answers by its status.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int answer = k_threw;
    try {
      answer = body();
    } catch (...) {
    }
    ::_exit(answer);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

/// No file of this process may grow beyond `bytes`: a write there fails as on a full disk. For a
/// child, since it cannot be taken back by everyone.
inline void limit_file_size(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

/// From now on mounts of this process (a child) are seen by nobody else. Descriptors that were
/// opened before still see the old ones.
inline bool enter_private_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}
inline bool mount_tmpfs(const std::string& path, const std::string& options) {
  return ::mount("none", path.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

/// Whether `sha256sum -c` accepts the manifest of this directory (a path without quotes).
inline bool sha256sum_accepts(const std::string& folder) {
  const std::string command =
      "cd '" + folder + "' && sha256sum --strict --quiet -c manifest-sha256.txt >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

}  // namespace reelkeep::testing
