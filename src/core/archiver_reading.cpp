// Reading back: what staging holds, what replicas hold, and copies from one store to another.
#include "reelkeep/base/log.hpp"

#include "core/archiver.hpp"
#include "core/records.hpp"

namespace reelkeep::core {

Status Archiver::check_staged(const PublishTask& task) {
  REELKEEP_ASSIGN(const std::optional<ByteCount> staged, m_staging.stat(task.staging_name));
  if (!staged) return {};
  if (*staged != task.request.size)
    return Error{Errc::corrupt, "staging holds " + std::to_string(staged->get()) +
                                    " bytes instead of " + std::to_string(task.request.size.get()) +
                                    ": they have to be fetched again"};
  const auto file = m_staging.open(task.staging_name, ResumePoint{.offset = *staged,
                                                                  .validator = "complete",
                                                                  .length = *staged,
                                                                  .boot_id = m_staging.boot_id()});
  REELKEEP_TRY(read_back(*file, *staged));
  REELKEEP_ASSIGN(const Digest digest, file->digest());
  if (file->size() != *staged || digest != task.request.digest)
    return Error{Errc::corrupt, "the bytes in staging changed since they were received (SHA-256 " +
                                    digest.hex() + "): they have to be fetched again"};
  return file->sync();
}

Status Archiver::read_back(StagingFile& file, ByteCount size) {
  if (size <= k_longest_express) return file.prepare();
  {
    const std::lock_guard lock(m_reading_mutex);
    if (m_stopping) return Error{Errc::cancelled, "the agent stops"};
    m_reading.insert(&file);
  }
  Status read = file.prepare();
  const std::lock_guard lock(m_reading_mutex);
  m_reading.erase(&file);
  return read;
}

Status Archiver::bring(const PublishTask& task, std::optional<StoreId>& at_fault) {
  Status checked = check_staged(task);
  // A copy takes the place of what staging holds: only where that is known to be bad, or gone, or
  // is not ours to read.
  const bool is_unknown = !checked && checked.error().code != Errc::corrupt &&
                          checked.error().code != Errc::unauthorized;
  if (task.sources.empty() || is_unknown) return checked;
  REELKEEP_ASSIGN(const std::optional<ByteCount> staged, m_staging.stat(task.staging_name));
  if (checked && staged) return {};
  std::optional<Error> away;
  for (const CopySource& source : task.sources) {
    Store* holder = store(source.store);
    if (holder == nullptr) continue;
    bool is_source_bad = false;
    const Status copied = copy_to_staging(task, source, *holder, is_source_bad);
    if (copied) {
      log::info("a good replica is copied to repair another one",
                {{"from", source.location}, {"store", task.store.get()}});
      return {};
    }
    const Status cleared = m_staging.remove(task.staging_name);
    if (!cleared) return cleared.error();
    if (is_source_bad) {
      // Looked at like any other: read again before it is believed, and journaled.
      const Status seen = inspect_one(InspectTask{.artifact = task.artifact,
                                                  .identity = task.identity,
                                                  .store = source.store,
                                                  .path = source.path,
                                                  .location = source.location,
                                                  .size = task.request.size,
                                                  .digest = task.request.digest,
                                                  .depth = Depth::full},
                                      {});
      if (seen) {
        // Good after all: tried again later.
        away = Error{Errc::unavailable, copied.error().message};
        at_fault = source.store;
      }
      if (seen || seen.error().code == Errc::corrupt) continue;
      away = seen.error();
    } else {
      away = copied.error();
    }
    if (away->code == Errc::unavailable || away->code == Errc::timeout) at_fault = source.store;
    away = away->within("copying from store \"" + source.store.get() + "\"");
  }
  if (!away)
    return Error{Errc::corrupt,
                 "no store holds a good copy any more: the bytes have to be fetched again"};
  return *away;
}

Status Archiver::copy_to_staging(const PublishTask& task, const CopySource& source, Store& holder,
                                 bool& is_source_bad) {
  REELKEEP_TRY(holder.ready());
  const auto file = m_staging.open(task.staging_name, std::nullopt);
  REELKEEP_TRY(file->prepare());
  REELKEEP_TRY(file->restart());
  std::optional<Error> staging_failed;
  const Status read = holder.read(source.path, [&](std::span<const std::byte> bytes) -> Status {
    if (m_stopping) return Error{Errc::cancelled, "the agent stops"};
    if (file->size() + ByteCount(bytes.size()) > task.request.size)
      return Error{Errc::corrupt, "it is longer than it was"};
    Status appended = file->append(bytes);
    if (!appended) staging_failed = appended.error();
    return appended;
  });
  if (staging_failed) return *staging_failed;
  if (!read) {
    is_source_bad = read.error().code == Errc::corrupt;
    return read.error();
  }
  REELKEEP_TRY(file->sync());
  REELKEEP_ASSIGN(const Digest digest, file->digest());
  if (file->size() == task.request.size && digest == task.request.digest) return {};
  is_source_bad = true;
  return Error{Errc::corrupt, "its SHA-256 is " + digest.hex()};
}

void Archiver::audit_loop() {
  ReadPace pace;
  while (auto task = m_auditing.take()) {
    if (m_stopping) return;
    if (const auto* inspection = std::get_if<InspectTask>(&*task)) {
      Inspected inspected{.artifact = inspection->artifact,
                          .location = inspection->location,
                          .depth = inspection->depth,
                          .status = {}};
      inspected.status = inspect_one(*inspection, [&](std::span<const std::byte> bytes) {
        return keep_pace(pace, ByteCount(bytes.size()));
      });
      m_deliver(std::move(inspected));
    } else if (auto erased = m_journal.erase_bodies(std::get<EraseTask>(*task).before); !erased) {
      log::warn("old bodies could not be erased", {{"cause", erased.error().message}});
    }
  }
}

/// Rests as long as the budget demands, or until the end.
Status Archiver::keep_pace(ReadPace& pace, ByteCount bytes) {
  m_audited += bytes.get();
  pace.set_rate(ByteCount(m_audit_rate));
  const Duration rest = pace.take(bytes, m_clock.steady());
  std::unique_lock lock(m_rest_mutex);
  if (m_rest.wait_for(lock, rest, [this] { return m_stopping.load(); }))
    return Error{Errc::cancelled, "the agent stops"};
  return {};
}

Status Archiver::inspect_one(const InspectTask& task, const ReadSink& seen) {
  Store* holder = store(task.store);
  if (holder == nullptr) return Error{Errc::invalid, "its store is not configured any more"};
  REELKEEP_TRY(holder->ready());  // absence proves nothing while it is away
  const auto look = [&] {
    return holder->inspect(task.path, task.size, task.digest, task.depth, seen);
  };
  REELKEEP_ASSIGN(Inspection found, look());
  // A bad finding is read a second time before it is believed.
  if (found.found != Inspection::Found::good) {
    REELKEEP_ASSIGN(found, look());
  }
  if (found.found == Inspection::Found::good) return {};
  REELKEEP_TRY(holder->ready());
  const ReplicaState state =
      found.found == Inspection::Found::missing ? ReplicaState::missing : ReplicaState::corrupt;
  log::error("a replica is not what it was", {{"location", task.location},
                                              {"state", std::string(to_string(state))},
                                              {"cause", found.cause}});
  const Timestamp now = m_clock.now();
  const Outcome outcome = ReplicaFound{task.identity, task.location, state, now, found.cause};
  const auto appended = m_journal.append_and_wait(
      NewEntry{.kind = EntryKind::outcome, .received_at = now, .body = encode(outcome)});
  if (!appended) return appended.error().within("a finding could not be journaled");
  m_deliver(JournalGrew{});
  return Error{Errc::corrupt, found.cause};
}

}  // namespace reelkeep::core
