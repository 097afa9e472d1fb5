#pragma once

#include <array>
#include <cstdint>

#include "reelkeep/base/time.hpp"

namespace reelkeep::curl {

/// Notices a server that sends less than 1 KiB/s for a whole stall timeout. Time in which we did
/// not want bytes (back-pressure, rate limit) does not count. A sliding window of eight slices; one
/// call counts at most one slice, so that a process that was stopped does not blame the server.
class StallWatch {
 public:
  static constexpr std::uint64_t k_least_per_second = 1024;

  enum class Wanting { yes, no };

  StallWatch(Duration timeout, MonotonicTime now);
  void received(std::uint64_t bytes) noexcept { m_bytes += bytes; }
  /// Accounts for the time since the last call, in which we were wanting or not.
  /// True: stalled.
  bool turn(MonotonicTime now, Wanting wanting);
  /// turn() should be called at least this often.
  [[nodiscard]] Duration slice() const noexcept { return m_slice; }

 private:
  static constexpr int k_slices = 8;
  const Duration m_slice;
  const std::uint64_t m_least;  ///< bytes in a window
  MonotonicTime m_last;
  Duration m_elapsed{0};      ///< of the open slice
  std::uint64_t m_bytes = 0;  ///< of the open slice
  std::array<std::uint64_t, k_slices> m_window{};
  std::uint64_t m_closed = 0;  ///< slices closed so far
};

}  // namespace reelkeep::curl
