#pragma once

namespace reelkeep::fs {

/// Exit status of a process that was ended by a crash point.
inline constexpr int k_crash_status = 86;

/// Ends the process at once, as a SIGKILL would, when the environment variable REELKEEP_CRASH_AT is
/// `name`: the tests kill the program between any two steps of publishing with it. Compiled in
/// always, so that what is tested is what runs; costs one getenv(). Any thread.
void crash_point(const char* name) noexcept;

}  // namespace reelkeep::fs
