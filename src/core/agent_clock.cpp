// The wall clock may be wrong and be put right: what was decided by it is decided anew.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/records.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_rows_per_look = 256;
constexpr Duration k_set_back{1000};  ///< less is not worth a look
constexpr Duration k_uneven{60'000};  ///< against the monotonic clock: it was set
/// So long it has to run evenly before it may decide that evidence is old: a machine that starts
/// with a wrong clock is put right within minutes.
constexpr Duration k_trusted{60 * 60 * 1000};
/// A verdict of just before may not be back from the journal yet.
constexpr Duration k_look_again{60'000};
constexpr Duration k_day{24 * 60 * 60 * 1000};

}  // namespace

/// At the beginning of a turn.
Status Agent::look_at_clock() {
  const Timestamp now = m_ports.clock->now();
  const Duration lead = now.time_since_epoch() - Duration(m_last_turn.load());
  if (lead > m_clock_lead + k_uneven || lead + k_uneven < m_clock_lead) {
    m_clock_lead = lead;
    m_next_erase = now + k_trusted;
  }
  if (now + k_set_back < m_turned_at) REELKEEP_TRY(clock_was_set_back(now));
  m_turned_at = now;
  if (m_look_again && now >= *m_look_again) {
    m_look_again.reset();
    REELKEEP_TRY(ask_again(now));
  }
  return {};
}

void Agent::erase_old_bodies() {
  if (m_turned_at < m_next_erase) return;
  m_next_erase = m_turned_at + k_day;
  m_archiver->erase_bodies(m_turned_at - m_policy->keep_bodies);
}

/// What was put off by the old time would wait for that to come again, past deadlines perhaps.
Status Agent::clock_was_set_back(Timestamp now) {
  log::warn("the clock was set back: whatever waits for a time is tried again at once",
            {{"from", to_rfc3339(m_turned_at)}, {"to", to_rfc3339(now)}});
  m_breakers.set_back(now);
  for (auto& [store, at] : m_closed_stores) at = std::min(at, now);
  for (auto& [id, standing] : m_destinations)
    standing.not_before = std::min(standing.not_before, now);
  m_next_store_look = m_next_disk_look = now;
  REELKEEP_TRY(m_catalog->transact([&] { return bring_forward(now); }));
  m_look_again = now + k_look_again;
  return ask_again(now);
}

/// For what was given up while the clock was ahead, although its deadline is still to come.
Status Agent::ask_again(Timestamp now) {
  for (const ArtifactState state : {ArtifactState::expired, ArtifactState::quarantined})
    REELKEEP_TRY(ask_again_for(state, now));
  return {};
}

Status Agent::ask_again_for(ArtifactState state, Timestamp now) {
  for (ArtifactRow last;;) {
    REELKEEP_ASSIGN(const std::vector<Artifact> found,
                    m_catalog->in_state(state, k_rows_per_look, last));
    if (found.empty()) return {};
    last = found.back().row;
    for (const Artifact& artifact : found) {
      if (artifact.deadline <= now) continue;
      const RedownloadCommand wish{.session = artifact.identity.session,
                                   .artifacts = {artifact.id}};
      m_ports.journal->append(
          NewEntry{.kind = EntryKind::command, .received_at = now, .body = encode(wish)},
          [id = artifact.id](const Result<Appended>& appended) {
            if (!appended)
              log::error(
                  "given up too early, by a clock that was ahead: ask for it with redownload",
                  {{"artifact", id.get()}, {"cause", appended.error().message}});
          });
    }
  }
}

/// In a transaction.
Status Agent::bring_forward(Timestamp now) {
  const auto brought = m_catalog->bring_forward(now, now + longest_wait(m_policy->retry));
  if (!brought) return brought.error();
  const auto audits = m_catalog->bring_audits_forward(
      now, now + std::max(m_policy->audit_every, k_latest_first_audit));
  return audits ? Status() : Status(audits.error());
}

}  // namespace reelkeep::core
