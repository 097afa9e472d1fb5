#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace reelkeep::media {

/// Copies what of `piece`, which lies at `at`, falls into the window that begins at `offset`.
inline void overlay(std::string_view piece, std::uint64_t at, std::uint64_t offset,
                    std::span<std::byte> into) {
  const std::uint64_t from = std::max(at, offset);
  const std::uint64_t to = std::min(at + piece.size(), offset + into.size());
  if (from < to) std::memcpy(into.data() + (from - offset), piece.data() + (from - at), to - from);
}

}  // namespace reelkeep::media
