#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "reelkeep/base/time.hpp"

namespace reelkeep::core {

/// How many bytes a second the downloads bring when there is enough to do: a moving average over
/// about a minute. One thread.
class RateMeter {
 public:
  enum class Load {
    idle,    ///< nothing was running
    partly,  ///< fewer transfers than could run: the rate is at least this
    full,    ///< as many as may run
  };
  /// `received` counts up from any start; `load` is what ran since the sample before.
  void sample(MonotonicTime at, std::uint64_t received, Load load);
  [[nodiscard]] std::optional<double> bytes_per_second() const noexcept { return m_rate; }

 private:
  std::optional<MonotonicTime> m_at;
  std::uint64_t m_received = 0;
  std::optional<double> m_rate;
};

}  // namespace reelkeep::core
