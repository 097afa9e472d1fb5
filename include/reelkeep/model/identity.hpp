#pragma once

#include <string>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

/// The bytes whose SHA-256 gives the ArtifactId: five fields, each preceded by its length, so that
/// no two identities share a text. Never changes: ids are the same on every host.
std::string identity_text(const ArtifactIdentity& identity);

}  // namespace reelkeep
