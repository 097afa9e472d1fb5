#pragma once

#include "reelkeep/model/words.hpp"

#include "media/judge.hpp"

namespace reelkeep::core {

/// What the bytes of an artifact of this kind have to be.
media::Expectation expectation(ArtifactKind kind) noexcept;

}  // namespace reelkeep::core
