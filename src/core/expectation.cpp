#include "core/expectation.hpp"

namespace reelkeep::core {

media::Expectation expectation(ArtifactKind kind) noexcept {
  switch (kind) {
    case ArtifactKind::recording:
    case ArtifactKind::transcoded:
    case ArtifactKind::live_recording:
      return media::Expectation::moving_picture;
    case ArtifactKind::chatdata:
    case ArtifactKind::metadata:
    case ArtifactKind::transcription:
    case ArtifactKind::cdr:
    case ArtifactKind::delivered:
      break;
  }
  return media::Expectation::anything_but_html;
}

}  // namespace reelkeep::core
