// Two SHA-256 at once with the SHA extensions of x86. The one library of the distribution that has
// it (libipsec-mb 1.3) takes messages of up to 64 KiB; one hash alone is left to OpenSSL.
#include "crypto/sha256_lanes.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace reelkeep {
namespace {

#define REELKEEP_SHA_EXTENSIONS __attribute__((target("sha,sse4.1")))

/// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> k_rounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// A state as the instructions want it: a, b, e, f in one register, c, d, g, h in the other, the
/// first of them highest.
struct Lane {
  __m128i abef;
  __m128i cdgh;
  /// The next sixteen of the message schedule. std::array would lose the type's alignment.
  __m128i words[4];  // NOLINT(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays)
};

REELKEEP_SHA_EXTENSIONS inline Lane load(const Sha256State& state) {
  const auto* const from = reinterpret_cast<const __m128i*>(state.data());
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(from), 0xB1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(from + 1), 0x1B);
  return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0), {}};
}

REELKEEP_SHA_EXTENSIONS inline void store(const Lane& lane, Sha256State& state) {
  const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(lane.cdgh, 0xB1);
  auto* const to = reinterpret_cast<__m128i*>(state.data());
  _mm_storeu_si128(to, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(to + 1, _mm_alignr_epi8(dchg, feba, 8));
}

REELKEEP_SHA_EXTENSIONS inline void begin_block(Lane& lane, const std::byte* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* const from = reinterpret_cast<const __m128i*>(block);
  for (std::size_t i = 0; i < 4; ++i)
    lane.words[i] = _mm_shuffle_epi8(_mm_loadu_si128(from + i), big_endian);
}

/// Rounds 4 * `step` to 4 * `step` + 3.
REELKEEP_SHA_EXTENSIONS inline void four_rounds(Lane& lane, std::size_t step) {
  __m128i& words = lane.words[step % 4];
  if (step >= 4) {
    const __m128i& last = lane.words[(step + 3) % 4];
    const __m128i seventh = _mm_alignr_epi8(last, lane.words[(step + 2) % 4], 4);
    const __m128i sum =
        _mm_add_epi32(_mm_sha256msg1_epu32(words, lane.words[(step + 1) % 4]), seventh);
    words = _mm_sha256msg2_epu32(sum, last);
  }
  const auto* const constants = reinterpret_cast<const __m128i*>(&k_rounds[4 * step]);
  const __m128i sums = _mm_add_epi32(words, _mm_load_si128(constants));
  lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, sums);
  lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(sums, 0x0E));
}

}  // namespace

REELKEEP_SHA_EXTENSIONS void hash_two_lanes(Sha256State& a, const std::byte* of_a, Sha256State& b,
                                            const std::byte* of_b, std::size_t blocks) {
  Lane one = load(a);
  Lane two = load(b);
  for (std::size_t block = 0; block < blocks; ++block) {
    const Lane one_before = one;
    const Lane two_before = two;
    begin_block(one, of_a + block * k_sha256_block);
    begin_block(two, of_b + block * k_sha256_block);
#pragma GCC unroll 16
    for (std::size_t step = 0; step < 16; ++step) {
      four_rounds(one, step);
      four_rounds(two, step);
    }
    one.abef = _mm_add_epi32(one.abef, one_before.abef);
    one.cdgh = _mm_add_epi32(one.cdgh, one_before.cdgh);
    two.abef = _mm_add_epi32(two.abef, two_before.abef);
    two.cdgh = _mm_add_epi32(two.cdgh, two_before.cdgh);
  }
  store(one, a);
  store(two, b);
}

bool has_sha256_lanes() {
  constexpr unsigned k_sse41 = 1U << 19U;       // leaf 1, ECX
  constexpr unsigned k_extensions = 1U << 29U;  // leaf 7, EBX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & k_sse41) == 0) return false;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & k_extensions) != 0;
}

}  // namespace reelkeep

#else

namespace reelkeep {

void hash_two_lanes(Sha256State&, const std::byte*, Sha256State&, const std::byte*, std::size_t) {}

bool has_sha256_lanes() {
  return false;
}

}  // namespace reelkeep

#endif
