#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep {

/// A SHA-256 value. Computing one is the business of src/crypto.
struct Digest {
  std::array<std::byte, 32> bytes{};
  friend auto operator<=>(const Digest&, const Digest&) = default;
  /// 64 lower-case hex digits.
  [[nodiscard]] std::string hex() const;
};

Result<Digest> parse_digest(std::string_view hex);

}  // namespace reelkeep
