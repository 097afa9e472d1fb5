#include "core/record_facts.hpp"

#include <algorithm>

namespace reelkeep::core {

Status RecordFacts::apply(const Command& command, Timestamp at, Era era) {
  if (const auto* wish = std::get_if<RedownloadCommand>(&command)) return redownload(*wish, at, era);
  if (const auto* wish = std::get_if<CancelCommand>(&command)) return cancel(*wish);
  if (const auto* wish = std::get_if<AcceptCommand>(&command)) return accept(*wish);
  if (const auto* wish = std::get_if<ReplayCommand>(&command))
    if (era == Era::live) m_effects.push_back(ApplyAgain{wish->entries});
  return {};
}

Status RecordFacts::apply(const Outcome& outcome, Timestamp at, Era) {
  if (const auto* stored_now = std::get_if<ReplicaStored>(&outcome)) return stored(*stored_now, at);
  if (const auto* gone = std::get_if<ReplicaRemoved>(&outcome)) return removed(*gone);
  if (const auto* seen = std::get_if<ReplicaFound>(&outcome)) return found(*seen);
  if (const auto* over = std::get_if<Expired>(&outcome))
    return given_up(over->identity, ArtifactState::expired, over->error, std::nullopt);
  if (const auto* bad = std::get_if<Quarantined>(&outcome))
    return given_up(bad->identity, ArtifactState::quarantined, bad->error, bad->digest);
  return {};
}

Result<std::optional<Artifact>> RecordFacts::member(const SessionKey& session,
                                                    const ArtifactId& id) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(id));
  if (artifact && artifact->identity.session != session) artifact.reset();
  return artifact;
}

Status RecordFacts::redownload(const RedownloadCommand& command, Timestamp at, Era era) {
  for (const ArtifactId& id : command.artifacts) {
    REELKEEP_ASSIGN(std::optional<Artifact> artifact, member(command.session, id));
    if (!artifact) continue;
    switch (artifact->state) {
      case ArtifactState::archived:
        if (era == Era::history || artifact->refetch) continue;
        artifact->refetch = true;
        artifact->replace = command.replace;
        artifact->next_attempt_at.reset();
        break;
      case ArtifactState::waiting:
      case ArtifactState::quarantined:
      case ArtifactState::expired:
        artifact->state = ArtifactState::planned;
        artifact->next_attempt_at.reset();
        break;
      case ArtifactState::planned:
      case ArtifactState::running:
      case ArtifactState::verifying:
        break;
      case ArtifactState::cancelled:
      case ArtifactState::delivered:
        continue;
    }
    artifact->known_at = std::max(artifact->known_at, at);
    REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  }
  return {};
}

Status RecordFacts::cancel(const CancelCommand& command) {
  for (const ArtifactId& id : command.artifacts) {
    REELKEEP_ASSIGN(std::optional<Artifact> artifact, member(command.session, id));
    if (!artifact || artifact->state == ArtifactState::delivered ||
        artifact->state == ArtifactState::cancelled)
      continue;
    if (artifact->state == ArtifactState::archived) {
      // What is archived stays; only a pending refetch is given up.
      if (!artifact->refetch) continue;
      artifact->refetch = false;
    } else {
      artifact->state = ArtifactState::cancelled;
      artifact->error = Error{Errc::cancelled, "cancelled: " + command.reason};
    }
    artifact->next_attempt_at.reset();
    artifact->resume.reset();
    artifact->bad_digest.reset();
    m_effects.push_back(DropTransfer{artifact->row});
    m_effects.push_back(DropStaging{artifact->staging_name});
    REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  }
  return {};
}

Status RecordFacts::accept(const AcceptCommand& command) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, member(command.session, command.artifact));
  if (!artifact || !artifact->bad_digest || artifact->in_hand) return {};
  if (artifact->state != ArtifactState::quarantined && artifact->state != ArtifactState::waiting &&
      artifact->state != ArtifactState::planned)
    return {};
  artifact->state = ArtifactState::verifying;
  artifact->digest = artifact->bad_digest;
  artifact->disputed = true;
  artifact->next_attempt_at.reset();
  m_effects.push_back(Publish{artifact->row});
  REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  return {};
}

Status RecordFacts::stored(const ReplicaStored& outcome, Timestamp at) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(outcome.identity));
  if (!artifact && !outcome.identity.stage.empty()) {
    // Its stage may have been filled in after this outcome was written, or not yet.
    ArtifactIdentity bare = outcome.identity;
    bare.stage.clear();
    REELKEEP_ASSIGN(artifact, m_catalog.artifact(bare));
  }
  if (!artifact) {
    SessionFacts facts(m_catalog, m_policy);
    REELKEEP_ASSIGN(const Session session,
                    facts.session_for(outcome.identity.session, outcome.room_id, at));
    REELKEEP_ASSIGN(std::vector<Artifact> same_source,
                    m_catalog.artifacts_with_source(session.row, outcome.identity.kind,
                                                    outcome.identity.source_key));
    if (outcome.identity.stage.empty() && !same_source.empty()) {
      artifact = same_source.front();
    } else {
      Artifact fresh;
      fresh.session_row = session.row;
      fresh.identity = outcome.identity;
      fresh.room_id = session.room_id;
      fresh.name = outcome.path.substr(outcome.path.rfind('/') + 1);
      fresh.offered_at = fresh.known_at = fresh.url_at = at;
      REELKEEP_TRY(facts.settle_new(fresh, session));
      REELKEEP_ASSIGN(artifact, m_catalog.put_artifact(std::move(fresh)));
      REELKEEP_TRY(facts.relink_pushes(session, artifact->name));
    }
  }
  REELKEEP_TRY(m_catalog.put_replica(artifact->row, Replica{.store = outcome.store,
                                                            .path = outcome.path,
                                                            .location = outcome.location,
                                                            .size = outcome.size,
                                                            .digest = outcome.digest,
                                                            .state = ReplicaState::verified,
                                                            .verified_at = outcome.verified_at}));
  return settle(std::move(*artifact), outcome);
}

Status RecordFacts::settle(Artifact artifact, const ReplicaStored& outcome) {
  REELKEEP_ASSIGN(std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  const auto holds = [&](const StoreId& store) {
    return std::ranges::any_of(replicas, [&](const Replica& replica) {
      return replica.store == store && replica.digest == outcome.digest &&
             replica.state == ReplicaState::verified;
    });
  };
  const ProjectPolicy* project = m_policy.project(artifact.identity.session.app_id);
  const bool everywhere =
      project == nullptr ? true : std::ranges::all_of(project->stores, holds);
  if (!everywhere) return {};

  for (Replica& replica : replicas) {
    if (!replica.store || replica.digest == outcome.digest ||
        replica.state == ReplicaState::superseded)
      continue;
    replica.state = ReplicaState::superseded;
    REELKEEP_TRY(m_catalog.put_replica(artifact.row, replica));
    if (artifact.replace) m_effects.push_back(RemoveSuperseded{artifact.row});
  }
  if (artifact.state == ArtifactState::cancelled) return {};  // the tombstone stays
  artifact.state = ArtifactState::archived;
  artifact.size = artifact.received = outcome.size;
  artifact.digest = outcome.digest;
  artifact.disputed = outcome.disputed;
  artifact.refetch = artifact.in_hand = false;
  artifact.next_attempt_at.reset();
  artifact.error.reset();
  artifact.resume.reset();
  artifact.bad_digest.reset();
  artifact.deaths = 0;
  m_effects.push_back(DropStaging{artifact.staging_name});
  REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  return {};
}

Status RecordFacts::removed(const ReplicaRemoved& outcome) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog.artifact(outcome.identity));
  if (!artifact) return {};
  return m_catalog.remove_replica(artifact->row, outcome.location);
}

Status RecordFacts::found(const ReplicaFound& outcome) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog.artifact(outcome.identity));
  if (!artifact) return {};
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact->row));
  for (Replica replica : replicas) {
    if (replica.location != outcome.location) continue;
    const bool current = replica.state == ReplicaState::verified;
    replica.state = outcome.state;
    if (outcome.state == ReplicaState::verified) replica.verified_at = outcome.at;
    REELKEEP_TRY(m_catalog.put_replica(artifact->row, replica));
    if (!current || outcome.state == ReplicaState::verified ||
        artifact->state != ArtifactState::archived)
      continue;
    // What is called archived is really there: without its replica it is work again.
    Artifact again = *artifact;
    again.state = ArtifactState::planned;
    again.refetch = false;
    again.size.reset();
    again.digest.reset();
    again.received = ByteCount(0);
    again.known_at = std::max(again.known_at, outcome.at);
    again.next_attempt_at.reset();
    again.error = Error{Errc::corrupt, std::string(to_string(outcome.state)) + " at " +
                                           outcome.location + ": " + outcome.cause};
    REELKEEP_TRY(m_catalog.put_artifact(std::move(again)));
  }
  return {};
}

Status RecordFacts::given_up(const ArtifactIdentity& identity, ArtifactState state,
                             const Error& error, const std::optional<Digest>& bad_digest) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(identity));
  if (!artifact) return {};
  if (artifact->state != ArtifactState::waiting && artifact->state != ArtifactState::planned)
    return {};
  artifact->state = state;
  artifact->error = error;
  if (bad_digest) artifact->bad_digest = bad_digest;
  artifact->next_attempt_at.reset();
  REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  return {};
}

}  // namespace reelkeep::core
