#pragma once

#include <string>

namespace reelkeep {

/// The calling thread's name, for those who look from outside (`top -H`, a debugger, a test that
/// holds one thread). The kernel keeps 15 bytes.
void name_this_thread(const std::string& name) noexcept;

}  // namespace reelkeep
