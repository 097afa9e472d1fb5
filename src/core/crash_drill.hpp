#pragma once

#include <string_view>

namespace reelkeep::core {

/// For drills only: aborts when the environment variable REELKEEP_CRASH_ON_BODY is set and the body
/// holds its text, as a payload that kills the process would.
void crash_drill(std::string_view body) noexcept;

}  // namespace reelkeep::core
