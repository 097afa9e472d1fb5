// From judged bytes to verified replicas.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/layout.hpp"

namespace reelkeep::core {
namespace {

constexpr Duration k_store_retry{5000};
constexpr std::size_t k_inspections_in_hand = 16;
constexpr std::size_t k_suspects_at_once = 256;

std::string bare(const std::string& digest_hex) {
  return "~" + digest_hex.substr(0, 6);
}

}  // namespace

Status Agent::handle(ArchiverMessage& message, AfterCommit& after) {
  if (auto* judged = std::get_if<Judged>(&message)) return handle(*judged, after);
  if (auto* published = std::get_if<Published>(&message)) return handle(*published, after);
  if (auto* opened = std::get_if<StoreOpened>(&message)) return handle(*opened, after);
  if (std::holds_alternative<Inspected>(message))
    after.emplace_back([this] { m_inspections -= std::min<std::size_t>(m_inspections, 1); });
  return {};
}

Status Agent::handle(Judged& message, AfterCommit& after) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(message.artifact));
  if (!artifact) return {};
  artifact->deaths = 0;
  after.emplace_back(
      [this, code = message.status ? std::optional<Errc>() : message.status.error().code] {
        std::lock_guard lock(m_mutex);
        if (code)
          ++m_status.failures[*code];
        else
          ++m_status.successes;
      });
  // Given up meanwhile: a cancelled artifact, or a cancelled refetch of an archived one.
  if (artifact->state == ArtifactState::cancelled ||
      (artifact->state == ArtifactState::archived && !artifact->refetch)) {
    artifact->in_hand = false;
    after.emplace_back([this, name = artifact->staging_name] {
      (void)m_ports.staging->remove(name).has_value();
      (void)m_ports.staging->discard_aside(name).has_value();
    });
    REELKEEP_TRY(m_catalog->put_artifact(std::move(*artifact)));
    return {};
  }
  if (!message.status) {
    artifact->in_hand = false;
    artifact->resume.reset();
    if (!artifact->refetch) artifact->received = ByteCount(0);
    if (artifact->state == ArtifactState::running) artifact->state = ArtifactState::planned;
    if (message.status.error().code == Errc::corrupt && !artifact->refetch)
      artifact->bad_digest = message.digest, artifact->size = message.size;
    return attempt_failed(std::move(*artifact), message.status.error(), after);
  }
  if (!artifact->refetch) {
    // From here on the source and its deadline do not matter any more.
    artifact->in_hand = false;
    artifact->state = ArtifactState::verifying;
    artifact->size = artifact->received = message.size;
    artifact->digest = message.digest;
    artifact->disputed = message.disputed;
    artifact->error.reset();
    artifact->resume.reset();
    artifact->next_attempt_at.reset();
  }
  REELKEEP_TRY(m_catalog->put_progress(*artifact));
  after.emplace_back([this, kept = std::move(*artifact), size = message.size,
                      digest = message.digest, disputed = message.disputed] {
    Publishing publishing{.digest = digest, .size = size, .disputed = disputed};
    m_refetch_failures.erase(kept.row);
    if (const Status begun = publish(kept, publishing); !begun)
      log::warn("publishing could not begin", {{"cause", begun.error().message}});
    m_publishing[kept.row] = std::move(publishing);
  });
  return {};
}

/// For artifacts whose complete bytes lie in staging (after a start, or accepted by the operator).
Status Agent::begin_publishing(Artifact artifact) {
  if (!artifact.digest) abort_broken_invariant("verifying without a digest");
  if (artifact.bad_digest == artifact.digest) {
    // Accepted: the bytes come back from aside, and their size is known before anything moves.
    // When they are back already there is nothing aside.
    (void)m_ports.staging->take_back(artifact.staging_name).has_value();
    REELKEEP_ASSIGN(const std::optional<ByteCount> staged,
                    m_ports.staging->stat(artifact.staging_name));
    if (staged && artifact.size != staged) {
      artifact.size = staged;
      REELKEEP_TRY(m_catalog->transact([&]() -> Status {
        REELKEEP_ASSIGN(artifact, m_catalog->put_artifact(std::move(artifact)));
        return {};
      }));
    }
  }
  Publishing publishing{.digest = *artifact.digest,
                        .size = artifact.size.value_or(ByteCount(0)),
                        .disputed = artifact.disputed,
                        .from_before = true};
  REELKEEP_TRY(publish(artifact, publishing));
  m_publishing[artifact.row] = std::move(publishing);
  return {};
}

/// After an unclean stop all complete bytes that were not held back may be what ended the process.
/// The second time they are held back, each a little longer than the one before: they are published
/// one by one, and only the one that ends the process again stays behind. In recover()'s
/// transaction.
Status Agent::suspect_publishing() {
  const Timestamp now = m_ports.clock->now();
  Timestamp later = now + m_policy->retry.maximum;
  ArtifactRow last;
  for (;;) {
    REELKEEP_ASSIGN(std::vector<Artifact> verifying,
                    m_catalog->in_state(ArtifactState::verifying, k_suspects_at_once, last));
    if (verifying.empty()) return {};
    for (Artifact& artifact : verifying) {
      last = artifact.row;
      if (artifact.next_attempt_at && *artifact.next_attempt_at > now) continue;
      artifact.deaths += 1;
      if (artifact.deaths >= 2) {
        artifact.error = Error{Errc::internal, "the process ended twice while this was published"};
        artifact.next_attempt_at = later;
        later += m_policy->retry.minimum;
      }
      REELKEEP_TRY(m_catalog->put_artifact(std::move(artifact)));
    }
  }
}

/// Hands the bytes to every store that does not hold them yet and is not already at work.
Status Agent::publish(const Artifact& artifact, Publishing& publishing) {
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  if (project == nullptr) return {};  // waits for a reload
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(artifact.row));
  std::vector<StoreId> missing;
  for (const StoreId& store : project->stores) {
    const bool holds = !artifact.refetch && std::ranges::any_of(replicas, [&](const Replica& r) {
      return r.store == store && r.digest == publishing.digest && r.state == ReplicaState::verified;
    });
    if (!holds) missing.push_back(store);
  }
  if (missing.empty() && publishing.at_work.empty()) {
    // The stores that were waited for are not asked for any more.
    Effects effects;
    REELKEEP_TRY(m_catalog->transact([&] {
      return RecordFacts(*m_catalog, *m_policy, effects)
          .settle(artifact, publishing.size, publishing.digest, publishing.disputed);
    }));
    publishing.retry_at.clear();
    carry_out(effects);
    return {};
  }
  std::erase_if(publishing.retry_at, [&](const auto& entry) {
    return std::ranges::find(missing, entry.first) == missing.end();
  });
  const Timestamp now = m_ports.clock->now();
  const bool held_back = artifact.state == ArtifactState::verifying && artifact.next_attempt_at &&
                         *artifact.next_attempt_at > now;
  for (const StoreId& store : missing) {
    if (publishing.at_work.contains(store)) continue;
    if (held_back) {
      publishing.retry_at[store] = *artifact.next_attempt_at;
      continue;
    }
    if (const auto later = publishing.retry_at.find(store);
        later != publishing.retry_at.end() && later->second > now)
      continue;
    publishing.retry_at.erase(store);
    publishing.at_work.insert(store);
    m_archiver->publish(PublishTask{
        .artifact = artifact.row,
        .identity = artifact.identity,
        .room_id = artifact.room_id,
        .store = store,
        .staging_name = artifact.staging_name,
        .request =
            PutRequest{.staged = m_ports.staging->path_of(artifact.staging_name),
                       .path = artifact.path,
                       .manifest_dir = session_folder(m_policy->layout, artifact.path),
                       .suffix = bare(publishing.digest.hex()),
                       .size = publishing.size,
                       .digest = publishing.digest,
                       .disposition = project->stores.size() == 1 ? Staged::take : Staged::keep},
        .disputed = publishing.disputed,
        .hash_first = publishing.from_before});
  }
  return {};
}

Status Agent::handle(Published& message, AfterCommit& after) {
  const auto found = m_publishing.find(message.artifact);
  if (message.status) {
    // The replica row follows from the outcome in the journal, like everything that is known.
    after.emplace_back([this, row = message.artifact, store = message.store] {
      const auto publishing = m_publishing.find(row);
      if (publishing == m_publishing.end()) return;
      publishing->second.at_work.erase(store);
      if (publishing->second.at_work.empty() && publishing->second.retry_at.empty())
        m_publishing.erase(publishing);
    });
    return {};
  }
  if (found == m_publishing.end()) return {};
  const Error& error = message.status.error();
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(message.artifact));
  if (!artifact) return {};
  artifact->error = error.within("store \"" + message.store.get() + "\"");
  if (error.code == Errc::corrupt) {
    // Staging does not hold them (any more): the source has to give them again.
    artifact->in_hand = false;
    artifact->resume.reset();
    if (artifact->state == ArtifactState::verifying) {
      artifact->size.reset();
      artifact->digest.reset();
      artifact->received = ByteCount(0);
    }
    after.emplace_back([this, row = message.artifact, name = artifact->staging_name] {
      m_publishing.erase(row);
      (void)m_ports.staging->remove(name).has_value();
    });
    const Error cause = *artifact->error;
    return attempt_failed(std::move(*artifact), cause, after);
  } else {
    const Timestamp now = m_ports.clock->now();
    const int tries = found->second.tries;
    const Duration pause =
        std::min(k_store_retry * (1 << std::min(tries, 10)), m_policy->retry.maximum);
    if (tries == 0)
      log::warn("a store did not take the bytes; they are kept in staging and tried again",
                {{"artifact", artifact->id.get()}, {"cause", artifact->error->message}});
    after.emplace_back(
        [this, row = message.artifact, store = message.store, at = now + pause,
         received = BytesReceived{artifact->identity, artifact->room_id, found->second.size,
                                  found->second.digest, found->second.disputed},
         refetch = artifact->refetch] {
          const auto publishing = m_publishing.find(row);
          if (publishing == m_publishing.end()) return;
          // The bytes may lie here for long: their journal row lets them outlive the catalog.
          if (!publishing->second.journaled && !refetch) journal_outcome(received);
          publishing->second.journaled = true;
          publishing->second.at_work.erase(store);
          publishing->second.retry_at[store] = at;
          ++publishing->second.tries;
        });
    if (error.code == Errc::unavailable)
      after.emplace_back([this, store = message.store, cause = error.message] {
        m_closed_stores.try_emplace(store, Timestamp{});
        std::lock_guard lock(m_mutex);
        m_status.store_problems[store.get()] = cause;
      });
  }
  REELKEEP_TRY(m_catalog->put_artifact(std::move(*artifact)));
  return {};
}

Status Agent::retry_publishing() {
  const Timestamp now = m_ports.clock->now();
  for (auto entry = m_publishing.begin(); entry != m_publishing.end();) {
    auto& [row, publishing] = *entry;
    const bool due = std::ranges::any_of(publishing.retry_at,
                                         [&](const auto& retry) { return retry.second <= now; });
    if (due) {
      REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row));
      if (artifact) REELKEEP_TRY(publish(*artifact, publishing));
      if (!artifact || (publishing.at_work.empty() && publishing.retry_at.empty() &&
                        artifact->state != ArtifactState::verifying)) {
        entry = m_publishing.erase(entry);
        continue;
      }
    }
    ++entry;
  }
  return {};
}

Status Agent::handle(StoreOpened& message, AfterCommit& after) {
  const std::string id = message.store.get();
  m_untried_stores.erase(message.store);
  if (!message.root) {
    after.emplace_back([this, id, store = message.store, cause = message.root.error().message] {
      m_closed_stores.try_emplace(store, Timestamp{});
      std::lock_guard lock(m_mutex);
      std::string& problem = m_status.store_problems[id];
      if (problem != cause)
        log::error("a store is not available; artifacts for it are kept in staging",
                   {{"store", id}, {"cause", cause}});
      problem = cause;
    });
    return {};
  }
  REELKEEP_TRY(m_catalog->set_note("root:" + id, *message.root));
  after.emplace_back([this, store = message.store] {
    m_closed_stores.erase(store);
    // What waited for this store goes now.
    for (auto& [row, publishing] : m_publishing)
      if (const auto later = publishing.retry_at.find(store); later != publishing.retry_at.end())
        later->second = Timestamp{};
    std::lock_guard lock(m_mutex);
    m_status.store_problems.erase(store.get());
  });
  return {};
}

Status Agent::remove_superseded(const RemoveSuperseded& effect) {
  REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(effect.artifact));
  if (!artifact) return {};
  REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(effect.artifact));
  for (const Replica& replica : replicas)
    if (replica.state == ReplicaState::superseded && replica.store &&
        std::ranges::find(effect.locations, replica.location) != effect.locations.end())
      m_archiver->remove(
          RemoveTask{artifact->identity, *replica.store, replica.path, replica.location});
  return {};
}

/// After a rebuild every replica is looked at: first its presence, then its bytes in the
/// background.
Status Agent::inspect_replicas() {
  if (!m_inspecting || !m_closed_stores.empty() || m_inspections >= k_inspections_in_hand)
    return {};
  REELKEEP_ASSIGN(
      const std::vector<Artifact> page,
      m_catalog->in_state(ArtifactState::archived, k_inspections_in_hand, m_inspected_to));
  if (page.empty()) {
    m_inspected_to = ArtifactRow();
    m_inspecting = m_inspection_depth == Depth::quick;
    m_inspection_depth = Depth::full;
    if (m_inspecting) return {};
    return m_catalog->transact([&] { return m_catalog->set_note("inspect", std::nullopt); });
  }
  for (const Artifact& artifact : page) {
    m_inspected_to = artifact.row;
    REELKEEP_ASSIGN(const std::vector<Replica> replicas, m_catalog->replicas(artifact.row));
    for (const Replica& replica : replicas) {
      if (replica.state != ReplicaState::verified || !replica.store || !replica.digest) continue;
      ++m_inspections;
      m_archiver->inspect(InspectTask{.identity = artifact.identity,
                                      .store = *replica.store,
                                      .path = replica.path,
                                      .location = replica.location,
                                      .size = replica.size,
                                      .digest = *replica.digest,
                                      .depth = m_inspection_depth});
    }
  }
  return {};
}

}  // namespace reelkeep::core
