#include "core/archiver.hpp"

#include <algorithm>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/text.hpp"
#include "reelkeep/base/thread_name.hpp"

#include "core/expectation.hpp"
#include "core/records.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_batch = 64;
/// Reading back and syncing what a stop leaves to the next run, of the seven seconds that a stop
/// may take.
constexpr Duration k_checking_at_stop{2000};
/// The kernel may have forgotten by then that writing back failed.
constexpr Duration k_fresh{5000};
/// From one batch of short files to the next: those of a moment share a manifest's and the
/// journal's syncs.
constexpr std::chrono::milliseconds k_batch_span{10};
/// A row of its own for each costs 16 of the 340 us that a short file takes. Few enough that a
/// commit of 256 rows stays short.
constexpr std::ptrdiff_t k_replicas_in_a_row = 16;
/// An answer without rows, or a refusal, is never as long: of a longer one, which as a tree would
/// take many times its size in memory, only its ends are read.
constexpr ByteCount k_longest_read_cdr = 1_MiB;
constexpr std::size_t k_end_of_cdr = 4096;

Result<std::string> read_text(const media::ReadAt& read, ByteCount offset, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < text.size();) {
    REELKEEP_ASSIGN(
        const std::size_t got,
        read(offset + ByteCount(at), std::as_writable_bytes(std::span(text).subspan(at))));
    if (got == 0) return Error{Errc::unavailable, "staging ends early"};
    at += got;
  }
  return text;
}

/// It begins and ends as a JSON object or array does: what was cut off does not.
Status judge_ends(const media::ReadAt& read, ByteCount size) {
  REELKEEP_ASSIGN(const std::string head, read_text(read, ByteCount(0), k_end_of_cdr));
  REELKEEP_ASSIGN(const std::string tail,
                  read_text(read, size - ByteCount(k_end_of_cdr), k_end_of_cdr));
  const std::string_view first = text::trim(head);
  const std::string_view last = text::trim(tail);
  const bool is_object = first.starts_with('{') && last.ends_with('}');
  const bool is_array = first.starts_with('[') && last.ends_with(']');
  if (is_object || is_array) return {};
  return Error{Errc::corrupt, "the answer is no CDR: it is no whole JSON document"};
}

NewEntry outcome_entry(const Outcome& outcome, Timestamp now) {
  return NewEntry{.kind = EntryKind::outcome, .received_at = now, .body = encode(outcome)};
}

}  // namespace

Archiver::Archiver(const std::vector<Store*>& stores, Staging& staging, JournalWriter& journal,
                   FreshOutcomes& fresh, const Provider& provider, const Clock& clock,
                   Deliver deliver)
    : m_staging(staging),
      m_journal(journal),
      m_fresh(fresh),
      m_provider(provider),
      m_clock(clock),
      m_deliver(std::move(deliver)) {
  for (Store* store : stores) {
    auto lane = std::make_unique<Lane>();
    lane->store = store;
    m_lanes.emplace(store->id(), std::move(lane));
  }
  for (auto& [id, lane] : m_lanes)
    lane->worker = std::thread([this, &lane = *lane, name = "store " + id.get()] {
      name_this_thread(name);
      store_loop(lane);
    });
  m_auditor = std::thread([this] {
    name_this_thread("auditor");
    audit_loop();
  });
}

Archiver::~Archiver() {
  stop();
}

void Archiver::stop() {
  if (m_stopping) return;
  m_checks_end = m_clock.steady() + k_checking_at_stop;
  m_stopping = true;
  {
    const std::lock_guard lock(m_reading_mutex);
    for (StagingFile* const file : m_reading) file->interrupt();
  }
  { const std::lock_guard lock(m_rest_mutex); }
  m_rest.notify_all();
  m_auditing.close();
  for (auto& [id, lane] : m_lanes) {
    lane->tasks.close();
    lane->store->interrupt();
  }
  if (m_auditor.joinable()) m_auditor.join();
  for (auto& [id, lane] : m_lanes)
    if (lane->worker.joinable()) lane->worker.join();
}

Store* Archiver::store(const StoreId& id) {
  const auto found = m_lanes.find(id);
  return found == m_lanes.end() ? nullptr : found->second->store;
}

void Archiver::inspect(InspectTask task) {
  m_auditing.post(std::move(task));
}
void Archiver::erase_bodies(Timestamp before) {
  m_auditing.post(EraseTask{before});
}

void Archiver::open(OpenTask task) {
  if (const auto lane = m_lanes.find(task.store); lane != m_lanes.end())
    post(*lane->second, std::move(task));
}

void Archiver::look(LookTask task) {
  if (const auto lane = m_lanes.find(task.store); lane != m_lanes.end())
    post(*lane->second, std::move(task));
}

void Archiver::remove(RemoveTask task) {
  if (const auto lane = m_lanes.find(task.store); lane != m_lanes.end())
    post(*lane->second, std::move(task));
}

void Archiver::publish(PublishTask task) {
  if (const auto lane = m_lanes.find(task.store); lane != m_lanes.end())
    return post(*lane->second, std::move(task));
  tell(task, Error{Errc::invalid,
                   "it is not configured any more: restart the agent after changing [[store]]"});
}

/// What may take long holds up short files behind it. Nothing: what only asks, every few seconds.
std::optional<StorePace::Work> Archiver::work_of(const StoreTask& task) {
  if (std::holds_alternative<LookTask>(task)) return std::nullopt;
  const auto* const publishing = std::get_if<PublishTask>(&task);
  const bool is_brief = publishing != nullptr && publishing->request.size <= k_longest_express &&
                        !publishing->hash_first && publishing->sources.empty();
  return is_brief ? StorePace::Work::brief : StorePace::Work::lengthy;
}

void Archiver::post(Lane& lane, StoreTask task) {
  const auto* publishing = std::get_if<PublishTask>(&task);
  const bool is_express = publishing != nullptr && publishing->is_express;
  if (const auto work = work_of(task)) lane.pace.posted(*work);
  // Many short files share what a batch costs.
  lane.tasks.post(std::move(task), is_express ? Wakes::no : Wakes::yes);
}

const StorePace* Archiver::pace_of(const StoreId& store) const {
  const auto lane = m_lanes.find(store);
  return lane == m_lanes.end() ? nullptr : &lane->second->pace;
}

Status Archiver::judge_content(const JudgeTask& task, const media::ReadAt& read) const {
  REELKEEP_TRY(media::judge(expectation(task.kind), task.size, read));
  if (task.kind != ArtifactKind::cdr) return {};
  if (task.size > k_longest_read_cdr) return judge_ends(read, task.size);
  REELKEEP_ASSIGN(const std::string answer,
                  read_text(read, ByteCount(0), static_cast<std::size_t>(task.size.get())));
  return m_provider.judge_cdr(answer, task.sent);
}

Judged Archiver::judge(const JudgeTask& task, const media::ReadAt& read) const {
  Judged judged{.status = {}, .size = task.size, .digest = task.digest};
  judged.status = judge_content(task, read);
  if (judged.status && task.declared_size && *task.declared_size != task.size) {
    if (task.bad_digest == task.digest)
      judged.disputed = true;
    else
      judged.status =
          Error{Errc::corrupt, "the event declared " + std::to_string(task.declared_size->get()) +
                                   " bytes, the server sent " + std::to_string(task.size.get()) +
                                   "; fetching once more to see which is right"};
  }
  if (judged.status && !task.tells_end && task.bad_digest != task.digest)
    judged.status = Error{Errc::corrupt,
                          "the answer had no Content-Length, so that its end proves nothing; "
                          "fetching once more to see whether the same bytes come"};
  if (!judged.status && judged.status.error().code == Errc::corrupt)
    if (const Status aside = m_staging.set_aside(task.staging_name); !aside)
      judged.status = aside.error();
  return judged;
}

void Archiver::store_loop(Lane& lane) {
  for (;;) {
    std::vector<StoreTask> tasks = lane.tasks.take_all(k_batch);
    if (tasks.empty()) return;
    const auto began = std::chrono::steady_clock::now();
    lane.pace.begins(began);
    const auto count = [&tasks](StorePace::Work work) {
      return static_cast<std::size_t>(std::ranges::count_if(
          tasks, [work](const StoreTask& task) { return work_of(task) == work; }));
    };
    const std::size_t brief = count(StorePace::Work::brief);
    const std::size_t lengthy = count(StorePace::Work::lengthy);
    // The short ones first: nothing but their outcome will say that they are here.
    std::vector<PublishTask> express;
    std::vector<PublishTask> batch;
    for (StoreTask& task : tasks) {
      auto* publishing = std::get_if<PublishTask>(&task);
      if (publishing != nullptr)
        (publishing->is_express ? express : batch).push_back(std::move(*publishing));
      else if (!m_stopping)
        work_on(lane, task);
    }
    const bool more_follow = !express.empty();
    publish_batch(lane, express);
    if (!m_stopping) publish_batch(lane, batch);
    lane.pace.ends(brief, lengthy, std::chrono::steady_clock::now());
    if (more_follow && !m_stopping) lane.tasks.rest_until(began + k_batch_span);
  }
}

void Archiver::work_on(Lane& lane, StoreTask& task) {
  if (auto* opening = std::get_if<OpenTask>(&task)) {
    auto root = lane.store->open(opening->expected_root);
    if (root) lane.root = *root;
    m_deliver(StoreOpened{lane.store->id(), std::move(root)});
  } else if (std::holds_alternative<LookTask>(task)) {
    if (const Status ready = lane.store->ready(); !ready)
      m_deliver(StoreOpened{lane.store->id(), ready.error()});
  } else if (auto* removing = std::get_if<RemoveTask>(&task)) {
    remove_one(*lane.store, *removing);
  }
}

void Archiver::publish_batch(const Lane& lane, std::vector<PublishTask>& batch) {
  if (batch.empty()) return;
  Store& store = *lane.store;
  if (m_stopping) return tell_stopped(batch);
  if (const Status ready = store.ready(); !ready) {
    for (const PublishTask& task : batch) tell(task, ready);
    return;
  }
  std::erase_if(batch, [&](const PublishTask& task) {
    if (m_stopping) return false;
    std::optional<StoreId> at_fault;
    const bool is_old = task.is_express && m_clock.steady() - task.since > k_fresh;
    const Status checked = task.hash_first || is_old ? bring(task, at_fault) : Status();
    if (!checked) tell(task, checked, at_fault);
    return !checked;
  });
  // Reading back may have taken long: the rest is left to the next run.
  if (m_stopping) return tell_stopped(batch);

  std::vector<PutRequest> requests;
  requests.reserve(batch.size());
  for (const PublishTask& task : batch) requests.push_back(task.request);
  const std::vector<Result<Placed>> placed = store.put(requests);

  std::vector<ReplicaStored> outcomes;
  const Timestamp now = m_clock.now();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!placed[i]) continue;
    outcomes.push_back(ReplicaStored{.identity = batch[i].identity,
                                     .room_id = batch[i].room_id,
                                     .store = store.id(),
                                     .root = lane.root,
                                     .path = placed[i]->path,
                                     .location = placed[i]->location,
                                     .size = batch[i].request.size,
                                     .digest = batch[i].request.digest,
                                     .verified_at = now,
                                     .disputed = batch[i].disputed,
                                     .wanted = batch[i].wanted});
  }
  const Status journaled = outcomes.empty() ? Status() : journal(std::move(outcomes), now);
  for (std::size_t i = 0; i < batch.size(); ++i)
    tell(batch[i], placed[i] ? journaled : Status(placed[i].error()));
}

Status Archiver::journal(std::vector<ReplicaStored> outcomes, Timestamp now) {
  std::vector<Outcome> rows;
  std::vector<NewEntry> entries;
  for (auto next = outcomes.begin(); next != outcomes.end();) {
    const auto end = next + std::min(k_replicas_in_a_row, outcomes.end() - next);
    if (end - next == 1)
      rows.emplace_back(std::move(*next));
    else
      rows.emplace_back(
          ReplicasStored{{std::make_move_iterator(next), std::make_move_iterator(end)}});
    entries.push_back(outcome_entry(rows.back(), now));
    next = end;
  }
  const auto appended = m_journal.append_all(std::move(entries));
  if (!appended) return appended.error().within("the outcome could not be journaled");
  for (std::size_t i = 0; i < rows.size(); ++i) m_fresh.add((*appended)[i].seq, std::move(rows[i]));
  return {};
}

void Archiver::tell_stopped(const std::vector<PublishTask>& batch) {
  for (const PublishTask& task : batch) tell(task, Error{Errc::cancelled, "the agent stops"});
}

void Archiver::tell(const PublishTask& task, Status status, std::optional<StoreId> at_fault) {
  // They may wait for long now, and nobody synced them yet. What a stop has no time for the next
  // run reads before it publishes it, like everything that an earlier run left.
  const bool has_time = !m_stopping || m_clock.steady() < m_checks_end;
  if (!status && task.is_express && has_time && status.error().code != Errc::corrupt)
    if (const Status checked = check_staged(task);
        !checked && checked.error().code == Errc::corrupt)
      status = checked;
  m_deliver(Published{.artifact = task.artifact,
                      .store = task.store,
                      .digest = task.request.digest,
                      .status = std::move(status),
                      .source_at_fault = std::move(at_fault),
                      .is_express = task.is_express});
}

void Archiver::remove_one(Store& store, const RemoveTask& task) {
  const Status removed = store.remove(task.path);
  if (!removed && removed.error().code != Errc::not_found) {
    log::warn("a superseded replica could not be removed; it stays",
              {{"location", task.location}, {"cause", removed.error().message}});
    return;
  }
  const Timestamp now = m_clock.now();
  if (auto appended = m_journal.append_and_wait(
          outcome_entry(ReplicaRemoved{task.identity, task.location}, now));
      !appended)
    log::warn("a removal could not be journaled",
              {{"location", task.location}, {"cause", appended.error().message}});
  m_deliver(JournalGrew{});
}

}  // namespace reelkeep::core
