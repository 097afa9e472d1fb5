#pragma once

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::daemon {

/// SIGTERM, SIGINT and SIGHUP as a descriptor, for every thread started from now on; SIGPIPE is
/// ignored.
Result<UniqueFd> signals();

/// The one that came; 0: none is waiting.
int next_signal(const UniqueFd& fd);

/// A second SIGTERM or SIGINT while stopping ends the process at once.
void let_the_next_signal_end_it();

}  // namespace reelkeep::daemon
