#pragma once

#include "reelkeep/base/time.hpp"

namespace reelkeep {

/// Time as core sees it; a test turns it by hand. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
  [[nodiscard]] virtual MonotonicTime steady() const = 0;
};

}  // namespace reelkeep
