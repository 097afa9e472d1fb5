// The queue of what waits for a store: rows of the catalog, of which a bounded set is handed out.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/layout.hpp"
#include "core/session_facts.hpp"

namespace reelkeep::core {
namespace {

/// Handed to a store at a time: enough for its batches, whatever waits behind them.
constexpr std::size_t k_handed_out = 256;
constexpr std::size_t k_looked_over_at_once = 64;

std::string suffix_of(const Digest& digest) {
  return "~" + digest.hex().substr(0, 6);
}

}  // namespace

/// For artifacts whose complete bytes are there (after a start, accepted by the operator, or to be
/// copied from another store). In a transaction; idempotent.
Status Agent::begin_publishing(Artifact artifact, Effects& effects) {
  if (!artifact.digest) abort_broken_invariant("verifying without a digest");
  if (artifact.bad_digest == artifact.digest) {
    // Accepted: the bytes come back from aside, and their size is known before anything moves.
    // When they are back already there is nothing aside.
    (void)m_ports.staging->take_back(artifact.staging_name).has_value();
    REELKEEP_ASSIGN(const std::optional<ByteCount> staged,
                    m_ports.staging->stat(artifact.staging_name));
    if (staged && artifact.size != staged) {
      artifact.size = staged;
      REELKEEP_ASSIGN(artifact, m_catalog->put_artifact(std::move(artifact)));
    }
  }
  return line_up(artifact,
                 PendingPut{.digest = *artifact.digest,
                            .size = artifact.size.value_or(ByteCount(0)),
                            .disputed = artifact.disputed},
                 effects);
}

/// One row for each store that has to get these bytes; what waits already stays as it is. In a
/// transaction.
Status Agent::line_up(const Artifact& artifact, PendingPut bytes, Effects& effects) {
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  if (project == nullptr) return {};  // waits for a reload
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(artifact.row));
  std::vector<StoreId> missing;
  for (const StoreId& store : project->stores) {
    const bool holds = !artifact.refetch && std::ranges::any_of(replicas, [&](const Replica& r) {
      return r.store == store && r.digest == bytes.digest && r.state == ReplicaState::verified;
    });
    // What the provider has to push is nothing to be put anywhere.
    if (!holds && m_policy->destination(store) == nullptr) missing.push_back(store);
  }
  // Without any, the stores that were waited for are not asked for any more.
  if (missing.empty()) return nothing_to_put(artifact, bytes, effects);

  REELKEEP_ASSIGN(std::vector<PendingPut> waiting, m_catalog->pending(artifact.row));
  for (const PendingPut& row : waiting)
    if (row.digest != bytes.digest || std::ranges::find(missing, row.store) == missing.end())
      REELKEEP_TRY(m_catalog->remove_pending(row.artifact, row.store));
  bytes.artifact = artifact.row;
  bytes.due_at = m_ports.clock->now();
  if (artifact.state == ArtifactState::verifying && artifact.next_attempt_at)
    bytes.due_at = std::max(bytes.due_at, *artifact.next_attempt_at);
  std::optional<Error> unable;
  for (const StoreId& store : missing) {
    if (std::ranges::any_of(waiting, [&](const PendingPut& row) {
          return row.store == store && row.digest == bytes.digest;
        }))
      continue;
    bytes.store = store;
    if (const auto cause = why_closed(store))
      unable = Error{Errc::unavailable, "store \"" + store.get() + "\": " + *cause};
    REELKEEP_TRY(m_catalog->put_pending(bytes));
  }
  if (!unable) return {};
  Artifact told = artifact;
  told.error = std::move(unable);
  REELKEEP_TRY(m_catalog->put_artifact(std::move(told)));
  // They may lie here for long: their journal row lets them outlive the catalog.
  if (!artifact.refetch)
    effects.push_back(JournalOutcome{BytesReceived{artifact.identity, artifact.room_id, bytes.size,
                                                   bytes.digest, bytes.disputed}});
  return {};
}

/// All stores of ours have them. A push that is still awaited may come late, or never: unless a
/// store has them they lie in staging alone, and their journal row lets them outlive the catalog.
Status Agent::nothing_to_put(const Artifact& artifact, PendingPut bytes, Effects& effects) {
  REELKEEP_TRY(RecordFacts(*m_catalog, *m_policy, effects)
                   .settle(artifact, bytes.size, bytes.digest, bytes.disputed));
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  const bool ours =
      project == nullptr || std::ranges::any_of(project->stores, [&](const StoreId& store) {
        return m_policy->destination(store) == nullptr;
      });
  REELKEEP_ASSIGN(std::optional<Artifact> after, m_catalog->artifact(artifact.row));
  if (ours || !after || after->state != ArtifactState::verifying) return {};
  REELKEEP_ASSIGN(const std::optional<ByteCount> staged,
                  m_ports.staging->stat(artifact.staging_name));
  if (staged != bytes.size) {
    // Nobody has them any more: the source has to give them again.
    REELKEEP_TRY(m_catalog->remove_pending(artifact.row));
    REELKEEP_TRY(SessionFacts(*m_catalog, *m_policy).refuse_differing(*after, bytes.digest));
    after->state = ArtifactState::planned;
    after->size.reset();
    after->digest.reset();
    after->received = ByteCount(0);
    return m_catalog->put_progress(*after);
  }
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog->pending(artifact.row));
  const auto known = std::ranges::find(waiting, bytes.digest, &PendingPut::digest);
  if (known != waiting.end() && known->journaled) return {};
  bytes.artifact = artifact.row;
  bytes.store = project->stores.front();
  bytes.due_at = m_ports.clock->now();
  REELKEEP_TRY(m_catalog->put_pending(bytes));
  effects.push_back(JournalOutcome{BytesReceived{artifact.identity, artifact.room_id, bytes.size,
                                                 bytes.digest, bytes.disputed}});
  return {};
}

/// Nothing: the store is open, or did not answer yet.
std::optional<std::string> Agent::why_closed(const StoreId& store) const {
  if (std::ranges::none_of(m_ports.stores, [&](const Store* s) { return s->id() == store; }))
    return "it is not configured any more: restart the agent after changing [[store]]";
  if (!m_closed_stores.contains(store) || m_untried_stores.contains(store)) return std::nullopt;
  std::lock_guard lock(m_mutex);
  const auto problem = m_status.store_problems.find(store.get());
  return problem == m_status.store_problems.end() ? "not available" : problem->second;
}

/// A page of the complete bytes: those for which nothing waits any more (a kill, a change of the
/// configuration) are lined up again. Returns whether there are more pages.
Result<bool> Agent::look_over_pending() {
  if (!m_looked_over) return false;
  LookOver at = *m_looked_over;
  Effects effects;
  bool is_end = false;
  REELKEEP_TRY(m_catalog->transact([&]() -> Status {
    REELKEEP_ASSIGN(std::vector<Artifact> page,
                    at.refetched ? m_catalog->in_hand(k_looked_over_at_once, at.last)
                                 : m_catalog->in_state(ArtifactState::verifying,
                                                       k_looked_over_at_once, at.last));
    is_end = page.empty();
    for (Artifact& artifact : page) {
      at.last = artifact.row;
      if (!at.refetched)
        REELKEEP_TRY(begin_publishing(std::move(artifact), effects));
      else if (artifact.refetch)
        REELKEEP_TRY(look_over_refetched(artifact, effects));
    }
    return {};
  }));
  if (!is_end)
    m_looked_over = at;
  else if (!at.refetched)
    m_looked_over = LookOver{.refetched = true};
  else
    m_looked_over.reset();
  carry_out(effects);
  return m_looked_over.has_value();
}

/// Bytes that were fetched again: in hand, with rows that know them. In a transaction.
Status Agent::look_over_refetched(const Artifact& artifact, Effects& effects) {
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog->pending(artifact.row));
  if (waiting.empty()) return {};
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  bool wanted = false;
  for (const PendingPut& row : waiting) {
    const bool asked = project == nullptr ||
                       std::ranges::find(project->stores, row.store) != project->stores.end();
    wanted = wanted || asked;
    if (!asked) REELKEEP_TRY(m_catalog->remove_pending(row.artifact, row.store));
  }
  if (wanted) return {};
  return RecordFacts(*m_catalog, *m_policy, effects)
      .settle(artifact, waiting[0].size, waiting[0].digest, waiting[0].disputed);
}

/// A page of what waits for a store that closed, or is closed still: that the bytes are here goes
/// into the journal, unless it says so already. What comes later is journaled as it comes. Returns
/// whether there are more pages.
Result<bool> Agent::journal_waiting() {
  for (auto& waiting : m_journaling) {
    const StoreId store = waiting.first;
    auto& cursor = waiting.second;
    Effects effects;
    bool more = true;
    auto next = cursor;
    REELKEEP_ASSIGN(const std::vector<PendingPut> page,
                    m_catalog->pending(store, k_looked_over_at_once, cursor));
    more = !page.empty();
    for (const PendingPut& row : page) {
      next = std::pair(row.due_at, row.artifact);
      if (row.journaled) continue;
      REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row.artifact));
      if (!artifact || artifact->refetch) continue;
      effects.push_back(JournalOutcome{BytesReceived{artifact->identity, artifact->room_id,
                                                     row.size, row.digest, row.disputed}});
    }
    carry_out(effects);
    if (more) {
      cursor = next;
      return true;
    }
    m_journaling.erase(store);
    return !m_journaling.empty();
  }
  return false;
}

/// To every open store what is due and fits in its hands.
Status Agent::hand_out() {
  for (const Store* store : m_ports.stores)
    if (!m_closed_stores.contains(store->id())) REELKEEP_TRY(hand_out(store->id()));
  return {};
}

/// Good replicas of these bytes in other stores.
Result<std::vector<CopySource>> Agent::copies_for(const PendingPut& pending) {
  std::vector<CopySource> sources;
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(pending.artifact));
  for (const Replica& replica : replicas)
    if (replica.store && !replica.path.empty() && replica.store != pending.store &&
        replica.digest == pending.digest && replica.state == ReplicaState::verified)
      sources.push_back({*replica.store, replica.path, replica.location});
  return sources;
}

Status Agent::hand_out(const StoreId& store) {
  std::set<ArtifactRow>& at_work = m_at_stores[store];
  // Short files that are no rows are at work there too, and take no room from those that are.
  const std::size_t express = express_at(store);
  const std::size_t room = m_doubted_stores.contains(store) ? 1 : k_handed_out;
  // Half empty first: the rows that are handed out already stand before the others.
  if (at_work.size() > room / 2 + express) return {};
  const Timestamp now = m_ports.clock->now();
  REELKEEP_ASSIGN(const std::vector<PendingPut> rows, m_catalog->pending(store, k_handed_out));
  for (const PendingPut& row : rows) {
    if (row.due_at > now || at_work.size() >= room + express) break;
    if (at_work.contains(row.artifact) || m_tickets.contains(row.artifact)) continue;
    REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row.artifact));
    if (!artifact) continue;
    const ProjectPolicy* project = m_policy->project(artifact->identity.session.app_id);
    if (project == nullptr) {
      // It waits for a reload, behind the others.
      PendingPut later = row;
      later.due_at = now + m_policy->retry.maximum;
      REELKEEP_TRY(m_catalog->transact([&] { return m_catalog->put_pending(later); }));
      continue;
    }
    std::vector<CopySource> sources;
    if (row.run != m_run) {
      REELKEEP_ASSIGN(sources, copies_for(row));
      // Two stores never bring the same bytes into staging at once.
      if (!sources.empty() && is_busy(*artifact)) continue;
    }
    at_work.insert(row.artifact);
    PublishTask task = publish_task(*artifact, *project, store);
    give_bytes(task, row.size, row.digest);
    task.disputed = row.disputed;
    task.hash_first = row.run != m_run;
    task.sources = std::move(sources);
    m_archiver->publish(std::move(task));
  }
  return {};
}

/// All but the bytes.
PublishTask Agent::publish_task(const Artifact& artifact, const ProjectPolicy& project,
                                const StoreId& store) const {
  return PublishTask{
      .artifact = artifact.row,
      .identity = artifact.identity,
      .room_id = artifact.room_id,
      .store = store,
      .staging_name = artifact.staging_name,
      .request =
          PutRequest{.staged = m_ports.staging->path_of(artifact.staging_name),
                     .path = artifact.path,
                     .manifest_dir = session_folder(m_policy->layout, artifact.path),
                     .disposition = project.stores.size() == 1 ? Staged::take : Staged::keep},
      .wanted = project.stores};
}

void Agent::give_bytes(PublishTask& task, ByteCount size, const Digest& digest) {
  task.request.size = size;
  task.request.digest = digest;
  task.request.suffix = suffix_of(digest);
}

}  // namespace reelkeep::core
