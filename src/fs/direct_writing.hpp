#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "reelkeep/base/result.hpp"

namespace reelkeep::fs {

/// Whether a medium takes what is written to it soon enough to be waited for. Any thread; where two
/// tell it something at once one of the two may be forgotten.
class WritePace {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_good(Clock::time_point now) const noexcept;
  /// A write that ended at `now`.
  void took(std::size_t bytes, std::chrono::nanoseconds time, Clock::time_point now) noexcept;
  void failed(Clock::time_point now) noexcept;

 private:
  /// What the last writes took in the mean, as a part of what they may.
  std::atomic<double> m_taken{0};
  std::atomic<Clock::time_point> m_bad_until{Clock::time_point()};
};

/// Writes past the kernel's cache, where the filesystem can and as long as its medium is swift:
/// who writes like this waits for it. One for a folder. Any thread.
class DirectWriting {
 public:
  /// Writes the beginning of `bytes` to the beginning of the empty file `fd`, which is in nobody
  /// else's hands. `*written` tells how much; 0 with success: not here, not now, or not worth it,
  /// and nothing is lost by writing all of it some other way. Errc::no_space is the only Error.
  Status write(int fd, std::span<const std::byte> bytes, const std::string& what,
               std::size_t* written);

 private:
  WritePace m_pace;
};

}  // namespace reelkeep::fs
