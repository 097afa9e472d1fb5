#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/error.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep {

/// One try to bring an artifact into staging, as remembered. A success is remembered only where
/// tries went before it, so that what comes at once costs nothing.
struct Attempt {
  Timestamp at;             ///< its end
  std::int64_t number = 0;  ///< the artifact's count; one that burned none repeats the last number
  ByteCount received;       ///< bytes in staging after it
  std::optional<Error> error;  ///< nothing: the bytes came and were judged to be good
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

/// So many of an artifact are remembered, the newest.
inline constexpr std::size_t k_remembered_attempts = 20;

}  // namespace reelkeep
