#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

#include "daemon/config.hpp"

namespace reelkeep::daemon {

struct ServeOptions {
  std::string config_path;
};

/// Runs the service on the calling thread, which must be the only one: intake, agent, admin server,
/// signals, watchdog. Returns after SIGTERM or SIGINT. Errors are those of the start: invalid,
/// conflict (port taken, second agent), unauthorized, corrupt.
Status serve(const ServeOptions& options);

/// Runs an agent in this process, without servers, until these artifacts are settled (archived,
/// or given up, or their refetch has failed). `tick` is called now and then for progress; SIGINT
/// and SIGTERM end it with Errc::cancelled. Errc::conflict: an agent runs already.
Status run_until_settled(const Config& config, const std::vector<ArtifactId>& artifacts,
                         const std::function<void()>& tick);

}  // namespace reelkeep::daemon
