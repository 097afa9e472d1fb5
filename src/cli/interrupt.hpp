#pragma once

namespace reelkeep::cli {

inline constexpr int k_interrupted = 130;  ///< exit_status(Errc::cancelled)

/// From here on SIGINT and SIGTERM end the process with that status, and a progress bar that is
/// drawn is taken away. For commands that leave nothing unfinished wherever they are ended.
void end_when_interrupted(int status = k_interrupted);
/// Any thread.
void bar_is_drawn(bool drawn) noexcept;

}  // namespace reelkeep::cli
