#include "fs/crash_point.hpp"

#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace reelkeep::fs {

void crash_point(const char* name) noexcept {
  const char* wanted = std::getenv("REELKEEP_CRASH_AT");
  if (wanted != nullptr && std::strcmp(wanted, name) == 0) ::_exit(k_crash_status);
}

}  // namespace reelkeep::fs
