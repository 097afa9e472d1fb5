#include "core/session_facts.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/url.hpp"

#include "core/artifact_id.hpp"
#include "core/cdr.hpp"
#include "core/lane.hpp"

namespace reelkeep::core {
namespace {

/// The artifact of a source that an offer with this stage means; nothing: a new one.
const Artifact* choose(std::vector<Artifact>& same_source, const std::string& stage) {
  if (same_source.empty()) return nullptr;
  std::ranges::sort(same_source, {}, [](const Artifact& a) { return a.identity.stage; });
  if (stage.empty()) return &same_source.front();
  for (const Artifact& candidate : same_source)
    if (candidate.identity.stage == stage) return &candidate;
  return same_source.front().identity.stage.empty() ? &same_source.front() : nullptr;
}

constexpr int k_most_paths = 100;

/// What tells a path from the ones that are taken: a part of the id, all of it, and numbers.
std::string suffix(const ArtifactId& id, int attempt) {
  if (attempt == 0) return "~" + id.get().substr(0, 6);
  return "~" + id.get() + (attempt == 1 ? "" : "-" + std::to_string(attempt));
}

/// A repeated offer, or an operator's wish: what waits or was given up becomes due.
void make_due(Artifact& artifact, Timestamp now) {
  if (artifact.state != ArtifactState::waiting && artifact.state != ArtifactState::expired &&
      artifact.state != ArtifactState::quarantined)
    return;
  artifact.state = ArtifactState::planned;
  artifact.next_attempt_at.reset();
  artifact.known_at = std::max(artifact.known_at, now);
  if (artifact.identity.kind != ArtifactKind::delivered)
    artifact.host = lane_host(artifact.url, artifact.identity.kind);
}

}  // namespace

bool has_no_bytes_yet(const Artifact& artifact) {
  if (artifact.in_hand) return false;
  switch (artifact.state) {
    case ArtifactState::planned:
    case ArtifactState::waiting:
    case ArtifactState::quarantined:
    case ArtifactState::expired:
    case ArtifactState::delivered:
      return true;
    case ArtifactState::running:
    case ArtifactState::verifying:
    case ArtifactState::archived:
    case ArtifactState::cancelled:
      return false;
  }
  return false;
}

Status SessionFacts::apply(const Event& event, Timestamp received_at, Occasion occasion) {
  const Timestamp at = event.at.value_or(received_at);
  const auto learn = [&](Session& session) {
    if (std::holds_alternative<SessionStarted>(event.fact)) {
      if (!session.started_at || at < *session.started_at) session.started_at = at;
    } else if (std::holds_alternative<SessionStopped>(event.fact)) {
      if (!session.ended_at || at > *session.ended_at) session.ended_at = at;
    } else if (std::holds_alternative<CdrReady>(event.fact)) {
      session.cdr_ready = true;
    }
  };
  REELKEEP_ASSIGN(const Session session,
                  session_for(event.session, event.room_id, received_at, learn));
  if (session.cdr_ready) REELKEEP_TRY(cdr_due(session, event, received_at, occasion));
  if (const auto* offer = std::get_if<FilesOffered>(&event.fact))
    return offered(session, event, *offer, received_at, occasion);
  if (const auto* push = std::get_if<FilesPushed>(&event.fact))
    return pushed(session, *push, at, received_at, occasion);
  return {};
}

Result<Session> SessionFacts::session_for(const SessionKey& key, const RoomId& room,
                                          Timestamp seen_at,
                                          const std::function<void(Session&)>& learn) {
  REELKEEP_ASSIGN(const std::optional<Session> before, m_catalog.session(key));
  Session session = before.value_or(Session{.key = key, .first_seen_at = seen_at});
  if (!room.empty() && (session.room_id.empty() || room < session.room_id)) session.room_id = room;
  if (learn) learn(session);
  if (before == session) return session;
  REELKEEP_ASSIGN(session, m_catalog.put_session(std::move(session)));
  if (before && before->ended_at != session.ended_at) REELKEEP_TRY(recompute_deadlines(session));
  return session;
}

Timestamp SessionFacts::deadline_of(const Artifact& artifact, const Session& session) const {
  return session.ended_at.value_or(artifact.offered_at) + m_policy.offered_for(session.key.app_id);
}

Status SessionFacts::recompute_deadlines(const Session& session) {
  REELKEEP_ASSIGN(std::vector<Artifact> artifacts, m_catalog.artifacts(session.row));
  for (Artifact& artifact : artifacts) {
    const Timestamp deadline = deadline_of(artifact, session);
    if (deadline == artifact.deadline) continue;
    artifact.deadline = deadline;
    REELKEEP_TRY(m_catalog.put_artifact(std::move(artifact)));
  }
  return {};
}

Status SessionFacts::offered(const Session& session, const Event& event, const FilesOffered& offer,
                             Timestamp received_at, Occasion occasion) {
  const Timestamp at = event.at.value_or(received_at);
  for (const OfferedFile& file : offer.files)
    REELKEEP_TRY(offered_file(session, offer, file, at, received_at, occasion));
  return {};
}

Status SessionFacts::offered_file(const Session& session, const FilesOffered& offer,
                                  const OfferedFile& file, Timestamp at, Timestamp received_at,
                                  Occasion occasion) {
  REELKEEP_ASSIGN(std::vector<Artifact> same_source,
                  m_catalog.artifacts_with_source(session.row, offer.kind, file.source_key));
  const Timestamp url_at = offer.url_at.value_or(at);
  const Artifact* known = choose(same_source, offer.stage);
  if (known == nullptr) {
    Artifact fresh;
    fresh.session_row = session.row;
    fresh.identity = {session.key, offer.kind, file.source_key, offer.stage};
    fresh.room_id = session.room_id;
    fresh.name = file.name;
    std::tie(fresh.url_at, fresh.url) = std::pair(url_at, file.url);
    for (const Artifact& other : same_source)
      std::tie(fresh.url_at, fresh.url) =
          std::max(std::pair(fresh.url_at, fresh.url), std::pair(other.url_at, other.url));
    fresh.host = lane_host(fresh.url, offer.kind);
    fresh.declared_size = offer.declared_size;
    fresh.offered_at = at;
    fresh.known_at = received_at;
    REELKEEP_TRY(settle_new(fresh, session));
    REELKEEP_TRY(m_catalog.put_artifact(std::move(fresh)));
    REELKEEP_TRY(relink_pushes(session, file.name));
  }
  for (const Artifact& one : same_source) {
    Artifact merged = one;
    if (&one == known) {
      if (merged.identity.stage.empty() && !offer.stage.empty()) {
        merged.identity.stage = offer.stage;
        merged.id = artifact_id(merged.identity);
      }
      merged.offered_at = std::min(merged.offered_at, at);
      merged.declared_size = std::max(merged.declared_size, offer.declared_size);
      merged.deadline = deadline_of(merged, session);
    }
    // The newest URL of a source is that of all its stages: they differ in what signs them alone.
    if (std::pair(url_at, file.url) > std::pair(merged.url_at, merged.url)) {
      merged.url = file.url;
      merged.url_at = url_at;
      merged.host = lane_host(file.url, offer.kind);
    }
    const bool is_named = &one == known || offer.stage.empty();
    const bool offered_anew = merged.url != one.url || (is_named && url_at > one.url_at &&
                                                        one.state == ArtifactState::expired);
    if ((is_named && occasion == Occasion::repeated) || offered_anew) make_due(merged, received_at);
    if (merged == one) continue;
    REELKEEP_TRY(m_catalog.put_artifact(std::move(merged)));
  }
  return {};
}

/// Also with later events: the project may have been given its API credentials meanwhile.
Status SessionFacts::cdr_due(const Session& session, const Event& event, Timestamp received_at,
                             Occasion occasion) {
  const ProjectPolicy* project = m_policy.project(session.key.app_id);
  if (project == nullptr || !project->api) return {};
  const OfferedFile file = cdr_file(*project->api, session.key.conf_num);
  if (!std::holds_alternative<CdrReady>(event.fact)) {
    REELKEEP_ASSIGN(
        const std::vector<Artifact> known,
        m_catalog.artifacts_with_source(session.row, ArtifactKind::cdr, file.source_key));
    if (!known.empty()) return {};
  }
  return offered_file(session, FilesOffered{.kind = ArtifactKind::cdr}, file,
                      event.at.value_or(received_at), received_at, occasion);
}

Status SessionFacts::settle_new(Artifact& artifact, const Session& session) {
  artifact.id = artifact_id(artifact.identity);
  artifact.staging_name = artifact.id.get();
  artifact.deadline = deadline_of(artifact, session);
  const LayoutValues values{.app_id = session.key.app_id.get(),
                            .room_id = session.room_id.get(),
                            .conf_num = session.key.conf_num.get(),
                            .kind = std::string(to_string(artifact.identity.kind)),
                            .stage = artifact.identity.stage,
                            .id = artifact.id.get(),
                            .name = artifact.name,
                            .date = artifact.offered_at};
  REELKEEP_ASSIGN(const std::string plain, expand_layout(m_policy.layout, values));
  const auto slash = plain.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : plain.substr(0, slash + 1);
  const std::string leaf = plain.substr(folder.size());
  for (int attempt = -1; attempt < k_most_paths; ++attempt) {
    artifact.path = folder + (attempt < 0 ? leaf : with_suffix(leaf, suffix(artifact.id, attempt)));
    REELKEEP_ASSIGN(const bool taken, m_catalog.path_taken(artifact.path));
    if (!taken) return {};
  }
  return Error{Errc::conflict, "no free path for artifact " + artifact.id.get() + " at " + plain};
}

}  // namespace reelkeep::core
