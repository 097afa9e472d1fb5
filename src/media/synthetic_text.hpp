#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace reelkeep::media {

/// A JSON array of chat lines, exactly `size` bytes, valid for every size but 0 (empty).
void fill_json(std::uint64_t seed, std::uint64_t size, std::uint64_t offset,
               std::span<std::byte> into);
/// Lines of a transcript, cut at `size`; the last byte is a line feed.
void fill_text(std::uint64_t seed, std::uint64_t size, std::uint64_t offset,
               std::span<std::byte> into);

}  // namespace reelkeep::media
