#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"

namespace reelkeep::media {

/// Bytes at an offset of what is judged; fewer than asked for only at its end.
using ReadAt = std::function<Result<std::size_t>(ByteCount offset, std::span<std::byte> into)>;

}  // namespace reelkeep::media
