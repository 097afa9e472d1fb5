#pragma once

#include <chrono>

#include "reelkeep/port/clock.hpp"

namespace reelkeep::daemon {

/// The machine's own.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  [[nodiscard]] MonotonicTime steady() const override { return steady_now(); }
};

}  // namespace reelkeep::daemon
