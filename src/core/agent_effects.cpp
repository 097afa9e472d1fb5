// What follows from facts outside the catalog: effects of a commit, and what lies in staging.
#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"

namespace reelkeep::core {
/// Staging may lie on a filesystem that is not mounted yet. The intake does not care.
Result<bool> Agent::staging_is_there() {
  const Result<ByteCount> free = m_ports.staging->free_space();
  // At the first start a store is about to make the folder that staging lies in.
  if (!free && !m_untried_stores.empty()) return false;
  const std::string problem = free ? "" : free.error().message;
  std::string was = problem;
  {
    std::lock_guard lock(m_mutex);
    was.swap(m_status.staging_problem);
  }
  if (was.empty() && !free)
    log::error("staging is not available: downloads wait", {{"cause", problem}});
  else if (!was.empty() && free)
    log::info("staging is available again: downloads go on");
  if (!free) return false;
  if (!m_went_on) {
    REELKEEP_TRY(go_on());
    m_went_on = true;
  }
  return true;
}

/// Complete bytes that the last run left in staging go on to their stores; leftovers go away.
Status Agent::go_on() {
  m_looked_over = LookOver{};
  sweep_staging();
  return {};
}

void Agent::sweep_staging() {
  auto names = m_ports.staging->list();
  if (!names) {
    log::warn("staging cannot be listed", {{"cause", names.error().message}});
    return;
  }
  for (const std::string& name : *names) {
    auto needed = m_catalog->needs_staging(name);
    if (!needed || *needed) continue;
    // Known and not needed: the leftover of a finished artifact. Unknown: never ours to delete.
    auto known = m_catalog->knows_staging(name);
    if (known && *known) {
      if (const Status removed = m_ports.staging->remove(name); !removed)
        log::warn("a leftover in staging cannot be removed", {{"cause", removed.error().message}});
      (void)m_ports.staging->discard_aside(name).has_value();
    } else {
      log::warn("a file in staging belongs to no artifact; it is kept", {{"name", name}});
    }
  }
}

void Agent::carry_out(const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const auto* drop = std::get_if<DropTransfer>(&effect)) {
      const auto ticket = m_tickets.find(drop->artifact);
      if (ticket != m_tickets.end()) {
        m_running[ticket->second].dropped = true;
        if (!withdraw(ticket->second)) {
          m_fetcher->cancel(ticket->second);
          m_destination_lanes->cancel(ticket->second);
        }
      }
    } else if (const auto* staging = std::get_if<DropStaging>(&effect)) {
      const Status removed = m_ports.staging->remove(staging->staging_name);
      const Status aside = m_ports.staging->discard_aside(staging->staging_name);
      // Before staging is there its leftovers wait for sweep_staging().
      if (m_went_on && (!removed || !aside))
        log::warn("a file that is not needed stays in staging until the next start",
                  {{"cause", (removed ? aside : removed).error().message}});
    } else if (const auto* go = std::get_if<Publish>(&effect)) {
      Effects further;
      const Status begun = m_catalog->transact([&]() -> Status {
        REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(go->artifact));
        if (!m_went_on || !artifact || artifact->state != ArtifactState::verifying) return {};
        return begin_publishing(std::move(*artifact), further);
      });
      if (begun) {
        carry_out(further);
      } else {
        log::warn("complete bytes cannot be published yet", {{"cause", begun.error().message}});
        m_looked_over = LookOver{};  // they are found there, as after a start
      }
    } else if (const auto* old = std::get_if<RemoveSuperseded>(&effect)) {
      if (const Status removed = remove_superseded(*old); !removed)
        log::warn("superseded replicas stay", {{"cause", removed.error().message}});
    } else if (const auto* finding = std::get_if<JournalOutcome>(&effect)) {
      journal_outcome(finding->outcome);
    }
  }
}

}  // namespace reelkeep::core
