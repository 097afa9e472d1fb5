#pragma once

#include <cstdint>

namespace reelkeep::media {

/// splitmix64: the word number `index` of an endless sequence, without computing those before it.
[[nodiscard]] constexpr std::uint64_t noise(std::uint64_t seed, std::uint64_t index) noexcept {
  std::uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30U) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27U) * 0x94D049BB133111EBU;
  return z ^ z >> 31U;
}

}  // namespace reelkeep::media
