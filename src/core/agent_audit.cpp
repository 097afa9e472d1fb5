// The auditor: every replica is read back, the first time while its source still exists.
#include <algorithm>

#include "core/agent.hpp"

namespace reelkeep::core {
namespace {

/// In hand at a time: small files share a commit that way.
constexpr std::size_t k_in_hand = 16;
/// Reading back waits for quiet moments, but not for ever.
constexpr Duration k_patience{10 * 60 * 1000};
/// Nothing was learned, or what was found is not applied yet.
constexpr Duration k_audit_again{60 * 60 * 1000};

}  // namespace

/// Hands the auditor what is due longest, whichever open store has it.
Status Agent::audit() {
  if (m_inspections > 0 || m_policy->audit_every == Duration(0)) return {};
  const Timestamp now = m_ports.clock->now();
  std::vector<ReplicaOf> due;
  for (const Store* store : m_ports.stores) {
    if (m_closed_stores.contains(store->id())) continue;
    REELKEEP_ASSIGN(std::vector<ReplicaOf> here, m_catalog->audit_due(store->id(), now, k_in_hand));
    if (here.empty()) continue;
    if (due.empty() || here.front().replica.audit_at < due.front().replica.audit_at)
      due = std::move(here);
  }
  if (due.empty()) return {};
  const bool is_idle =
      m_running.empty() && std::ranges::all_of(m_at_stores, [](const auto& at_store) {
        return at_store.second.empty();
      });
  if (!is_idle && now - *due.front().replica.audit_at < k_patience) return {};
  m_archiver->set_audit_rate(m_policy->audit_rate);
  for (const auto& [row, replica] : due) {
    REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row));
    if (!artifact || !replica.store || !replica.digest) continue;
    ++m_inspections;
    m_archiver->inspect(
        InspectTask{.artifact = row,
                    .identity = artifact->identity,
                    .store = *replica.store,
                    .path = replica.path,
                    .location = replica.location,
                    .size = replica.size,
                    .digest = *replica.digest,
                    .depth = replica.audit_at == k_at_once ? Depth::quick : Depth::full});
  }
  return {};
}

/// What is good is scheduling and no fact; what is bad comes back through the journal.
Status Agent::handle(Inspected& message, AfterCommit& after) {
  after.emplace_back([this, bytes = m_archiver->audited_bytes()] {
    m_inspections -= std::min<std::size_t>(m_inspections, 1);
    std::lock_guard lock(m_mutex);
    m_status.audited_bytes = bytes;
  });
  const Timestamp now = m_ports.clock->now();
  if (!message.status)
    return m_catalog->put_audit(message.artifact, message.location, std::nullopt,
                                now + k_audit_again);
  if (message.depth == Depth::full)
    return m_catalog->put_audit(message.artifact, message.location, now,
                                now + m_policy->audit_every);
  // It is there. When its bytes were last read is not known any more.
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(message.artifact));
  if (!artifact) return {};
  return m_catalog->put_audit(message.artifact, message.location, std::nullopt,
                              std::max(now, first_audit(now, artifact->deadline)));
}

}  // namespace reelkeep::core
