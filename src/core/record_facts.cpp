#include "core/record_facts.hpp"

#include <algorithm>

#include "core/lane.hpp"

namespace reelkeep::core {

std::string removal_note(ArtifactRow artifact, const std::string& location) {
  return std::string(k_removal_notes) + std::to_string(artifact.get()) + ":" + location;
}

Status RecordFacts::apply(const Command& command, Timestamp at, Era era) {
  if (const auto* wish = std::get_if<RedownloadCommand>(&command))
    return redownload(*wish, at, era);
  if (const auto* wish = std::get_if<CancelCommand>(&command)) return cancel(*wish);
  if (const auto* wish = std::get_if<AcceptCommand>(&command)) return accept(*wish);
  return {};
}

Status RecordFacts::apply(const Outcome& outcome, Timestamp at, Era era) {
  if (const auto* it = std::get_if<ReplicaStored>(&outcome)) return stored(*it, at, era);
  if (const auto* it = std::get_if<ReplicasStored>(&outcome)) {
    for (const ReplicaStored& one : it->replicas) REELKEEP_TRY(stored(one, at, era));
    return {};
  }
  if (const auto* it = std::get_if<ReplicaRemoved>(&outcome)) return removed(*it);
  if (const auto* it = std::get_if<ReplicaFound>(&outcome)) return found(*it, era);
  if (const auto* it = std::get_if<BytesReceived>(&outcome)) return received(*it, at, era);
  if (const auto* it = std::get_if<DeliveredFound>(&outcome)) return delivered(*it);
  if (const auto* it = std::get_if<Expired>(&outcome))
    return given_up(it->identity, ArtifactState::expired, it->error, std::nullopt, it->destination);
  if (const auto* it = std::get_if<Quarantined>(&outcome))
    return given_up(it->identity, ArtifactState::quarantined, it->error, it->digest,
                    it->destination);
  return {};
}

Result<std::optional<Artifact>> RecordFacts::member(const SessionKey& session,
                                                    const ArtifactId& id) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(id));
  if (artifact && artifact->identity.session != session) artifact.reset();
  if (artifact) return artifact;
  REELKEEP_ASSIGN(const std::optional<Session> known, m_catalog.session(session));
  if (!known) return artifact;
  REELKEEP_ASSIGN(std::vector<Artifact> members, m_catalog.artifacts(known->row));
  for (Artifact& candidate : members)
    if (candidate.staging_name == id.get()) return std::optional<Artifact>(std::move(candidate));
  return artifact;
}

Result<std::optional<Artifact>> RecordFacts::resolve(const ArtifactIdentity& identity) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(identity));
  if (artifact) return artifact;
  REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog.session(identity.session));
  if (!session) return artifact;
  REELKEEP_ASSIGN(
      std::vector<Artifact> same_source,
      m_catalog.artifacts_with_source(session->row, identity.kind, identity.source_key));
  for (Artifact& candidate : same_source)
    if (candidate.identity.stage.empty() || (identity.stage.empty() && same_source.size() == 1))
      return std::optional<Artifact>(std::move(candidate));
  return artifact;
}

Result<Artifact> RecordFacts::resolve_or_make(const ArtifactIdentity& identity, const RoomId& room,
                                              const std::string& name, Timestamp at) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, resolve(identity));
  if (artifact) return std::move(*artifact);
  SessionFacts facts(m_catalog, m_policy);
  REELKEEP_ASSIGN(const Session session, facts.session_for(identity.session, room, at));
  Artifact fresh;
  fresh.session_row = session.row;
  fresh.identity = identity;
  fresh.room_id = session.room_id;
  fresh.name = name;
  fresh.offered_at = fresh.known_at = fresh.url_at = at;
  REELKEEP_TRY(facts.settle_new(fresh, session));
  REELKEEP_ASSIGN(fresh, m_catalog.put_artifact(std::move(fresh)));
  REELKEEP_TRY(facts.relink_pushes(session, name));
  return fresh;
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
        // The source first; what is known only from a push has none.
        if (artifact->identity.kind != ArtifactKind::delivered)
          artifact->host = lane_host(artifact->url, artifact->identity.kind);
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
      artifact->refetch = artifact->replace = false;
      REELKEEP_TRY(keep_promise(*artifact));
    } else {
      artifact->state = ArtifactState::cancelled;
      artifact->error = Error{Errc::cancelled, "cancelled: " + command.reason};
    }
    artifact->next_attempt_at.reset();
    artifact->resume.reset();
    artifact->bad_digest.reset();
    REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog.pending(artifact->row));
    if (!waiting.empty())
      artifact->in_hand = false;  // bytes fetched again, on their way into stores
    REELKEEP_TRY(m_catalog.remove_pending(artifact->row));
    m_effects.emplace_back(DropTransfer{artifact->row});
    m_effects.emplace_back(DropStaging{artifact->staging_name});
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

Status RecordFacts::stored(const ReplicaStored& outcome, Timestamp at, Era era) {
  REELKEEP_ASSIGN(Artifact artifact,
                  resolve_or_make(outcome.identity, outcome.room_id,
                                  outcome.path.substr(outcome.path.rfind('/') + 1), at));
  // The store looked at its own older copy of these bytes first and did not find them there.
  Copies copies;
  REELKEEP_ASSIGN(copies.replicas, m_catalog.replicas(artifact.row));
  std::optional<Timestamp> read_at;
  for (Replica& replica : copies.replicas) {
    if (replica.location == outcome.location && replica.digest == outcome.digest)
      read_at = replica.read_at;
    if (replica.store != outcome.store || replica.digest != outcome.digest ||
        replica.location == outcome.location || replica.state != ReplicaState::verified)
      continue;
    replica.state = ReplicaState::corrupt;
    replica.found_at = outcome.verified_at;
    replica.cause = "the store did not find these bytes here when it was given them again";
    replica.audit_at.reset();
    REELKEEP_TRY(m_catalog.put_replica(artifact.row, replica));
  }
  Replica stored{.store = outcome.store,
                 .path = outcome.path,
                 .location = outcome.location,
                 .size = outcome.size,
                 .digest = outcome.digest,
                 .state = ReplicaState::verified,
                 .verified_at = outcome.verified_at,
                 .read_at = read_at,
                 .audit_at = era == Era::history
                                 ? k_at_once
                                 : first_audit(outcome.verified_at, artifact.deadline)};
  REELKEEP_TRY(m_catalog.put_replica(artifact.row, stored));
  std::erase_if(copies.replicas,
                [&](const Replica& replica) { return replica.location == stored.location; });
  copies.replicas.push_back(std::move(stored));
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog.pending(artifact.row));
  for (const PendingPut& row : waiting) {
    if (row.store == outcome.store && row.digest == outcome.digest)
      REELKEEP_TRY(m_catalog.remove_pending(artifact.row, outcome.store));
    else
      copies.has_pending = true;
  }
  if (!outcome.root.empty())
    REELKEEP_TRY(m_catalog.set_note("root:" + outcome.store.get(), outcome.root));
  return settle(std::move(artifact), outcome.size, outcome.digest, outcome.disputed, outcome.wanted,
                std::move(copies));
}

/// Only a catalog that is being built, or is an older copy, learns of the bytes from it. Every one
/// learns that the journal knows of them.
Status RecordFacts::received(const BytesReceived& outcome, Timestamp at, Era era) {
  REELKEEP_ASSIGN(Artifact artifact,
                  resolve_or_make(outcome.identity, outcome.room_id,
                                  std::string(to_string(outcome.identity.kind)), at));
  REELKEEP_ASSIGN(std::vector<PendingPut> waiting, m_catalog.pending(artifact.row));
  for (PendingPut& row : waiting) {
    if (row.journaled || row.digest != outcome.digest) continue;
    row.journaled = true;
    REELKEEP_TRY(m_catalog.put_pending(row));
  }
  if (artifact.state != ArtifactState::planned && artifact.state != ArtifactState::waiting)
    return {};
  // They turned out not to be there any more before this was read.
  if (era == Era::live && artifact.state == ArtifactState::waiting) return {};
  artifact.state = ArtifactState::verifying;
  artifact.size = artifact.received = outcome.size;
  artifact.digest = outcome.digest;
  artifact.disputed = outcome.disputed;
  artifact.next_attempt_at.reset();
  if (era == Era::live) m_effects.push_back(Publish{artifact.row});
  REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  return {};
}

Status RecordFacts::removed(const ReplicaRemoved& outcome) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, resolve(outcome.identity));
  if (!artifact) return {};
  REELKEEP_TRY(m_catalog.set_note(removal_note(artifact->row, outcome.location), std::nullopt));
  return m_catalog.remove_replica(artifact->row, outcome.location);
}

Status RecordFacts::found(const ReplicaFound& outcome, Era era) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, resolve(outcome.identity));
  if (!artifact) return {};
  REELKEEP_ASSIGN(std::vector<Replica> replicas, m_catalog.replicas(artifact->row));
  const auto named = std::ranges::find(replicas, outcome.location, &Replica::location);
  if (named == replicas.end() || named->state == ReplicaState::superseded) return {};
  named->state = outcome.state;
  if (outcome.state == ReplicaState::verified) {
    named->verified_at = named->read_at = outcome.at;
    named->found_at.reset();
    named->cause.clear();
    named->audit_at = era == Era::history ? k_at_once : outcome.at + m_policy.audit_every;
    REELKEEP_TRY(m_catalog.put_replica(artifact->row, *named));
    // Good again, before it was repaired.
    if (artifact->state == ArtifactState::archived || artifact->in_hand || !named->digest)
      return {};
    return settle(std::move(*artifact), named->size, *named->digest, artifact->disputed);
  }
  named->found_at = outcome.at;
  named->cause = outcome.cause;
  named->audit_at.reset();
  REELKEEP_TRY(m_catalog.put_replica(artifact->row, *named));
  // One that is on its way into stores has to go into this one again. A transfer in hand brings the
  // bytes again; when it fails the promise is looked at.
  if (artifact->state == ArtifactState::verifying) m_effects.push_back(Publish{artifact->row});
  if (artifact->state != ArtifactState::archived || artifact->in_hand) return {};
  artifact->known_at = std::max(artifact->known_at, outcome.at);
  REELKEEP_TRY(keep_promise(*artifact));
  if (artifact->state != ArtifactState::archived)
    artifact->error = Error{Errc::corrupt, std::string(to_string(outcome.state)) + " at " +
                                               outcome.location + ": " + outcome.cause};
  REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  return {};
}

Status RecordFacts::given_up(const ArtifactIdentity& identity, ArtifactState state,
                             const Error& error, const std::optional<Digest>& bad_digest,
                             const StoreId& destination) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, resolve(identity));
  if (!artifact) return {};
  if (artifact->state != ArtifactState::waiting && artifact->state != ArtifactState::planned)
    return {};
  // A verdict on the source that is not asked any more.
  if (destination_of_lane(artifact->host).value_or(StoreId()) != destination) return {};
  artifact->state = state;
  artifact->error = error;
  if (bad_digest) artifact->bad_digest = bad_digest;
  artifact->next_attempt_at.reset();
  REELKEEP_ASSIGN(const Artifact kept, m_catalog.put_artifact(std::move(*artifact)));
  return SessionFacts(m_catalog, m_policy).relink_pushes_of(kept);
}

}  // namespace reelkeep::core
