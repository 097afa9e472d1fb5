// What its source does not give is brought from a destination that the provider pushed it to.
#include <utility>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/lane.hpp"
#include "core/session_facts.hpp"

namespace reelkeep::core {
namespace {

/// A source may fail so often before another place is asked.
constexpr std::int64_t k_patience = 3;
constexpr std::size_t k_swept_at_once = 64;

}  // namespace

/// What the source does not give may lie at a destination, and the other way round: until the
/// deadline each is asked in turn, with the pauses of any failure between.
Status Agent::take_turns(Artifact& artifact, const Error& error) {
  if (artifact.identity.kind == ArtifactKind::delivered) return {};
  if (destination_of_lane(artifact.host)) {
    if (m_ports.clock->now() < artifact.deadline)
      artifact.host = lane_host(artifact.url, artifact.identity.kind);
    return {};
  }
  if (!is_no_source(error.code) && artifact.attempts < k_patience && !is_refused(artifact))
    return {};
  REELKEEP_ASSIGN(const std::vector<PushedFile> files,
                  m_catalog->pushed_files(artifact.session_row, artifact.name));
  for (const PushedFile& file : files) {
    const DestinationRule* rule = m_policy->destination(file.destination);
    if (rule == nullptr || !may_be_brought(file, *rule)) continue;
    REELKEEP_ASSIGN(const std::optional<Artifact> owner,
                    SessionFacts(*m_catalog, *m_policy)
                        .artifact_of_push(file.session, file.name, file.source_key));
    if (!owner || owner->row != artifact.row) continue;
    artifact.host = destination_lane(rule->id);
    return {};
  }
  return {};
}

/// The provider refuses the pair that its source wants.
bool Agent::is_refused(const Artifact& artifact) const {
  return !destination_of_lane(artifact.host) &&
         m_breakers.is_open(Breakers::credential_key(*m_policy, artifact.identity.session.app_id,
                                                     access_of(artifact.identity.kind)));
}

/// While a pair is refused its files go out one probe at a time: what was pushed comes from there
/// meanwhile. All pushed files are looked through, page by page, when that begins and now and then
/// while it lasts; what is found at a destination meanwhile at once. Returns whether there is more.
Result<bool> Agent::rescue_refused() {
  std::vector<PushedFile> found = std::exchange(m_found, {});
  const Timestamp now = m_ports.clock->now();
  if (m_breakers.open().empty()) {
    m_swept_to.reset();
    m_next_sweep = now;
    return false;
  }
  if (m_ports.destinations.empty()) return false;
  if (!m_swept_to && now >= m_next_sweep) {
    m_swept_to = 0;
    m_next_sweep = now + m_policy->retry.maximum;
  }
  std::optional<std::int64_t> swept_to = m_swept_to;
  REELKEEP_TRY(m_catalog->transact([&]() -> Status {
    for (const PushedFile& file : found) {
      REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog->session(file.session));
      if (!session) continue;
      REELKEEP_ASSIGN(const std::vector<PushedFile> known,
                      m_catalog->pushed_files(session->row, file.name));
      for (const PushedFile& one : known) REELKEEP_TRY(rescue_refused(one));
    }
    if (!swept_to) return {};
    REELKEEP_ASSIGN(const std::vector<PushedFile> page,
                    m_catalog->all_pushed(*swept_to, k_swept_at_once));
    for (const PushedFile& file : page) REELKEEP_TRY(rescue_refused(file));
    if (page.empty()) swept_to.reset();
    return {};
  }));
  m_swept_to = swept_to;
  return m_swept_to.has_value();
}

Status Agent::rescue_refused(const PushedFile& file) {
  const DestinationRule* rule = m_policy->destination(file.destination);
  if (rule == nullptr || !may_be_brought(file, *rule)) return {};
  REELKEEP_ASSIGN(std::optional<Artifact> artifact,
                  SessionFacts(*m_catalog, *m_policy)
                      .artifact_of_push(file.session, file.name, file.source_key));
  if (!artifact || artifact->in_hand || is_busy(*artifact) || !is_refused(*artifact)) return {};
  if (artifact->state != ArtifactState::planned && artifact->state != ArtifactState::waiting)
    return {};
  log::info("the provider refuses the pair; a file is fetched from where it was pushed to",
            {{"artifact", artifact->id.get()}, {"destination", rule->id.get()}});
  artifact->host = destination_lane(rule->id);
  artifact->state = ArtifactState::planned;
  artifact->next_attempt_at.reset();
  const auto put = m_catalog->put_artifact(*std::move(artifact));
  return put ? Status() : Status(put.error());
}

}  // namespace reelkeep::core
