#include "core/artifact_id.hpp"

#include "reelkeep/model/identity.hpp"

#include "crypto/sha256.hpp"

namespace reelkeep {

ArtifactId artifact_id(const ArtifactIdentity& identity) {
  constexpr std::size_t k_digits = 12;
  return ArtifactId(sha256(identity_text(identity)).hex().substr(0, k_digits));
}

}  // namespace reelkeep
