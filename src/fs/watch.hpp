#pragma once

#include <string>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::fs {

/// Tells when files of a folder change, whoever changes them (inotify): another process appended to
/// the journal. fd() becomes readable; then drain(). One thread. A hint only: a watch may miss
/// changes on exotic filesystems, so its user looks by itself now and then.
class FolderWatch {
 public:
  /// `nudges`: only nudge_watchers() is waited for. Every write to a file of a folder that is
  /// watched for writes pays for that: a tenth of the CPU of the one who commits (perf).
  enum class Changes { all, nudges };
  /// Only names that begin with `prefix` count ("journal.db" with its "-wal"); empty: all.
  static Result<FolderWatch> open(const std::string& folder, std::string prefix,
                                  Changes changes = Changes::all);

  /// For poll(); never read it elsewhere.
  [[nodiscard]] int fd() const noexcept { return m_inotify.get(); }
  /// Takes all that is pending, without waiting; whether a counted name was among it.
  bool drain();

 private:
  FolderWatch(UniqueFd inotify, std::string prefix);
  UniqueFd m_inotify;
  std::string m_prefix;
};

/// Makes the watches of other processes look at `file`, which is not opened. A commit to SQLite in
/// WAL mode is written, and a watch told so, a moment before it can be read, and nothing follows:
/// who has committed calls this, so that a watch that came too early looks once more. It sets the
/// times of access and of modification to now: both together, or IN_ATTRIB does not tell of it.
Status nudge_watchers(const std::string& file);

}  // namespace reelkeep::fs
