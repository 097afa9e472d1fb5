#include "core/crash_drill.hpp"

#include <cstdlib>

#include "reelkeep/base/error.hpp"

namespace reelkeep::core {

void crash_drill(std::string_view body) noexcept {
  static const char* const trigger = std::getenv("REELKEEP_CRASH_ON_BODY");
  if (trigger != nullptr && *trigger != '\0' && body.find(trigger) != std::string_view::npos)
    abort_broken_invariant("REELKEEP_CRASH_ON_BODY is set and its text came");
}

}  // namespace reelkeep::core
