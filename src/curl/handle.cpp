#include "curl/handle.hpp"

#include <ctime>

#include "reelkeep/base/error.hpp"

namespace reelkeep::curl {

void initialise() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (once != CURLE_OK) abort_broken_invariant("libcurl cannot be initialised");
}

SignalsBlocked::SignalsBlocked() noexcept : m_before{} {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &m_before);
}

SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &m_before, nullptr);
}

PipeSignalBlocked::PipeSignalBlocked() noexcept : m_before{} {
  sigset_t pending;
  sigpending(&pending);
  m_was_pending = sigismember(&pending, SIGPIPE) == 1;
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &m_before);
}

PipeSignalBlocked::~PipeSignalBlocked() {
  if (!m_was_pending) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec now{};
    while (sigtimedwait(&pipe, nullptr, &now) == SIGPIPE) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &m_before, nullptr);
}

}  // namespace reelkeep::curl
