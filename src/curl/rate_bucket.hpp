#pragma once

#include <cstdint>
#include <mutex>

#include "reelkeep/base/time.hpp"

namespace reelkeep::curl {

/// The rate limit of all transfers together: a token bucket that may go into debt by one piece.
/// Any thread.
class RateBucket {
 public:
  explicit RateBucket(std::uint64_t bytes_per_second, MonotonicTime now);
  void set_rate(std::uint64_t bytes_per_second, MonotonicTime now);
  /// Takes `bytes`, or nothing (false) while the bucket is empty.
  bool take(std::uint64_t bytes, MonotonicTime now);
  /// Until it pays to ask again (a twentieth of a second's worth is there); zero: now.
  [[nodiscard]] Duration wait(MonotonicTime now);

 private:
  void refill(MonotonicTime now);
  std::mutex m_mutex;
  std::uint64_t m_rate;  // guarded by m_mutex; 0: no limit
  std::int64_t
      m_balance;  // guarded by m_mutex; thousandths of a byte, so that nothing is lost in rounding
  MonotonicTime m_last;  // guarded by m_mutex
};

}  // namespace reelkeep::curl
