#include "daemon/signals.hpp"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace reelkeep::daemon {

Result<UniqueFd> signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0)
    return Error::from_errno(errno, "cannot block signals");
  (void)std::signal(SIGPIPE, SIG_IGN);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return Error::from_errno(errno, "cannot wait for signals");
  return UniqueFd(fd);
}

int next_signal(const UniqueFd& fd) {
  signalfd_siginfo info{};
  if (::read(fd.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
  return static_cast<int>(info.ssi_signo);
}

void let_the_next_signal_end_it() {
  for (const int number : {SIGTERM, SIGINT}) (void)std::signal(number, [](int) { _exit(130); });
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace reelkeep::daemon
