#include "cli/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <string_view>
#include <unistd.h>

namespace reelkeep::cli {
namespace {

// A signal handler reaches nothing else.
std::atomic<bool> bar_drawn = false;
std::atomic<int> end_status = k_interrupted;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void leave(int) noexcept {
  constexpr std::string_view k_erase = "\r\x1b[K";
  if (bar_drawn && ::write(STDERR_FILENO, k_erase.data(), k_erase.size()) < 0) {
    // Nobody is left to see it.
  }
  ::_exit(end_status);
}

}  // namespace

void end_when_interrupted(int status) {
  end_status = status;
  (void)std::signal(SIGINT, leave);
  (void)std::signal(SIGTERM, leave);
}

void bar_is_drawn(bool drawn) noexcept {
  bar_drawn = drawn;
}

}  // namespace reelkeep::cli
