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

std::string location_now(const PushedFile& file) {
  return file.place.empty() ? file.location : file.place;
}

}  // namespace

bool Agent::is_idle() const {
  return m_running.empty() && std::ranges::all_of(m_at_stores, [](const auto& at_store) {
           return at_store.second.empty();
         });
}

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
  if (!is_idle() && now - *due.front().replica.audit_at < k_patience) return {};
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

/// Adopted files: nobody but their destination can give them back, so the whole file is read. One
/// at a time at each, when nothing that was pushed waits to be looked at.
Status Agent::audit_destinations() {
  if (m_policy->audit_every == Duration(0)) return {};
  const Timestamp now = m_ports.clock->now();
  for (const Destination* destination : m_ports.destinations) {
    const StoreId& id = destination->id();
    const DestinationRule* rule = m_policy->destination(id);
    DestinationStanding& standing = m_destinations[id];
    if (rule == nullptr || rule->action != DestinationAction::adopt || standing.not_before > now ||
        !standing.in_hand.empty())
      continue;
    REELKEEP_ASSIGN(const std::vector<ReplicaOf> due, m_catalog->audit_due(id, now, 1));
    if (due.empty()) continue;
    const ArtifactRow row = due.front().artifact;
    const Replica& replica = due.front().replica;
    if (!is_idle() && now - *replica.audit_at < k_patience) continue;
    REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row));
    if (!artifact) continue;
    REELKEEP_ASSIGN(const std::vector<PushedFile> files,
                    m_catalog->pushed_files(artifact->session_row, artifact->name));
    const auto file = std::ranges::find_if(files, [&](const PushedFile& one) {
      return one.destination == id && location_now(one) == replica.location;
    });
    if (file == files.end()) {
      REELKEEP_TRY(m_catalog->transact([&] {
        return m_catalog->put_audit(row, replica.location, std::nullopt,
                                    now + m_policy->audit_every);
      }));
      continue;
    }
    REELKEEP_ASSIGN(ExamineTask task, examination_of(*file, rule->action));
    task.audit_of = row;
    task.audit_rate = m_policy->audit_rate;
    standing.in_hand.insert(key_of(*file));
    m_destination_lanes->examine(std::move(task));
  }
  return {};
}

/// Of an audit at a destination. That it is good is scheduling and no fact, as in our own stores.
Status Agent::audited(const Examined& message) {
  const Timestamp now = m_ports.clock->now();
  if (!message.status)
    return m_catalog->put_audit(*message.audit_of, location_now(message.file), std::nullopt,
                                now + k_audit_again);
  REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog->session(message.file.session));
  if (!session) return {};
  REELKEEP_ASSIGN(std::vector<PushedFile> known,
                  m_catalog->pushed_files(session->row, message.file.name));
  const auto file = std::ranges::find(known, message.file.location, &PushedFile::location);
  if (file == known.end() || file->found != ReplicaState::verified ||
      file->found_digest != message.file.found_digest)
    return {};
  file->read_at = now;
  REELKEEP_TRY(m_catalog->put_pushed_look(session->row, *file));
  return SessionFacts(*m_catalog, *m_policy).relink_pushes(*session, file->name);
}

/// What is good is scheduling and no fact; what is bad comes back through the journal.
Status Agent::handle(Inspected& message, AfterCommit& after) {
  after.emplace_back(
      [this, bytes = m_archiver->audited_bytes() + m_destination_lanes->audited_bytes()] {
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
