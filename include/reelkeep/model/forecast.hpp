#pragma once

#include <cstdint>
#include <optional>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep {

/// What the queue comes to at the present pace.
struct Forecast {
  std::int64_t artifacts = 0;  ///< that must still come from their source
  ByteCount bytes;             ///< still to come of them: declared, else typical of their kind
  std::int64_t past = 0;       ///< their deadline has passed: each is still tried
  std::int64_t near = 0;       ///< their deadline is nearer than warn_before, not passed
  std::int64_t missed = 0;     ///< at this pace they come after their deadline, not passed yet
  std::optional<Timestamp> first_missed;  ///< the earliest deadline of those
  std::optional<Timestamp> done_at;  ///< the last of all has come; nothing: the pace is not known
  friend bool operator==(const Forecast&, const Forecast&) = default;
};

}  // namespace reelkeep
