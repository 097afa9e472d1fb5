#include "daemon/pending_findings.hpp"

#include <algorithm>

#include "core/records.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::size_t k_rows_at_once = 256;
/// What is behind them is told when an agent has taken it up.
constexpr std::size_t k_most_findings = 100'000;

bool is_good(const Replica& replica, const Artifact& artifact) {
  return replica.store && !replica.path.empty() && replica.state == ReplicaState::verified &&
         replica.digest == artifact.digest;
}

/// A stage may have been filled in since.
bool is_of(const ArtifactIdentity& found, const ArtifactIdentity& known) {
  return found.kind == known.kind && found.source_key == known.source_key &&
         (found.stage == known.stage || found.stage.empty());
}

void note(ArtifactView& view, const ReplicaFound& found) {
  const auto named = std::ranges::find(view.replicas, found.location, &Replica::location);
  if (named == view.replicas.end() || named->state == ReplicaState::superseded ||
      named->state == found.state)
    return;
  // A view that was read after the finding may already hold what the agent did about it.
  if (named->verified_at && *named->verified_at >= found.at) return;
  named->state = found.state;
  if (found.state == ReplicaState::verified) {
    named->verified_at = found.at;
    named->found_at.reset();
    named->cause.clear();
    return;
  }
  named->found_at = found.at;
  named->cause = found.cause;
  Artifact& artifact = view.artifact;
  if (artifact.state != ArtifactState::archived || named->digest != artifact.digest) return;
  const bool has_copy = std::ranges::any_of(
      view.replicas, [&](const Replica& replica) { return is_good(replica, artifact); });
  artifact.state = has_copy ? ArtifactState::verifying : ArtifactState::planned;
  artifact.error = Error{Errc::corrupt, std::string(to_string(found.state)) + " at " +
                                            found.location + ": " + found.cause};
  artifact.refetch = artifact.replace = false;
  artifact.next_attempt_at.reset();
  if (has_copy) return;
  artifact.size.reset();
  artifact.digest.reset();
  artifact.received = ByteCount(0);
}

}  // namespace

Result<PendingFindings> PendingFindings::read(JournalReader& journal, Seq applied) {
  PendingFindings pending;
  for (std::size_t count = 0; count < k_most_findings;) {
    REELKEEP_ASSIGN(const std::vector<Entry> entries, journal.read(applied, k_rows_at_once));
    if (entries.empty()) break;
    for (const Entry& entry : entries) {
      applied = entry.seq;
      if (entry.kind != EntryKind::outcome || !entry.body) continue;
      // What cannot be read is told by the agent when it comes to it.
      const auto outcome = decode_outcome(*entry.body);
      if (!outcome) continue;
      if (const auto* found = std::get_if<ReplicaFound>(&*outcome)) {
        pending.m_found[found->identity.session].push_back(*found);
        ++count;
      }
    }
  }
  return pending;
}

void PendingFindings::overlay(SessionView& view) const {
  const auto found = m_found.find(view.session.key);
  if (found == m_found.end()) return;
  for (const ReplicaFound& one : found->second)
    for (ArtifactView& artifact : view.artifacts)
      if (is_of(one.identity, artifact.artifact.identity)) note(artifact, one);
}

SessionSummary summarise(const SessionView& view, Timestamp now, Duration warn_before) {
  SessionSummary summary{.session = view.session,
                         .state = session_state(view, now, warn_before),
                         .deadline = session_deadline(view)};
  for (const ArtifactView& one : view.artifacts) {
    const Artifact& artifact = one.artifact;
    if (artifact.state == ArtifactState::cancelled || artifact.state == ArtifactState::delivered)
      continue;
    ++summary.artifacts;
    if (is_stuck(one)) ++summary.stuck;
    if (artifact.state != ArtifactState::archived) continue;
    ++summary.archived;
    summary.bytes += artifact.size.value_or(ByteCount(0));
  }
  return summary;
}

}  // namespace reelkeep::daemon
