#pragma once

#include <string>
#include <vector>

namespace reelkeep::testing {

/// Watches, and on demand fails, the calls of this program that put things on the medium: fsync,
/// fdatasync, sync_file_range, pwrite past the cache, fchmod, renameat2, renameat, linkat,
/// unlinkat. They are defined by the test program itself, in front of the C library's. One at a
/// time; while none exists the calls pass unseen.
class Syscalls {
 public:
  Syscalls();
  ~Syscalls();
  Syscalls(const Syscalls&) = delete;
  Syscalls& operator=(const Syscalls&) = delete;

  /// "fsync /path", "renameat2 /from /to", "wait 4096 /path" (for its first 4,096 bytes), "direct
  /// 65536 /path" (so many bytes), in order.
  /// Not noted, but may fail: "start 4096 /path" (what is behind it goes on its way), "write 10
  /// /path" (through the cache).
  [[nodiscard]] std::vector<std::string> seen() const;
  void forget();
  /// The next call whose text contains `part` fails with `error_number` and is not done.
  void fail(const std::string& part, int error_number);
  /// The next pwrite whose text contains `part` writes `size` bytes only.
  void cut(const std::string& part, std::size_t size);
};

}  // namespace reelkeep::testing
