#pragma once

#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"

namespace reelkeep::fs {

/// Disk space kept back for the journal: a preallocated file beside it, given up when a commit
/// meets a full disk, taken again when there is room. Any thread: the state is the file itself, and
/// its changes are single steps of the filesystem.
class IntakeReserve {
 public:
  /// Touches nothing. Size zero: no reserve is kept.
  IntakeReserve(const std::string& state_dir, ByteCount size);

  /// Takes the reserve where it is missing or has another size. Errc::no_space: not now; what was
  /// taken for it is given back.
  Status ensure();
  /// Gives the space back; false: there was nothing to give.
  bool release();
  [[nodiscard]] bool held() const;

 private:
  const std::string m_path;
  const ByteCount m_size;
};

}  // namespace reelkeep::fs
