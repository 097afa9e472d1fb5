// Destinations that the provider pushes to: what is looked at, moved or brought next.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/lane.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_looks_in_hand = 8;
constexpr std::size_t k_assigned_at_once = 256;
/// By which rules pushed files were assigned to destinations.
const std::string k_rules_note = "destinations";

bool is_outage(Errc code) {
  switch (code) {
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::unauthorized:
    case Errc::no_space:
      return true;
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::corrupt:
    case Errc::internal:
    case Errc::cancelled:
      return false;
  }
  return false;
}

}  // namespace

std::string Agent::key_of(const PushedFile& file) {
  return file.session.app_id.get() + "\n" + file.session.conf_num.get() + "\n" + file.location;
}

Duration Agent::backoff(std::int64_t failures) const {
  const std::int64_t doublings =
      std::min<std::int64_t>(std::max<std::int64_t>(failures - 1, 0), 20);
  return std::min(m_policy->retry.minimum * (std::int64_t{1} << doublings),
                  m_policy->retry.maximum);
}

/// A page of all pushed files, when the rules are not those that they were assigned by. Returns
/// whether there are more pages.
Result<bool> Agent::assign_pushed() {
  if (!m_rules_checked) {
    REELKEEP_ASSIGN(const auto known, m_catalog->note(k_rules_note));
    if (known.value_or("") != m_policy->destinations_text()) m_assigned_to = 0;
    m_rules_checked = true;
  }
  if (!m_assigned_to) return false;
  std::int64_t after = *m_assigned_to;
  bool more = true;
  REELKEEP_TRY(m_catalog->transact([&]() -> Status {
    REELKEEP_ASSIGN(const std::vector<PushedFile> page,
                    m_catalog->all_pushed(after, k_assigned_at_once));
    more = !page.empty();
    SessionFacts facts(*m_catalog, *m_policy);
    for (const PushedFile& file : page) {
      REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog->session(file.session));
      if (!session) continue;
      REELKEEP_TRY(facts.assign(*session, file, m_ports.clock->now()));
      REELKEEP_TRY(facts.relink_pushes(*session, file.name));
    }
    if (more) return {};
    return m_catalog->set_note(k_rules_note, m_policy->destinations_text());
  }));
  m_assigned_to = more ? std::optional(after) : std::nullopt;
  return more;
}

/// To every destination that answers what is due there and fits in its hands.
Status Agent::look_at_destinations() {
  for (Destination* destination : m_ports.destinations) {
    const DestinationRule* rule = m_policy->destination(destination->id());
    DestinationStanding& standing = m_destinations[destination->id()];
    const Timestamp now = m_ports.clock->now();
    if (rule == nullptr || rule->action == DestinationAction::record || standing.not_before > now)
      continue;
    // After a failure one at a time finds out whether it works again.
    const std::size_t room = standing.failures > 0 ? 1 : k_looks_in_hand;
    if (standing.in_hand.size() >= room) continue;
    REELKEEP_ASSIGN(const std::vector<PushedFile> due,
                    m_catalog->due_looks(destination->id(), now, k_looks_in_hand + room));
    for (const PushedFile& file : due) {
      if (standing.in_hand.size() >= room) break;
      if (standing.in_hand.contains(key_of(file)) || !is_at(file, destination->id())) continue;
      REELKEEP_ASSIGN(ExamineTask task, examination_of(file, rule->action));
      standing.in_hand.insert(key_of(file));
      m_destination_lanes->examine(std::move(task));
    }
  }
  return {};
}

/// By the rules of now: until all pushed files are assigned anew the catalog has those of before.
bool Agent::is_at(const PushedFile& file, const StoreId& destination) const {
  const DestinationRule* rule = m_policy->destination_of(file.destination_name, file.location);
  return rule != nullptr && rule->id == destination;
}

Result<ExamineTask> Agent::examination_of(const PushedFile& file, DestinationAction action) {
  ExamineTask task{.file = file, .room_id = {}, .action = action};
  SessionFacts facts(*m_catalog, *m_policy);
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact,
                  facts.artifact_of_push(file.session, file.name, file.source_key));
  if (!artifact) return task;
  task.room_id = artifact->room_id;
  task.kind = artifact->identity.kind;
  task.path = artifact->path;
  task.digest = artifact->digest;
  if (action != DestinationAction::organise || !file.place.empty()) return task;
  REELKEEP_ASSIGN(task.other_owner, owner_besides(*artifact, file));
  return task;
}

/// However a location is spelled: what was moved is known by the one spelling that we use.
Result<std::optional<ArtifactId>> Agent::owner_besides(const Artifact& artifact,
                                                       const PushedFile& file) {
  REELKEEP_ASSIGN(auto owner, m_catalog->delivered_to(file.location, artifact.row));
  const DestinationRule* rule = m_policy->destination(file.destination);
  const auto there = std::ranges::find(m_ports.destinations, file.destination, &Destination::id);
  if (owner || rule == nullptr || there == m_ports.destinations.end()) return owner;
  const auto path = rule->path_of(file.location);
  if (!path || !rule->layout_prefix.empty()) return owner;
  return m_catalog->delivered_to((*there)->location_of(*path), artifact.row);
}

/// Good and bad findings are in the journal; here is when to look again.
Status Agent::handle(Examined& message, AfterCommit& after) {
  const Status& status = message.status;
  const StoreId id = message.file.destination;
  const Errc code = status ? Errc::internal : status.error().code;  // of a failure
  const bool outage = !status && is_outage(code);
  const std::string outcome(message.found ? to_string(*message.found) : to_string(code));
  after.emplace_back([this, id, key = key_of(message.file), file = message.file, status, outcome] {
    count_at_destination(id, outcome);
    m_destinations[id].in_hand.erase(key);
    note_standing(id, status);
    if (status && !m_breakers.open().empty()) m_found.push_back(file);
  });
  if (!status && code == Errc::cancelled) return {};
  if (message.audit_of) return audited(message);
  if (status) return {};
  REELKEEP_ASSIGN(const std::optional<Session> session, m_catalog->session(message.file.session));
  if (!session) return {};
  REELKEEP_ASSIGN(std::vector<PushedFile> known,
                  m_catalog->pushed_files(session->row, message.file.name));
  const auto file = std::ranges::find(known, message.file.location, &PushedFile::location);
  if (file == known.end() || !file->next_look_at) return {};
  const Timestamp now = m_ports.clock->now();
  if (outage) {
    // Perhaps only this file cannot be reached: the next probe is another one.
    file->next_look_at =
        now + (code == Errc::unauthorized ? m_policy->retry.maximum
                                          : backoff(m_destinations[id].failures + 2));
  } else {
    file->looks += 1;
    file->next_look_at = now + backoff(file->looks);
    // Nobody looks for ever: as long as files are offered, and once more whenever it is told again.
    if (now > file->at + m_policy->offered_for(file->session.app_id) && file->looks > 1)
      file->next_look_at.reset();
  }
  if (!outage && code != Errc::not_found && file->problem != status.error().message)
    log::warn("what is to be done with a pushed file cannot be done",
              {{"destination", id.get()},
               {"location", file->location},
               {"cause", status.error().message}});
  const bool is_news = file->problem != status.error().message;
  file->problem = status.error().message;
  REELKEEP_TRY(m_catalog->put_pushed_look(session->row, *file));
  return is_news ? SessionFacts(*m_catalog, *m_policy).show_problem(*file) : Status();
}

void Agent::count_at_destination(const StoreId& destination, const std::string& outcome) {
  const std::lock_guard lock(m_mutex);
  ++m_status.at_destinations[{destination.get(), outcome}];
}

/// An outage holds up what is to be done at that destination, and nothing else.
void Agent::note_standing(const StoreId& destination, const Status& status) {
  if (!status && status.error().code == Errc::cancelled) return;
  DestinationStanding& standing = m_destinations[destination];
  if (status || !is_outage(status.error().code)) {
    if (standing.failures > 0)
      log::info("a destination works again", {{"destination", destination.get()}});
    standing.failures = 0;
    standing.not_before = Timestamp{};
    const std::lock_guard lock(m_mutex);
    m_status.destination_problems.erase(destination.get());
    return;
  }
  if (standing.failures++ == 0)
    log::warn("a destination does not work now; what is to be done there waits",
              {{"destination", destination.get()}, {"cause", status.error().message}});
  standing.not_before = m_ports.clock->now() + backoff(standing.failures);
  const std::lock_guard lock(m_mutex);
  m_status.destination_problems[destination.get()] = status.error().message;
}

/// One at a time from each destination: a large file is enough for a connection, and what is
/// fetched from the provider has a deadline.
Status Agent::claim_from_destinations() {
  if (m_ports.destinations.empty() || m_disk_paused) return {};
  REELKEEP_ASSIGN(const std::vector<Lane> lanes, m_catalog->lanes());
  for (const Lane& lane : lanes) {
    const auto id = destination_of_lane(lane.host);
    if (!id || m_policy->destination(*id) == nullptr || m_policy->project(lane.app_id) == nullptr)
      continue;
    if (m_destinations[*id].not_before > m_ports.clock->now()) continue;
    const bool busy = std::ranges::any_of(
        m_running, [&](const auto& running) { return running.second.host == lane.host; });
    if (busy) continue;
    REELKEEP_ASSIGN(std::vector<Artifact> ready, m_catalog->claimable(lane, 16));
    std::erase_if(ready, [this](const Artifact& artifact) { return is_busy(artifact); });
    if (ready.empty()) continue;
    Artifact& artifact = ready.front();
    REELKEEP_ASSIGN(const std::vector<PushedFile> files,
                    m_catalog->pushed_files(artifact.session_row, artifact.name));
    artifact.in_hand = true;
    if (!artifact.refetch) artifact.state = ArtifactState::running;
    REELKEEP_TRY(m_catalog->transact([&] { return m_catalog->put_progress(artifact); }));
    bring(artifact, *id, files);
  }
  return {};
}

void Agent::bring(const Artifact& artifact, const StoreId& destination,
                  const std::vector<PushedFile>& files) {
  const std::uint64_t ticket = m_next_ticket++;
  m_running[ticket] = Running{.artifact = artifact.row,
                              .host = artifact.host,
                              .credential = {},
                              .declared = {},
                              .declared_left = {}};
  m_tickets[artifact.row] = ticket;
  m_express.erase(artifact.row);
  const auto file = std::ranges::find_if(files, [&](const PushedFile& one) {
    return one.destination == destination && is_at(one, destination) &&
           (artifact.identity.kind != ArtifactKind::delivered ||
            one.source_key == artifact.identity.source_key);
  });
  if (file == files.end()) {
    fetched(Fetched{
        .ticket = ticket,
        .status = Error{Errc::unavailable, "the provider's push to destination \"" +
                                               destination.get() + "\" is not known any more"}});
    return;
  }
  Claim claim = claim_of(artifact);
  claim.express.reset();
  m_claims.add(ticket, std::move(claim));
  log::debug("fetching from a destination",
             {{"artifact", artifact.id.get()}, {"destination", destination.get()}});
  m_destination_lanes->bring(
      BringTask{.ticket = ticket,
                .destination = destination,
                .location = file->place.empty() ? file->location : file->place,
                .file = m_ports.staging->open(artifact.staging_name, artifact.resume),
                .resume = artifact.resume});
}

}  // namespace reelkeep::core
