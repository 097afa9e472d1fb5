#pragma once

#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"

namespace reelkeep::fs {

/// Bytes that this user can still write on the filesystem of `path` (root's own reserve does not
/// count). Any thread.
Result<ByteCount> free_bytes(const std::string& path);
Result<ByteCount> free_bytes(int fd);

/// "nfs", "cifs", "fuse.sshfs", ... when `path` is on a filesystem of another machine, where
/// SQLite's WAL and file locks cannot be trusted; empty for a local one.
Result<std::string> network_filesystem(const std::string& path);

/// The same from what statfs() and /proc/self/mountinfo say: `magic` is f_type, `fuse_type` the
/// mounted type where the magic is FUSE's. Pure.
std::string network_filesystem_name(unsigned long magic, const std::string& fuse_type);

}  // namespace reelkeep::fs
