#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace reelkeep {

/// What SHA-256 knows after whole blocks of 64 bytes (FIPS 180-4, 6.2): the words a to h.
using Sha256State = std::array<std::uint32_t, 8>;
constexpr std::size_t k_sha256_block = 64;

/// Takes `blocks` blocks each into two states at once. Within one hash each instruction waits for
/// the one before it; two that know nothing of each other fill those gaps. Only where
/// has_sha256_lanes(). Any thread.
void hash_two_lanes(Sha256State& a, const std::byte* of_a, Sha256State& b, const std::byte* of_b,
                    std::size_t blocks);

/// Whether this processor has what that needs, which are the SHA extensions of x86.
[[nodiscard]] bool has_sha256_lanes();

}  // namespace reelkeep
