#pragma once

#include <memory>
#include <string>

#include "reelkeep/port/staging.hpp"

namespace reelkeep::fs {

struct StagingOptions {
  /// Below this an append is refused with Errc::no_space; looked at every 16 MiB per file.
  ByteCount minimum_free_space;
  /// Empty: that of this machine's boot.
  std::string boot_id;
};

/// Staging in the directory `dir` (0700; made where only it is missing, not its parents: they may
/// be a mount point that is not mounted). Files are `<name>.part` and `<name>.bad`, 0600. The
/// directory is held open: if its filesystem is unmounted and something else appears under the
/// path, nothing is written there. Any thread; the StagingFiles must not outlive it.
Result<std::unique_ptr<Staging>> make_staging(const std::string& dir, StagingOptions options);

}  // namespace reelkeep::fs
