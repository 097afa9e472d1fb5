#pragma once

#include <string>

#include "reelkeep/base/result.hpp"

namespace reelkeep::daemon {

struct ServeOptions {
  std::string config_path;
};

/// Runs the service on the calling thread, which must be the only one: intake, agent, admin server,
/// signals, watchdog. Returns after SIGTERM or SIGINT. Errors are those of the start: invalid,
/// conflict (port taken, second agent), unauthorized, corrupt.
Status serve(const ServeOptions& options);

}  // namespace reelkeep::daemon
