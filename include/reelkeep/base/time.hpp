#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep {

using Duration = std::chrono::milliseconds;
/// Wall clock, UTC.
using Timestamp = std::chrono::sys_time<Duration>;
/// For intervals inside one process: never jumps.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// Of the machine itself: for what no Clock is handed to.
inline MonotonicTime steady_now() noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

/// "2026-01-04T10:00:00.000Z".
std::string to_rfc3339(Timestamp time);
/// RFC 3339 or ISO-8601 with offset or Z; without an offset it is UTC; a bare date is its midnight.
Result<Timestamp> parse_rfc3339(std::string_view text);
/// "500ms", "90s", "15m", "72h", "30d"; Errc::invalid with what is accepted.
Result<Duration> parse_duration(std::string_view text);
/// For people, two units at most: "2h 5m", "3d", "850ms".
std::string to_string(Duration duration);
/// For people: "in 2h 5m", "3d ago", "now".
std::string relative(Timestamp time, Timestamp now);

}  // namespace reelkeep
