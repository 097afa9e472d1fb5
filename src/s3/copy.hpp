#pragma once

#include <string>

#include "s3/client.hpp"

namespace reelkeep::s3 {

/// One CopyObject takes at most this much.
inline constexpr ByteCount k_largest_single_copy = 5_GiB;

/// Copies an object within its bucket, at the server, with its metadata. Nothing that is there is
/// overwritten knowingly: the caller looked. `etag` (with quotes): the source has to be that one.
/// From `in_parts_above` on it is copied in parts of `part`; what an error leaves of them is
/// aborted.
Status copy_object(Client& client, const std::string& from, const std::string& to, ByteCount size,
                   const std::string& etag, ByteCount in_parts_above = k_largest_single_copy,
                   ByteCount part = 1_GiB);

}  // namespace reelkeep::s3
