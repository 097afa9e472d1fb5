#include <algorithm>

#include "reelkeep/model/session.hpp"

namespace reelkeep {
namespace {

ArtifactStanding standing(const ArtifactView& view) {
  const bool verified =
      std::any_of(view.replicas.begin(), view.replicas.end(),
                  [](const Replica& replica) { return replica.state == ReplicaState::verified; });
  return {.state = view.artifact.state,
          .refetch_only = view.artifact.refetch && verified,
          .has_verified_replica = verified,
          .complete_in_staging =
              view.artifact.state == ArtifactState::verifying || view.artifact.digest.has_value(),
          .deadline = view.artifact.deadline,
          .stuck = is_stuck(view)};
}

std::vector<ArtifactStanding> standings(const SessionView& view) {
  std::vector<ArtifactStanding> all;
  all.reserve(view.artifacts.size());
  std::transform(view.artifacts.begin(), view.artifacts.end(), std::back_inserter(all), standing);
  return all;
}

/// Cancelled and delivered artifacts count for nothing.
bool counts(const ArtifactStanding& artifact) noexcept {
  return artifact.state != ArtifactState::cancelled && artifact.state != ArtifactState::delivered;
}

bool is_lost(const ArtifactStanding& artifact) noexcept {
  return (artifact.state == ArtifactState::expired ||
          artifact.state == ArtifactState::quarantined) &&
         !artifact.has_verified_replica && !artifact.complete_in_staging;
}

bool is_left(const ArtifactStanding& artifact) noexcept {
  return is_work(artifact.state) && !artifact.refetch_only;
}

/// The deadline is the source's: once all bytes are here it threatens nothing.
bool needs_source(const ArtifactStanding& artifact) noexcept {
  return is_left(artifact) && !artifact.complete_in_staging;
}

}  // namespace

bool is_stuck(const ArtifactView& view) noexcept {
  const Artifact& artifact = view.artifact;
  return artifact.state == ArtifactState::verifying && artifact.error &&
         artifact.error->code == Errc::corrupt &&
         std::any_of(view.replicas.begin(), view.replicas.end(), [](const Replica& replica) {
           return replica.store && replica.path.empty() &&
                  (replica.state == ReplicaState::missing ||
                   replica.state == ReplicaState::corrupt);
         });
}

SessionState session_state(const Session& session, std::span<const ArtifactStanding> artifacts,
                           Timestamp now, Duration warn_before) {
  if (std::any_of(artifacts.begin(), artifacts.end(), is_lost)) return SessionState::lost;
  if (std::any_of(artifacts.begin(), artifacts.end(), [&](const ArtifactStanding& artifact) {
        return artifact.stuck || (needs_source(artifact) && artifact.deadline - now < warn_before);
      }))
    return SessionState::overdue;
  if (std::any_of(artifacts.begin(), artifacts.end(), is_left)) return SessionState::waiting;
  const bool under_way = session.started_at.has_value() && !session.ended_at.has_value();
  if (under_way || std::none_of(artifacts.begin(), artifacts.end(), counts))
    return SessionState::open;
  return SessionState::complete;
}

SessionState session_state(const SessionView& view, Timestamp now, Duration warn_before) {
  return session_state(view.session, standings(view), now, warn_before);
}

std::optional<Timestamp> session_deadline(const SessionView& view) {
  std::optional<Timestamp> nearest;
  std::optional<Timestamp> latest;
  for (const ArtifactStanding& artifact : standings(view)) {
    if (needs_source(artifact))
      nearest = nearest ? std::min(*nearest, artifact.deadline) : artifact.deadline;
    if (counts(artifact))
      latest = latest ? std::max(*latest, artifact.deadline) : artifact.deadline;
  }
  return nearest ? nearest : latest;
}

}  // namespace reelkeep
