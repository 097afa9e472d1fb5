// Files that the provider pushed: which artifact they belong to, and what was found of them.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/lane.hpp"
#include "core/session_facts.hpp"

namespace reelkeep::core {
namespace {

/// What a pushed file is to an artifact. What the destination says is held against the bytes that
/// the artifact is known to have, so it does not matter which of both was known first.
Replica replica_of(const PushedFile& file, const Artifact& artifact, const Policy& policy) {
  Replica replica{.location = file.place.empty() ? file.location : file.place,
                  .state = ReplicaState::delivered};
  if (!file.destination.empty()) replica.store = file.destination;
  replica.cause = file.problem;
  if (!file.found) return replica;
  replica.state = *file.found;
  replica.digest = file.found_digest;
  replica.size = file.found_size;
  replica.read_at = file.read_at;
  // Other bytes than before may be the very ones that were received since.
  const bool proven = file.read_at && file.found_digest && file.found_digest == artifact.digest;
  if (*file.found != ReplicaState::verified && !proven) {
    replica.found_at = file.found_at;
    return replica;
  }
  replica.state = ReplicaState::verified;
  replica.verified_at = file.read_at ? file.read_at : file.found_at;
  if (!artifact.digest && file.refused && file.refused == file.found_digest) {
    replica.state = ReplicaState::corrupt;
    replica.verified_at.reset();
    replica.found_at = file.found_at;
    replica.cause = "its bytes are not those that were downloaded";
    return replica;
  }
  const bool same = !artifact.digest || !artifact.size ||
                    (*artifact.size == file.found_size &&
                     (!file.found_digest || *file.found_digest == *artifact.digest));
  if (same) {
    const DestinationRule* rule = policy.destination(file.destination);
    if (rule != nullptr && rule->action == DestinationAction::adopt && file.read_at)
      replica.audit_at = *file.read_at + policy.audit_every;
    return replica;
  }
  replica.state = ReplicaState::corrupt;
  replica.verified_at.reset();
  replica.found_at = file.found_at;
  replica.cause =
      *artifact.size == file.found_size
          ? "its SHA-256 is " + file.found_digest->hex() + " instead of " + artifact.digest->hex()
          : "it has " + std::to_string(file.found_size.get()) + " bytes instead of " +
                std::to_string(artifact.size->get());
  return replica;
}

}  // namespace

Status SessionFacts::pushed(const Session& session, const FilesPushed& push, Timestamp at,
                            Timestamp received_at, Occasion occasion) {
  for (const DeliveredFile& file : push.files) {
    PushedFile told{.session = session.key,
                    .name = file.name,
                    .location = file.location,
                    .url = file.url,
                    .destination_name = push.destination_name,
                    .source_key = file.source_key,
                    .at = at};
    REELKEEP_ASSIGN(std::vector<PushedFile> known, m_catalog.pushed_files(session.row, file.name));
    // Put there again since: what was found of it may not be so any more.
    const bool anew = std::ranges::any_of(known, [&](const PushedFile& one) {
      return one.location == file.location && one.found && one.place.empty() && one.at < at;
    });
    REELKEEP_TRY(m_catalog.put_pushed_file(session.row, told));
    REELKEEP_ASSIGN(known, m_catalog.pushed_files(session.row, file.name));
    for (PushedFile& one : known) {
      if (one.location != file.location) continue;
      REELKEEP_TRY(assign(session, one, received_at));
      if (anew) REELKEEP_TRY(look_again(session, file, received_at));
    }
    REELKEEP_TRY(relink_pushes(session, file.name));
    if (occasion == Occasion::repeated) REELKEEP_TRY(fetch_again(session, file, received_at));
  }
  return {};
}

Status SessionFacts::look_again(const Session& session, const DeliveredFile& file, Timestamp now) {
  REELKEEP_ASSIGN(std::vector<PushedFile> known, m_catalog.pushed_files(session.row, file.name));
  for (PushedFile& one : known) {
    const DestinationRule* rule = m_policy.destination(one.destination);
    if (one.location != file.location || rule == nullptr ||
        rule->action == DestinationAction::record)
      continue;
    one.next_look_at = now;
    one.looks = 0;
    one.refused.reset();
    REELKEEP_TRY(m_catalog.put_pushed_look(session.row, one));
  }
  return {};
}

Status SessionFacts::show_problem(const PushedFile& file) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact,
                  artifact_of_push(file.session, file.name, file.source_key));
  return artifact ? put_delivered_replica(*artifact, file) : Status();
}

Status SessionFacts::refuse_differing(const Artifact& artifact, const Digest& received) {
  REELKEEP_ASSIGN(const std::vector<PushedFile> files,
                  m_catalog.pushed_files(artifact.session_row, artifact.name));
  for (PushedFile file : files) {
    if (!file.found_digest || file.found_digest == received) continue;
    file.refused = file.found_digest;
    REELKEEP_TRY(m_catalog.put_pushed_look(artifact.session_row, file));
  }
  return {};
}

/// A repeated push, like a repeated offer, makes due what was given up.
Status SessionFacts::fetch_again(const Session& session, const DeliveredFile& file, Timestamp now) {
  REELKEEP_ASSIGN(std::vector<Artifact> named, m_catalog.artifacts_named(session.row, file.name));
  for (Artifact& artifact : named) {
    const bool given_up =
        artifact.state == ArtifactState::expired || artifact.state == ArtifactState::quarantined;
    if (!given_up || !destination_of_lane(artifact.host)) continue;
    artifact.state = ArtifactState::planned;
    artifact.next_attempt_at.reset();
    artifact.known_at = std::max(artifact.known_at, now);
    REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  }
  return {};
}

Status SessionFacts::assign(const Session& session, PushedFile file, Timestamp now) {
  const PushedFile before = file;
  const DestinationRule* rule = m_policy.destination_of(file.destination_name, file.location);
  file.destination = rule != nullptr ? rule->id : StoreId();
  const std::string refusal = m_policy.refusal_of(file.destination_name, file.location);
  if (file.destination != before.destination || !refusal.empty()) file.problem = refusal;
  const DestinationAction action = rule != nullptr ? rule->action : DestinationAction::record;
  const bool settled = file.found == ReplicaState::verified &&
                       file.destination == before.destination &&
                       (action != DestinationAction::organise || !file.place.empty()) &&
                       (action != DestinationAction::adopt || file.read_at.has_value());
  if (action == DestinationAction::record || settled) {
    file.next_look_at.reset();
  } else {
    file.next_look_at = now;
    file.looks = 0;
  }
  if (file == before) return {};
  if (!refusal.empty())
    log::warn("a pushed file is left alone", {{"location", file.location}, {"cause", refusal}});
  return m_catalog.put_pushed_look(session.row, file);
}

Status SessionFacts::found(const DeliveredFound& outcome) {
  REELKEEP_ASSIGN(const Session session, session_for(outcome.session, outcome.room_id, outcome.at));
  const auto find = [&]() -> Result<std::optional<PushedFile>> {
    REELKEEP_ASSIGN(std::vector<PushedFile> known,
                    m_catalog.pushed_files(session.row, outcome.name));
    for (PushedFile& one : known)
      if (one.location == outcome.location) return std::optional(std::move(one));
    return std::optional<PushedFile>();
  };
  REELKEEP_ASSIGN(std::optional<PushedFile> file, find());
  if (!file) {
    // Its event comes later, or was erased.
    REELKEEP_TRY(m_catalog.put_pushed_file(session.row,
                                           PushedFile{.session = session.key,
                                                      .name = outcome.name,
                                                      .location = outcome.location,
                                                      .url = outcome.location,
                                                      .destination_name = outcome.destination_name,
                                                      .source_key = outcome.source_key}));
    REELKEEP_ASSIGN(file, find());
  }
  if (!file) return {};
  if (outcome.read)
    file->read_at = outcome.at;
  else if (!outcome.digest || file->found_digest != outcome.digest)
    file->read_at.reset();
  file->found = outcome.state;
  file->found_size = outcome.size;
  file->found_digest = outcome.digest;
  file->found_at = outcome.at;
  if (!outcome.place.empty()) file->place = outcome.place;
  file->problem = outcome.cause;
  if (file->destination.empty() &&
      m_policy.refusal_of(file->destination_name, file->location).empty())
    file->destination = outcome.destination;
  REELKEEP_TRY(m_catalog.put_pushed_look(session.row, *file));
  // What is missing is looked for again at its own pace, for as long as files are offered.
  // Wrong bytes are not read again and again: a repeated push has them looked at anew.
  const bool over = outcome.state == ReplicaState::corrupt ||
                    outcome.at > file->at + m_policy.offered_for(session.key.app_id);
  if (outcome.state == ReplicaState::verified) {
    REELKEEP_TRY(assign(session, *file, outcome.at));
  } else if (over && file->next_look_at) {
    file->next_look_at.reset();
    REELKEEP_TRY(m_catalog.put_pushed_look(session.row, *file));
  }
  return relink_pushes(session, outcome.name);
}

Status SessionFacts::relink_pushes(const Session& session, const std::string& name) {
  REELKEEP_ASSIGN(const std::vector<PushedFile> files, m_catalog.pushed_files(session.row, name));
  if (files.empty()) return {};
  REELKEEP_ASSIGN(std::vector<Artifact> named, m_catalog.artifacts_named(session.row, name));
  std::erase_if(named,
                [](const Artifact& a) { return a.identity.kind == ArtifactKind::delivered; });

  for (const PushedFile& file : files) {
    const ArtifactIdentity own{session.key, ArtifactKind::delivered, file.source_key, ""};
    if (named.size() == 1) {
      REELKEEP_TRY(put_delivered_replica(named.front(), file));
      REELKEEP_ASSIGN(const std::optional<Artifact> stand_in, m_catalog.artifact(own));
      if (stand_in) {
        REELKEEP_ASSIGN(const bool mere, is_mere_stand_in(*stand_in));
        if (mere) REELKEEP_TRY(m_catalog.remove_artifact(stand_in->row));
      }
      REELKEEP_TRY(make_use_of(named.front(), file));
      continue;
    }
    for (const Artifact& other : named) {
      REELKEEP_TRY(forget_delivered(other, file.location));
      if (!file.place.empty()) REELKEEP_TRY(forget_delivered(other, file.place));
    }
    REELKEEP_TRY(put_delivered(session, file));
  }
  return {};
}

Status SessionFacts::put_delivered_replica(const Artifact& artifact, const PushedFile& file) {
  if (!file.place.empty() && file.place != file.location)
    REELKEEP_TRY(forget_delivered(artifact, file.location));
  const Replica replica = replica_of(file, artifact, m_policy);
  REELKEEP_ASSIGN(const bool ours, holds_itself(artifact, replica.location));
  return ours ? Status() : m_catalog.put_replica(artifact.row, replica);
}

Status SessionFacts::forget_delivered(const Artifact& artifact, const std::string& location) {
  REELKEEP_ASSIGN(const bool ours, holds_itself(artifact, location));
  return ours ? Status() : m_catalog.remove_replica(artifact.row, location);
}

/// A store of ours has a replica at that very place: what somebody says of a push changes nothing
/// of what we put there and read back ourselves.
Result<bool> SessionFacts::holds_itself(const Artifact& artifact, const std::string& location) {
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  return std::ranges::any_of(
      replicas, [&](const Replica& r) { return r.location == location && !r.path.empty(); });
}

Status SessionFacts::put_delivered(const Session& session, const PushedFile& file) {
  const ArtifactIdentity identity{session.key, ArtifactKind::delivered, file.source_key, ""};
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog.artifact(identity));
  if (!artifact) {
    Artifact fresh;
    fresh.session_row = session.row;
    fresh.identity = identity;
    fresh.room_id = session.room_id;
    fresh.name = file.name;
    fresh.url = file.url;
    fresh.url_at = file.at;
    fresh.host = lane_host(file.url, ArtifactKind::delivered);
    fresh.offered_at = file.at;
    fresh.known_at = file.at;
    fresh.state = ArtifactState::delivered;
    REELKEEP_TRY(settle_new(fresh, session));
    REELKEEP_ASSIGN(artifact, m_catalog.put_artifact(std::move(fresh)));
  }
  REELKEEP_TRY(put_delivered_replica(*artifact, file));
  return make_use_of(*artifact, file);
}

Status SessionFacts::make_use_of(const Artifact& artifact, const PushedFile& file) {
  const DestinationRule* rule = m_policy.destination(file.destination);
  if (rule == nullptr) return {};
  switch (rule->action) {
    case DestinationAction::record:
    case DestinationAction::verify:
    case DestinationAction::organise:
      return {};
    case DestinationAction::fetch:
      return rescue(artifact, *rule, file);
    case DestinationAction::adopt: {
      REELKEEP_TRY(adopt(artifact, *rule, file));
      REELKEEP_ASSIGN(const std::optional<Artifact> after, m_catalog.artifact(artifact.row));
      // What is known from the push alone may still be offered: it is not brought twice.
      if (!after || after->state == ArtifactState::delivered || !may_be_brought(file, *rule))
        return {};
      return rescue(*after, *rule, file);
    }
  }
  return {};
}

/// The source is no more, or does not have it, and the file lies at a destination that it may be
/// fetched from: from now on it comes from there. What was given up there too stays given up.
Status SessionFacts::rescue(Artifact artifact, const DestinationRule& rule,
                            const PushedFile& file) {
  const bool given_up =
      artifact.state == ArtifactState::expired || artifact.state == ArtifactState::quarantined;
  const bool only_there = artifact.state == ArtifactState::delivered;
  const bool not_offered = artifact.state == ArtifactState::waiting && artifact.error &&
                           is_no_source(artifact.error->code);
  if (!given_up && !only_there && !not_offered) return {};
  if (!only_there && destination_of_lane(artifact.host)) return {};
  artifact.host = destination_lane(rule.id);
  artifact.state = ArtifactState::planned;
  artifact.next_attempt_at.reset();
  artifact.known_at = std::max(artifact.known_at, file.at);
  REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  return {};
}

/// What lies there whole counts as the replica that the project asks for under the destination's
/// id. With all the others there is nothing left to download. A transfer that runs ends by itself.
Status SessionFacts::adopt(Artifact artifact, const DestinationRule& rule, const PushedFile& file) {
  if (file.found != ReplicaState::verified || !file.found_digest || !file.read_at ||
      file.refused == file.found_digest || !has_no_bytes_yet(artifact))
    return {};
  const ProjectPolicy* project = m_policy.project(artifact.identity.session.app_id);
  if (project == nullptr || std::ranges::find(project->stores, rule.id) == project->stores.end())
    return {};
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  const bool everywhere = std::ranges::all_of(project->stores, [&](const StoreId& store) {
    return std::ranges::any_of(replicas, [&](const Replica& replica) {
      return replica.store == store && replica.digest == file.found_digest &&
             replica.state == ReplicaState::verified;
    });
  });
  if (!everywhere) return {};
  artifact.state = ArtifactState::archived;
  artifact.size = artifact.received = file.found_size;
  artifact.digest = file.found_digest;
  artifact.disputed = false;
  artifact.next_attempt_at.reset();
  artifact.error.reset();
  artifact.resume.reset();
  artifact.bad_digest.reset();
  REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  return {};
}

/// Nothing of it lies in a store of ours or is on its way: another artifact can take its place
/// without a loss.
Result<bool> SessionFacts::is_mere_stand_in(const Artifact& artifact) {
  if (artifact.state == ArtifactState::delivered) return true;
  if (artifact.in_hand || artifact.refetch || artifact.bad_digest ||
      artifact.state == ArtifactState::verifying ||
      (artifact.state != ArtifactState::archived && artifact.received > ByteCount(0)))
    return false;
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog.replicas(artifact.row));
  return std::ranges::all_of(replicas, [](const Replica& r) { return r.path.empty(); });
}

Result<std::optional<Artifact>> SessionFacts::artifact_of_push(const SessionKey& session,
                                                               const std::string& name,
                                                               const SourceKey& source_key) {
  REELKEEP_ASSIGN(const std::optional<Session> known, m_catalog.session(session));
  if (!known) return std::optional<Artifact>();
  REELKEEP_ASSIGN(std::vector<Artifact> named, m_catalog.artifacts_named(known->row, name));
  std::erase_if(named,
                [](const Artifact& a) { return a.identity.kind == ArtifactKind::delivered; });
  if (named.size() == 1) return std::optional(std::move(named.front()));
  return m_catalog.artifact(ArtifactIdentity{session, ArtifactKind::delivered, source_key, ""});
}

Status SessionFacts::relink_pushes_of(const Artifact& artifact) {
  REELKEEP_ASSIGN(const std::vector<PushedFile> files,
                  m_catalog.pushed_files(artifact.session_row, artifact.name));
  if (files.empty()) return {};
  REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog.session(artifact.session_row));
  return session ? relink_pushes(*session, artifact.name) : Status();
}

}  // namespace reelkeep::core
