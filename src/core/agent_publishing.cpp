// From judged bytes to verified replicas.
#include <algorithm>
#include <cstdlib>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/layout.hpp"

namespace reelkeep::core {
namespace {

constexpr Duration k_store_retry{5000};

/// Not of the one file: others fare no better there.
bool is_of_the_store(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::unauthorized ||
         code == Errc::no_space;
}

}  // namespace

Status Agent::handle(ArchiverMessage& message, AfterCommit& after) {
  if (auto* published = std::get_if<Published>(&message)) return handle(*published, after);
  if (auto* opened = std::get_if<StoreOpened>(&message)) return handle(*opened, after);
  if (auto* inspected = std::get_if<Inspected>(&message)) return handle(*inspected, after);
  return {};
}

/// What became of complete bytes. `artifact` is in hand, its attempt counted; `run` is the one that
/// knows that staging holds them.
Status Agent::take_verdict(Artifact artifact, const Judged& judged, std::int64_t run,
                           AfterCommit& after) {
  // Given up meanwhile: a cancelled artifact, or a cancelled refetch of an archived one.
  if (artifact.state == ArtifactState::cancelled ||
      (artifact.state == ArtifactState::archived && !artifact.refetch)) {
    artifact.in_hand = false;
    after.emplace_back([this, name = artifact.staging_name] {
      (void)m_ports.staging->remove(name).has_value();
      (void)m_ports.staging->discard_aside(name).has_value();
    });
    return leave_hand(artifact, after);
  }
  if (!judged.status) {
    artifact.in_hand = false;
    artifact.deaths = 0;
    artifact.resume.reset();
    if (!artifact.refetch) artifact.received = ByteCount(0);
    if (artifact.state == ArtifactState::running) artifact.state = ArtifactState::planned;
    if (judged.status.error().code == Errc::corrupt && !artifact.refetch)
      artifact.bad_digest = judged.digest, artifact.size = judged.size;
    return attempt_failed(std::move(artifact), judged.status.error(), after);
  }
  if (artifact.attempts > 1) REELKEEP_TRY(note_attempt(artifact, std::nullopt));
  // What may have ended the process on the straight way is told from what did not by its size.
  if (artifact.refetch || judged.size > k_longest_express) artifact.deaths = 0;
  if (!artifact.refetch) {
    // From here on the source and its deadline do not matter any more.
    artifact.in_hand = false;
    artifact.state = ArtifactState::verifying;
    artifact.size = artifact.received = judged.size;
    artifact.digest = judged.digest;
    artifact.disputed = judged.disputed;
    artifact.error.reset();
    artifact.resume.reset();
    artifact.next_attempt_at.reset();
  }
  REELKEEP_TRY(m_catalog->put_progress(artifact));
  // Handed to the stores in this same turn, as far as their hands are free.
  Effects effects;
  REELKEEP_TRY(line_up(
      artifact,
      PendingPut{
          .digest = judged.digest, .size = judged.size, .disputed = judged.disputed, .run = run},
      effects));
  after.emplace_back([this, row = artifact.row, effects = std::move(effects)] {
    m_refetch_failures.erase(row);
    carry_out(effects);
  });
  return {};
}

Status Agent::handle(Published& message, AfterCommit& after) {
  after.emplace_back(
      [this, row = message.artifact, store = message.store] { m_at_stores[store].erase(row); });
  if (const auto express = m_express.find(message.artifact); express != m_express.end()) {
    // Nothing of it is in the catalog yet.
    if (message.status) {
      after.emplace_back([this, row = message.artifact] {
        if (const auto stored = m_express.find(row); stored != m_express.end())
          stored->second.is_stored = true;
      });
      return {};
    }
    REELKEEP_TRY(express_failed(message, express->second.judged, after));
  }
  REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog->pending(message.artifact));
  const auto pending = std::ranges::find_if(waiting, [&](const PendingPut& row) {
    return row.store == message.store && row.digest == message.digest;
  });
  if (message.status) {
    after.emplace_back([this, store = message.store] {
      if (m_doubted_stores.erase(store) > 0 && !m_closed_stores.contains(store)) works_again(store);
    });
    // The replica row follows from the outcome in the journal, like everything that is known.
    if (pending == waiting.end()) return {};
    return m_catalog->remove_pending(message.artifact, message.store);
  }
  if (pending == waiting.end()) return {};  // not wanted any more
  const Error& error = message.status.error();
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(message.artifact));
  if (!artifact) return {};
  artifact->error = error.within("store \"" + message.store.get() + "\"");
  if (error.code != Errc::corrupt)
    return put_failed(*pending, std::move(*artifact), message, after);

  // Staging does not hold them (any more). Another store may: then they are copied from there.
  REELKEEP_ASSIGN(const std::vector<CopySource> copies, copies_for(*pending));
  if (!copies.empty()) {
    PendingPut again = *pending;
    again.run = k_no_run;
    again.due_at = m_ports.clock->now() + std::min(k_store_retry, m_policy->retry.maximum);
    ++again.tries;
    REELKEEP_TRY(m_catalog->put_pending(again));
    return m_catalog->put_progress(*artifact);
  }
  // Nobody does: the source has to give them again.
  REELKEEP_TRY(m_catalog->remove_pending(message.artifact));
  artifact->in_hand = false;
  artifact->resume.reset();
  if (artifact->state == ArtifactState::verifying) {
    artifact->size.reset();
    artifact->digest.reset();
    artifact->received = ByteCount(0);
  }
  after.emplace_back(
      [this, name = artifact->staging_name] { (void)m_ports.staging->remove(name).has_value(); });
  const Error cause = *artifact->error;
  return attempt_failed(std::move(*artifact), cause, after);
}

/// The store does not take them now: they stay in staging and wait.
Status Agent::put_failed(PendingPut pending, Artifact artifact, const Published& message,
                         AfterCommit& after) {
  if (pending.tries == 0)
    log::warn("a store did not take the bytes; they are kept in staging and tried again",
              {{"artifact", artifact.id.get()}, {"cause", artifact.error->message}});
  // They may lie here for long: their journal row lets them outlive the catalog.
  if (!pending.journaled && !artifact.refetch)
    after.emplace_back([this, received = BytesReceived{
                                  artifact.identity, artifact.room_id, pending.size, pending.digest,
                                  pending.disputed}] { journal_outcome(received); });
  pending.due_at =
      m_ports.clock->now() +
      std::min(k_store_retry * (1 << std::min(pending.tries, 10)), m_policy->retry.maximum);
  ++pending.tries;
  REELKEEP_TRY(m_catalog->put_pending(pending));
  REELKEEP_TRY(m_catalog->put_progress(artifact));
  if (message.source_at_fault) return {};  // this store did not refuse anything
  const Error& error = message.status.error();
  after.emplace_back([this, store = pending.store, code = error.code, cause = error.message] {
    m_doubted_stores.insert(store);
    if (!is_of_the_store(code)) return;
    if (code == Errc::unavailable) {
      m_closed_stores.try_emplace(store, Timestamp{});
      m_journaling.try_emplace(store);
    }
    std::lock_guard lock(m_mutex);
    m_status.store_problems[store.get()] = cause;
  });
  return {};
}

void Agent::works_again(const StoreId& store) {
  std::string problem;
  {
    std::lock_guard lock(m_mutex);
    const auto found = m_status.store_problems.find(store.get());
    if (found == m_status.store_problems.end()) return;
    problem = found->second;
    m_status.store_problems.erase(found);
  }
  if (problem != k_not_opened_yet)
    log::info("a store works again", {{"store", store.get()}, {"problem_was", problem}});
}

Status Agent::handle(StoreOpened& message, AfterCommit& after) {
  const std::string id = message.store.get();
  m_untried_stores.erase(message.store);
  if (!message.root) {
    after.emplace_back([this, id, store = message.store, cause = message.root.error().message] {
      m_closed_stores.try_emplace(store, Timestamp{});
      m_journaling.try_emplace(store);
      std::string problem = cause;
      {
        std::lock_guard lock(m_mutex);
        problem.swap(m_status.store_problems[id]);
      }
      if (problem != cause)
        log::error("a store is not available; artifacts for it are kept in staging",
                   {{"store", id}, {"cause", cause}});
    });
    return {};
  }
  REELKEEP_TRY(m_catalog->set_note("root:" + id, *message.root));
  REELKEEP_TRY(m_catalog->set_note("place:" + id, place_of(message.store)));
  after.emplace_back([this, store = message.store] {
    m_closed_stores.erase(store);
    m_journaling.erase(store);
    works_again(store);
    if (m_removing_in.insert(store).second) resume_removals(store);
  });
  return {};
}

/// A store is asked once in a run for each: what comes to lie there afterwards has been put later.
/// What is superseded before the store opened waits for resume_removals(), what it does not remove
/// now for the next start.
Status Agent::remove_superseded(const RemoveSuperseded& effect,
                                const std::optional<StoreId>& only_in) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(effect.artifact));
  if (!artifact) return {};
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(effect.artifact));
  for (const Replica& replica : replicas)
    if (replica.state == ReplicaState::superseded && replica.store &&
        (only_in ? replica.store == only_in : m_removing_in.contains(*replica.store)) &&
        std::ranges::find(effect.locations, replica.location) != effect.locations.end())
      m_archiver->remove(
          RemoveTask{artifact->identity, *replica.store, replica.path, replica.location});
  return {};
}

/// A store opened for the first time in this run: what earlier ones had still to remove there.
void Agent::resume_removals(const StoreId& store) {
  const auto resume = [&]() -> Status {
    REELKEEP_ASSIGN(const auto notes, m_catalog->notes(std::string(k_removal_notes)));
    for (const auto& [key, location] : notes) {
      const ArtifactRow row(std::strtoll(key.c_str() + k_removal_notes.size(), nullptr, 10));
      REELKEEP_TRY(remove_superseded({row, {location}}, store));
    }
    return {};
  };
  if (const Status resumed = resume(); !resumed)
    log::warn("superseded replicas stay until the next start",
              {{"store", store.get()}, {"cause", resumed.error().message}});
}

}  // namespace reelkeep::core
