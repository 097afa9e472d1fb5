#pragma once

#include "media/read_at.hpp"

namespace reelkeep::media {

/// Errc::corrupt when the bytes claim to be MP4/MOV or Matroska/WebM and an element of the top
/// level ends beyond `size`. What is merely odd (unknown boxes, impossible sizes, trailing bytes)
/// passes: players accept much, and it is not for an archiver to refuse it. A bounded number of
/// small reads.
Status check_container(ByteCount size, const ReadAt& read);

/// Fills `into` as far as `size` allows. Errc::corrupt when `read` gives less than there should be.
Result<std::size_t> read_exactly(ByteCount size, const ReadAt& read, ByteCount offset,
                                 std::span<std::byte> into);

}  // namespace reelkeep::media
