#pragma once

#include <string>

#include "s3/client.hpp"

namespace reelkeep::s3 {

/// One CopyObject takes at most this much.
inline constexpr ByteCount k_largest_single_copy = 5_GiB;

/// Name of the user metadata of a copy that says which object it was made from: `moved_from(key)`.
inline constexpr const char* k_moved_header = "x-amz-meta-reelkeep-moved-from";
/// Keys may hold what no header can.
[[nodiscard]] std::string moved_from(const std::string& key);

/// Copies an object within its bucket, at the server, with its metadata and k_moved_header. Nothing
/// that is there is overwritten knowingly: the caller looked. `etag` (with quotes): the source has
/// to be that one. From `in_parts_above` on it is copied in parts of `part`; what an error leaves
/// of them is aborted.
Status copy_object(Client& client, const std::string& from, const std::string& to, ByteCount size,
                   const std::string& etag, ByteCount in_parts_above = k_largest_single_copy,
                   ByteCount part = 1_GiB);

}  // namespace reelkeep::s3
