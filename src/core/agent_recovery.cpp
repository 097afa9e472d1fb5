// What the last run had in hand is planned again; what may have ended it goes behind the rest.
#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_rows_per_commit = 256;
/// What was handed out to a store when the process died is among the first by time; rows of the
/// same millisecond may stand between.
constexpr std::size_t k_suspects = 512;

}  // namespace

/// Complete bytes go on to their stores later. Page by page: thousands may wait for a store.
Status Agent::recover(bool unclean) {
  REELKEEP_TRY(m_catalog->transact([&]() -> Status {
    // The clock may have been set back while nobody ran.
    REELKEEP_TRY(bring_forward(m_ports.clock->now()));
    return unclean ? suspect_publishing() : Status();
  }));
  ArtifactRow last;
  for (bool more = true; more;)
    REELKEEP_TRY(m_catalog->transact([&]() -> Status {
      REELKEEP_ASSIGN(std::vector<Artifact> held, m_catalog->in_hand(k_rows_per_commit, last));
      more = !held.empty();
      for (Artifact& artifact : held) {
        last = artifact.row;
        REELKEEP_TRY(recover_one(std::move(artifact), unclean));
      }
      return {};
    }));
  return {};
}

/// In a transaction.
Status Agent::recover_one(Artifact artifact, bool unclean) {
  // Complete bytes that were fetched again go on to their stores.
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog->pending(artifact.row));
  const bool complete = artifact.refetch && !waiting.empty();
  if (complete && !(unclean && artifact.deaths >= 1)) {
    artifact.deaths += unclean ? 1 : 0;
    return m_catalog->put_progress(artifact);
  }
  const bool is_suspect = unclean && (complete || has_begun(artifact));
  REELKEEP_TRY(m_catalog->remove_pending(artifact.row));
  artifact.in_hand = false;
  if (artifact.state == ArtifactState::running) artifact.state = ArtifactState::planned;
  if (is_suspect) artifact.deaths += 1;
  if (artifact.deaths >= 2) {
    // It may be what kills us: it goes behind everything else.
    artifact.error = Error{Errc::internal, "the process ended twice while this was in hand"};
    artifact.next_attempt_at = m_ports.clock->now() + m_policy->retry.maximum;
    artifact.deaths = 0;
    if (artifact.state == ArtifactState::planned) artifact.state = ArtifactState::waiting;
  }
  REELKEEP_TRY(m_catalog->put_artifact(std::move(artifact)));
  return {};
}

/// What was claimed and still waited for a connection did nothing: a transfer makes its file in
/// staging before it asks anybody. Where that cannot be told it may have.
bool Agent::has_begun(const Artifact& artifact) const {
  const auto staged = m_ports.staging->stat(artifact.staging_name);
  return !staged || staged->has_value();
}

/// After an unclean stop what was handed out may be what ended the process. The second time it is
/// held back, each a little longer than the one before: they are published one by one, and only the
/// one that ends the process again stays behind. In recover()'s transaction.
Status Agent::suspect_publishing() {
  const Timestamp now = m_ports.clock->now();
  Timestamp later = now + m_policy->retry.maximum;
  std::set<ArtifactRow> suspects;
  for (const Store* store : m_ports.stores) {
    REELKEEP_ASSIGN(const std::vector<PendingPut> first,
                    m_catalog->pending(store->id(), k_suspects));
    for (const PendingPut& row : first)
      if (row.due_at <= now) suspects.insert(row.artifact);
  }
  for (const ArtifactRow row : suspects) {
    REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(row));
    if (!artifact || artifact->state != ArtifactState::verifying) continue;
    artifact->deaths += 1;
    if (artifact->deaths >= 2) {
      artifact->error = Error{Errc::internal, "the process ended twice while this was published"};
      artifact->next_attempt_at = later;
      REELKEEP_ASSIGN(std::vector<PendingPut> waiting, m_catalog->pending(row));
      for (PendingPut& pending : waiting) {
        pending.due_at = later;
        REELKEEP_TRY(m_catalog->put_pending(pending));
      }
      later += m_policy->retry.minimum;
    }
    REELKEEP_TRY(m_catalog->put_artifact(std::move(*artifact)));
  }
  return {};
}

}  // namespace reelkeep::core
