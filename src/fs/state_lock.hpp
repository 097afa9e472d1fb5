#pragma once

#include <optional>
#include <string>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::fs {

/// Proof that this process alone works on a state directory. Held until destroyed (or until the
/// process ends, however it ends). Moves; one thread.
class StateLock {
 public:
  /// Creates `state_dir` (0700) where it is missing. Errc::conflict: another process holds it
  /// (named by its pid). Errc::invalid: a filesystem of another machine.
  static Result<StateLock> acquire(const std::string& state_dir);
  /// The pid of the process that holds the lock now; 0 when it did not say; nothing: nobody does.
  static Result<std::optional<long>> holder(const std::string& state_dir);

  StateLock(StateLock&&) noexcept = default;
  StateLock& operator=(StateLock&&) noexcept = default;
  ~StateLock();

 private:
  explicit StateLock(UniqueFd file) noexcept;
  UniqueFd m_file;
};

}  // namespace reelkeep::fs
