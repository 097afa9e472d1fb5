#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep {

/// A size or offset in bytes.
class ByteCount {
 public:
  constexpr ByteCount() = default;
  constexpr explicit ByteCount(std::uint64_t bytes) : m_bytes(bytes) {}
  [[nodiscard]] constexpr std::uint64_t get() const noexcept { return m_bytes; }
  friend constexpr auto operator<=>(ByteCount, ByteCount) = default;
  friend constexpr ByteCount operator+(ByteCount a, ByteCount b) {
    return ByteCount(a.m_bytes + b.m_bytes);
  }
  /// Stops at zero.
  friend constexpr ByteCount operator-(ByteCount a, ByteCount b) {
    return ByteCount(a.m_bytes < b.m_bytes ? 0 : a.m_bytes - b.m_bytes);
  }
  constexpr ByteCount& operator+=(ByteCount other) { return *this = *this + other; }

 private:
  std::uint64_t m_bytes = 0;
};

constexpr ByteCount operator""_KiB(unsigned long long n) {
  return ByteCount(n << 10U);
}
constexpr ByteCount operator""_MiB(unsigned long long n) {
  return ByteCount(n << 20U);
}
constexpr ByteCount operator""_GiB(unsigned long long n) {
  return ByteCount(n << 30U);
}

/// For people: "1.5 GiB", "512 B".
std::string to_string(ByteCount bytes);
/// "512KiB", "1 GiB", "10MB", "4096", "0"; Errc::invalid with what is accepted.
Result<ByteCount> parse_byte_count(std::string_view text);

}  // namespace reelkeep
