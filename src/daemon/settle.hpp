#pragma once

#include <functional>
#include <vector>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

#include "daemon/config.hpp"

namespace reelkeep::daemon {

/// Runs an agent in this process, without servers, until these artifacts are settled (archived,
/// or given up, or their refetch has failed). `tick` is called now and then for progress; SIGINT
/// and SIGTERM end it with Errc::cancelled. Errc::conflict: an agent runs already.
Status run_until_settled(const Config& config, const std::vector<ArtifactId>& artifacts,
                         const std::function<void()>& tick);

}  // namespace reelkeep::daemon
