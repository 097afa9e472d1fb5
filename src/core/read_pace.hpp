#pragma once

#include <cstdint>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep::core {

/// A budget of bytes per second for what is read in the background. Values only; one thread.
class ReadPace {
 public:
  /// 0: no limit. What was taken already stays owed.
  void set_rate(ByteCount bytes_per_second) noexcept { m_rate = bytes_per_second.get(); }
  /// These bytes were read: how long to rest before the next ones. Time that passes without reading
  /// saves nothing up.
  Duration take(ByteCount bytes, MonotonicTime now) noexcept;

 private:
  std::uint64_t m_rate = 0;
  double m_owed_ms = 0;  ///< at m_at
  MonotonicTime m_at{};
};

}  // namespace reelkeep::core
