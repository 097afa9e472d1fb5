// When an artifact is archived, when it is not any more, and what it falls short of.
#include <algorithm>

#include "core/record_facts.hpp"

namespace reelkeep::core {
namespace {

/// What is said of a replica at a destination, where the provider put it, is held against the bytes
/// of the artifact as it is now: for other ones its digest alone counts. It counts when all of it
/// was read.
bool holds(const Replica& replica, const StoreId& store, const Digest& digest) {
  if (replica.store != store || replica.digest != digest) return false;
  if (!replica.path.empty()) return replica.state == ReplicaState::verified;
  return replica.read_at &&
         (replica.state == ReplicaState::verified || replica.state == ReplicaState::corrupt);
}

bool is_held(const std::vector<Replica>& replicas, const StoreId& store, const Digest& digest) {
  return std::ranges::any_of(replicas,
                             [&](const Replica& replica) { return holds(replica, store, digest); });
}

}  // namespace

/// Of a project whose block is gone only the journal's rows know them, and what they left waiting.
Result<std::vector<StoreId>> RecordFacts::wanted_stores(const Artifact& artifact,
                                                        const Digest& digest,
                                                        const std::vector<StoreId>& told) {
  const ProjectPolicy* project = m_policy.project(artifact.identity.session.app_id);
  if (project != nullptr) return project->stores;
  std::vector<StoreId> wanted = told;
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog.pending(artifact.row));
  for (const PendingPut& row : waiting)
    if (row.digest == digest && std::ranges::find(wanted, row.store) == wanted.end())
      wanted.push_back(row.store);
  return wanted;
}

Result<RecordFacts::Copies> RecordFacts::copies_of(ArtifactRow artifact) {
  REELKEEP_ASSIGN(std::vector<Replica> replicas, m_catalog.replicas(artifact));
  REELKEEP_ASSIGN(const std::vector<PendingPut> pending, m_catalog.pending(artifact));
  return Copies{std::move(replicas), !pending.empty()};
}

Status RecordFacts::settle(Artifact artifact, ByteCount size, const Digest& digest, bool disputed,
                           const std::vector<StoreId>& told) {
  REELKEEP_ASSIGN(Copies copies, copies_of(artifact.row));
  return settle(std::move(artifact), size, digest, disputed, told, std::move(copies));
}

Status RecordFacts::settle(Artifact artifact, ByteCount size, const Digest& digest, bool disputed,
                           const std::vector<StoreId>& told, Copies copies) {
  std::vector<Replica>& replicas = copies.replicas;
  REELKEEP_ASSIGN(const std::vector<StoreId> wanted, wanted_stores(artifact, digest, told));
  const bool everywhere = !wanted.empty() && std::ranges::all_of(wanted, [&](const StoreId& store) {
    return is_held(replicas, store, digest);
  });
  if (!everywhere) return fall_short(std::move(artifact), size, digest, disputed, wanted);
  if (copies.has_pending) REELKEEP_TRY(m_catalog.remove_pending(artifact.row));

  std::vector<std::string> superseded;
  for (Replica& replica : replicas) {
    // What the provider put somewhere is no version of ours.
    if (!replica.store || replica.path.empty() || replica.digest == digest ||
        replica.state == ReplicaState::superseded)
      continue;
    replica.state = ReplicaState::superseded;
    superseded.push_back(replica.location);
    REELKEEP_TRY(m_catalog.put_replica(artifact.row, replica));
    REELKEEP_TRY(m_catalog.set_note(
        removal_note(artifact.row, replica.location),
        artifact.replace ? std::optional(replica.location) : std::optional<std::string>()));
  }
  if (artifact.replace && !superseded.empty())
    m_effects.push_back(RemoveSuperseded{artifact.row, std::move(superseded)});
  if (artifact.state == ArtifactState::cancelled) return {};  // the tombstone stays
  // It came straight from its transfer, whose end wrote nothing; the store took it out of staging.
  const bool was_express = artifact.in_hand && artifact.state == ArtifactState::running;
  if (was_express) artifact.attempts += 1;
  artifact.state = ArtifactState::archived;
  artifact.size = artifact.received = size;
  artifact.digest = digest;
  artifact.disputed = disputed;
  artifact.refetch = artifact.replace = artifact.in_hand = false;
  artifact.next_attempt_at.reset();
  artifact.error.reset();
  artifact.resume.reset();
  artifact.bad_digest.reset();
  artifact.deaths = 0;
  if (!was_express) m_effects.push_back(DropStaging{artifact.staging_name});
  REELKEEP_TRY(m_catalog.put_progress(artifact));
  return SessionFacts(m_catalog, m_policy).relink_pushes_of(artifact);
}

/// Some store lacks these bytes. Where one of ours has them, the source does not matter any more.
Status RecordFacts::fall_short(Artifact artifact, ByteCount size, const Digest& digest,
                               bool disputed, const std::vector<StoreId>& wanted) {
  REELKEEP_ASSIGN(std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  const bool has_copy = std::ranges::any_of(replicas, [&](const Replica& replica) {
    return replica.store && !replica.path.empty() && holds(replica, *replica.store, digest);
  });
  bool lacks_ours = false;
  bool lacks_pushed = false;
  for (const StoreId& store : wanted)
    if (!is_held(replicas, store, digest))
      (m_policy.destination(store) == nullptr ? lacks_ours : lacks_pushed) = true;

  if (artifact.state == ArtifactState::archived)
    return artifact.refetch && artifact.in_hand && lacks_pushed && !lacks_ours
               ? end_refetch(std::move(artifact), digest, wanted)
               : Status();
  if (has_copy && has_no_bytes_yet(artifact)) {
    artifact.state = ArtifactState::verifying;
    artifact.size = artifact.received = size;
    artifact.digest = digest;
    artifact.disputed = disputed;
    artifact.next_attempt_at.reset();
    artifact.error.reset();
    artifact.resume.reset();
    artifact.bad_digest.reset();
    REELKEEP_ASSIGN(artifact, m_catalog.put_artifact(std::move(artifact)));
    m_effects.push_back(Publish{artifact.row});
    // Without the block of its project this is all that knows which stores it waits for.
    if (m_policy.project(artifact.identity.session.app_id) == nullptr)
      for (const StoreId& store : wanted)
        if (!is_held(replicas, store, digest))
          REELKEEP_TRY(m_catalog.put_pending(PendingPut{.artifact = artifact.row,
                                                        .store = store,
                                                        .digest = digest,
                                                        .size = size,
                                                        .disputed = disputed}));
  }
  if (artifact.state != ArtifactState::verifying || artifact.digest != digest || !lacks_pushed)
    return {};
  // Only a push is missing: what staging holds lies in all stores of ours.
  if (has_copy && !lacks_ours) m_effects.push_back(DropStaging{artifact.staging_name});
  // What lies at the destination is held against these bytes only from now on.
  REELKEEP_TRY(SessionFacts(m_catalog, m_policy).relink_pushes_of(artifact));
  REELKEEP_ASSIGN(std::optional<Error> problem, problem_at_destination(artifact, digest, wanted));
  if (!problem || artifact.error == problem) return {};
  artifact.error = std::move(problem);
  return m_catalog.put_progress(artifact);
}

Result<std::optional<Error>> RecordFacts::problem_at_destination(
    const Artifact& artifact, const Digest& digest, const std::vector<StoreId>& wanted) {
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  for (const StoreId& store : wanted) {
    if (m_policy.destination(store) == nullptr || is_held(replicas, store, digest)) continue;
    for (const Replica& replica : replicas)
      if (replica.store == store &&
          (replica.state == ReplicaState::missing || replica.state == ReplicaState::corrupt))
        return std::optional(
            Error{Errc::corrupt, "destination \"" + store.get() + "\": " + replica.location + ": " +
                                     replica.cause +
                                     "; have the provider push it again, or leave the "
                                     "destination out of stores"});
  }
  return std::optional<Error>();
}

/// Other bytes came than those that the provider pushed. It may never push them: nothing is waited
/// for, and what is archived stays the current version until it does.
Status RecordFacts::end_refetch(Artifact artifact, const Digest& digest,
                                const std::vector<StoreId>& wanted) {
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  std::string kept;
  for (const Replica& replica : replicas)
    if (replica.store && !replica.path.empty() && holds(replica, *replica.store, digest))
      kept = replica.location;
  std::string lacking;
  for (const StoreId& store : wanted)
    if (m_policy.destination(store) != nullptr && !is_held(replicas, store, digest))
      lacking = store.get();
  REELKEEP_TRY(m_catalog.remove_pending(artifact.row));
  artifact.refetch = artifact.replace = artifact.in_hand = false;
  artifact.next_attempt_at.reset();
  artifact.resume.reset();
  artifact.deaths = 0;
  artifact.error =
      Error{Errc::corrupt,
            "fetched again, other bytes came (SHA-256 " + digest.hex() +
                ") than lie at destination \"" + lacking + "\"; " +
                (kept.empty() ? "no store of ours is named in stores to keep them"
                              : "they are kept at " + kept +
                                    ", and become current once the provider pushes them too")};
  m_effects.push_back(DropStaging{artifact.staging_name});
  // A replica may have been found bad meanwhile.
  REELKEEP_TRY(keep_promise(artifact));
  return m_catalog.put_progress(artifact);
}

Status RecordFacts::keep_promise(Artifact& artifact) {
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  const auto is_good = [&](const Replica& replica) {
    return replica.store && replica.state == ReplicaState::verified &&
           replica.digest == artifact.digest;
  };
  // What the provider put somewhere can be asked for, but not be copied from.
  const bool has_copy = std::ranges::any_of(
      replicas, [&](const Replica& r) { return is_good(r) && !r.path.empty(); });
  const auto is_good_in = [&](const StoreId& store) {
    return std::ranges::any_of(replicas,
                               [&](const Replica& r) { return r.store == store && is_good(r); });
  };
  const ProjectPolicy* project = m_policy.project(artifact.identity.session.app_id);
  // Without the project's block: every store that ever had these bytes.
  const bool is_kept =
      project != nullptr
          ? std::ranges::all_of(project->stores, is_good_in)
          : has_copy && std::ranges::all_of(replicas, [&](const Replica& replica) {
              return !replica.store || replica.path.empty() || replica.digest != artifact.digest ||
                     replica.state == ReplicaState::superseded || is_good_in(*replica.store);
            });
  if (is_kept) return {};
  // Repair goes before a wish to fetch again what was good when it was asked for.
  artifact.refetch = artifact.replace = false;
  artifact.next_attempt_at.reset();
  artifact.deaths = 0;
  if (has_copy) {
    artifact.state = ArtifactState::verifying;
    m_effects.push_back(Publish{artifact.row});
    return {};
  }
  artifact.state = ArtifactState::planned;
  artifact.size.reset();
  artifact.digest.reset();
  artifact.received = ByteCount(0);
  return {};
}

Status RecordFacts::delivered(const DeliveredFound& outcome) {
  SessionFacts facts(m_catalog, m_policy);
  REELKEEP_TRY(facts.found(outcome));
  REELKEEP_ASSIGN(std::optional<Artifact> artifact,
                  facts.artifact_of_push(outcome.session, outcome.name, outcome.source_key));
  if (!artifact || artifact->in_hand || !artifact->digest || !artifact->size) return {};
  // What was downloaded of it before it was adopted is not needed any more.
  if (artifact->state == ArtifactState::archived && !artifact->refetch)
    m_effects.push_back(DropStaging{artifact->staging_name});
  // Complete bytes that waited for the provider to push them.
  if (artifact->state == ArtifactState::verifying)
    return settle(*artifact, *artifact->size, *artifact->digest, artifact->disputed);
  const ProjectPolicy* project = m_policy.project(outcome.session.app_id);
  if (artifact->state != ArtifactState::archived || project == nullptr ||
      std::ranges::find(project->stores, outcome.destination) == project->stores.end())
    return {};
  // A newer version that every store of ours has already is complete with it.
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact->row));
  if (outcome.digest && outcome.digest != artifact->digest &&
      std::ranges::all_of(
          project->stores,
          [&](const StoreId& store) { return is_held(replicas, store, *outcome.digest); }) &&
      project->stores.size() > 1)
    return settle(std::move(*artifact), outcome.size, *outcome.digest, false);
  REELKEEP_TRY(keep_promise(*artifact));
  if (artifact->state == ArtifactState::archived) return {};
  artifact->known_at = std::max(artifact->known_at, outcome.at);
  REELKEEP_ASSIGN(artifact->error,
                  problem_at_destination(*artifact, artifact->digest.value_or(Digest{}),
                                         {outcome.destination}));
  REELKEEP_TRY(m_catalog.put_artifact(std::move(*artifact)));
  return {};
}

}  // namespace reelkeep::core
