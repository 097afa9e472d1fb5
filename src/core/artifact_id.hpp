#pragma once

#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

/// First 12 hex digits of the SHA-256 of the identity: the same on every host and after a rebuild.
/// Pure; any thread.
[[nodiscard]] ArtifactId artifact_id(const ArtifactIdentity& identity);

}  // namespace reelkeep
