#include "core/destination_lanes.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/thread_name.hpp"
#include "reelkeep/port/store.hpp"

#include "core/expectation.hpp"
#include "core/records.hpp"
#include "crypto/sha256.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_suffix_digits = 6;

/// A piece of a file, read by a request of its own that ends as soon as there is enough.
Result<std::size_t> read_piece(Destination& destination, const std::string& location,
                               ByteCount size, ByteCount offset, std::span<std::byte> into) {
  if (offset >= size || into.empty()) return std::size_t{0};
  std::size_t filled = 0;
  const Status read =
      destination.read(location, offset, [&](std::span<const std::byte> bytes) -> Status {
        const std::size_t taken = std::min(bytes.size(), into.size() - filled);
        std::memcpy(into.data() + filled, bytes.data(), taken);
        filled += taken;
        return filled < into.size() ? Status() : Status(Error{Errc::cancelled, "enough"});
      });
  if (read || filled == into.size()) return filled;
  return read.error();
}

DeliveredFound finding_of(const ExamineTask& task) {
  return DeliveredFound{.session = task.file.session,
                        .room_id = task.room_id,
                        .name = task.file.name,
                        .location = task.file.location,
                        .destination_name = task.file.destination_name,
                        .source_key = task.file.source_key,
                        .destination = task.file.destination};
}

/// "scheme://host/" and every folder below it that the location leads through.
void add_folders_of(const std::string& location, std::set<std::string>& folders) {
  const auto authority = location.find("://");
  if (authority == std::string::npos) return;
  for (std::size_t slash = location.find('/', authority + 3); slash != std::string::npos;
       slash = location.find('/', slash + 1))
    folders.insert(location.substr(0, slash + 1));
}

}  // namespace

DestinationLanes::DestinationLanes(const std::vector<Destination*>& destinations,
                                   JournalWriter& journal, const Clock& clock, FetchSink& sink,
                                   std::function<void(Examined)> examined)
    : m_journal(journal), m_clock(clock), m_sink(sink), m_examined(std::move(examined)) {
  for (Destination* destination : destinations) {
    auto lane = std::make_unique<Lane>();
    lane->destination = destination;
    m_lanes.emplace(destination->id(), std::move(lane));
  }
  for (auto& [id, lane] : m_lanes) {
    lane->looker = std::thread([this, &lane = *lane, name = "look " + id.get()] {
      name_this_thread(name);
      look_loop(*lane.destination, lane.looking);
    });
    lane->auditor = std::thread([this, &lane = *lane, name = "audit " + id.get()] {
      name_this_thread(name);
      look_loop(*lane.destination, lane.auditing);
    });
    lane->bringer = std::thread([this, &lane = *lane, name = "bring " + id.get()] {
      name_this_thread(name);
      bring_loop(lane);
    });
  }
}

DestinationLanes::~DestinationLanes() {
  stop();
}

void DestinationLanes::stop() {
  if (m_stopping.exchange(true)) return;
  { const std::lock_guard lock(m_mutex); }
  m_rest.notify_all();
  for (auto& [id, lane] : m_lanes) {
    lane->looking.close();
    lane->bringing.close();
    lane->auditing.close();
    lane->destination->interrupt();
  }
  for (auto& [id, lane] : m_lanes) {
    if (lane->looker.joinable()) lane->looker.join();
    if (lane->bringer.joinable()) lane->bringer.join();
    if (lane->auditor.joinable()) lane->auditor.join();
  }
}

void DestinationLanes::examine(ExamineTask task) {
  const auto lane = m_lanes.find(task.file.destination);
  if (lane == m_lanes.end()) return;
  (task.audit_of ? lane->second->auditing : lane->second->looking).post(std::move(task));
}

void DestinationLanes::bring(BringTask task) {
  const auto lane = m_lanes.find(task.destination);
  if (lane != m_lanes.end()) {
    {
      const std::lock_guard lock(m_mutex);
      m_brought.insert(task.ticket);
    }
    return lane->second->bringing.post(std::move(task));
  }
  m_sink.fetched(Fetched{
      .ticket = task.ticket,
      .status = Error{Errc::unavailable, "destination \"" + task.destination.get() +
                                             "\" is not configured any more: restart the agent "
                                             "after changing [[destination]]"},
      .file = std::move(task.file)});
}

void DestinationLanes::cancel(std::uint64_t ticket) {
  const std::lock_guard lock(m_mutex);
  if (m_brought.contains(ticket)) m_cancelled.insert(ticket);
}

bool DestinationLanes::is_cancelled(std::uint64_t ticket) {
  const std::lock_guard lock(m_mutex);
  return m_cancelled.contains(ticket);
}

void DestinationLanes::look_loop(Destination& destination, Mailbox<ExamineTask>& tasks) {
  while (auto task = tasks.take()) {
    if (m_stopping) return;
    Examined examined{task->file, {}, task->audit_of};
    examined.status = task->audit_of ? audit_one(destination, *task, examined.found)
                                     : examine_one(destination, *task, examined.found);
    m_examined(std::move(examined));
  }
}

void DestinationLanes::bring_loop(Lane& lane) {
  while (auto task = lane.bringing.take()) m_sink.fetched(bring_one(*lane.destination, *task));
}

/// What is found, good or bad, is a row of the journal.
Status DestinationLanes::examine_one(Destination& destination, const ExamineTask& task,
                                     std::optional<ReplicaState>& told) {
  const PushedFile& file = task.file;
  DeliveredFound found = finding_of(task);
  // Only what was looked at before: its size tells an earlier move from another file.
  const bool to_move =
      task.action == DestinationAction::organise && file.place.empty() &&
      (file.found == ReplicaState::verified || file.found == ReplicaState::delivered);
  if (to_move) {
    const Status moved = move(destination, task, found);
    if (!moved && moved.error().code == Errc::conflict)
      return moved.error().within("it stays where it was pushed to");
    if (!moved && moved.error().code != Errc::not_found) return moved.error();
    if (!moved) {
      found.state = ReplicaState::missing;
      found.cause = moved.error().message;
    }
  } else {
    auto seen = look(destination, task);
    if (seen) {
      found.size = seen->size;
      found.digest = seen->digest;
      found.read = task.action == DestinationAction::adopt;
    } else if (seen.error().code == Errc::corrupt) {
      found.state = ReplicaState::corrupt;
      found.cause = seen.error().message;
    } else if (seen.error().code == Errc::not_found && file.looks > 0) {
      found.state = ReplicaState::missing;
      found.cause = seen.error().message;
    } else {
      return seen.error();
    }
  }
  told = found.state;
  if (found.state != ReplicaState::verified && found.state == file.found &&
      found.cause == file.problem)
    return Error{Errc::not_found, found.cause};  // known already
  return journal(destination, std::move(found));
}

/// It was read whole before: it has to be what it was then. What is bad is read a second time
/// before it is believed.
Status DestinationLanes::audit_one(Destination& destination, const ExamineTask& task,
                                   std::optional<ReplicaState>& told) {
  const std::optional<Digest>& known = task.file.found_digest;
  auto seen = look(destination, task);
  const bool doubtful =
      seen ? seen->digest != known
           : seen.error().code == Errc::not_found || seen.error().code == Errc::corrupt;
  if (doubtful) seen = look(destination, task);
  DeliveredFound found = finding_of(task);
  if (seen) {
    told = ReplicaState::verified;
    if (seen->digest == known) return {};
    found.state = ReplicaState::corrupt;
    found.size = seen->size;
    found.digest = seen->digest;
    found.read = true;
    found.cause = "its SHA-256 is " + seen->digest.value_or(Digest{}).hex() + " instead of " +
                  known.value_or(Digest{}).hex();
  } else if (seen.error().code == Errc::not_found || seen.error().code == Errc::corrupt) {
    found.state =
        seen.error().code == Errc::corrupt ? ReplicaState::corrupt : ReplicaState::missing;
    found.cause = seen.error().message;
  } else {
    return seen.error();
  }
  const std::string cause = found.cause;
  told = found.state;
  REELKEEP_TRY(journal(destination, std::move(found)));
  return Error{Errc::corrupt, cause};
}

/// Rests as long as the budget demands, or until the end.
Status DestinationLanes::keep_pace(const ExamineTask& task, ByteCount bytes) {
  if (!task.audit_of) return {};
  m_audited += bytes.get();
  std::unique_lock lock(m_mutex);
  m_pace.set_rate(task.audit_rate);
  const Duration rest = m_pace.take(bytes, m_clock.steady());
  if (m_rest.wait_for(lock, rest, [this] { return m_stopping.load(); }))
    return Error{Errc::cancelled, "the agent stops"};
  return {};
}

Status DestinationLanes::journal(Destination& destination, DeliveredFound found) {
  found.at = m_clock.now();
  if (found.state != ReplicaState::verified)
    log::warn("a file that the provider says it pushed is not good",
              {{"destination", destination.id().get()},
               {"location", found.location},
               {"state", std::string(to_string(found.state))},
               {"cause", found.cause}});
  const auto appended = m_journal.append_and_wait(NewEntry{
      .kind = EntryKind::outcome, .received_at = found.at, .body = encode(Outcome(found))});
  if (!appended) return appended.error().within("the outcome could not be journaled");
  return {};
}

/// An adopted file stands for the recording itself: its bytes are read, hashed and judged.
Result<DestinationFile> DestinationLanes::look(Destination& destination, const ExamineTask& task) {
  const std::string& location = task.file.place.empty() ? task.file.location : task.file.place;
  REELKEEP_ASSIGN(DestinationFile seen, destination.stat(location));
  if (task.action != DestinationAction::adopt) return seen;
  REELKEEP_TRY(media::judge(expectation(task.kind), seen.size,
                            [&](ByteCount offset, std::span<std::byte> into) {
                              return read_piece(destination, location, seen.size, offset, into);
                            }));
  REELKEEP_ASSIGN(const Digest digest, hash(destination, location, seen, task));
  if (seen.digest && *seen.digest != digest)
    return Error{Errc::corrupt, "its bytes have SHA-256 " + digest.hex() +
                                    ", the destination says " + seen.digest->hex()};
  seen.digest = digest;
  return seen;
}

/// Of all bytes of one version.
Result<Digest> DestinationLanes::hash(Destination& destination, const std::string& location,
                                      const DestinationFile& seen, const ExamineTask& task) {
  Sha256 hash;
  ByteCount got;
  if (seen.size > ByteCount(0))
    REELKEEP_TRY(destination.read(location, ByteCount(0), [&](std::span<const std::byte> bytes) {
      hash.update(bytes);
      got += ByteCount(bytes.size());
      return keep_pace(task, ByteCount(bytes.size()));
    }));
  REELKEEP_ASSIGN(const DestinationFile after, destination.stat(location));
  if (got != seen.size || after.size != seen.size || after.version != seen.version)
    return Error{Errc::unavailable, location + " changed while it was read"};
  return hash.finish();
}

/// What lies in an archive, ours or another's, is nobody's push: moving it would take away what is
/// archived there, and what is moved in would pass for it.
Status DestinationLanes::keep_out_of_archives(Destination& destination, const std::string& from,
                                              const std::string& to) {
  std::set<std::string> folders;
  add_folders_of(from, folders);
  add_folders_of(to, folders);
  for (const std::string& folder : folders) {
    const auto marker = destination.stat(folder + std::string(k_archive_marker));
    if (marker)
      return Error{Errc::conflict,
                   folder +
                       " is an archive of reelkeep: nothing is moved out of it or into it; "
                       "give the destination another root or prefix, or another action"};
    // A folder that may not be entered is no obstacle to what lies in one below it.
    if (marker.error().code != Errc::not_found && marker.error().code != Errc::unauthorized &&
        marker.error().code != Errc::invalid)
      return marker.error();
  }
  return {};
}

/// Never over another file: then its name says which push it is.
Status DestinationLanes::move(Destination& destination, const ExamineTask& task,
                              DeliveredFound& found) {
  if (task.other_owner)
    return Error{Errc::conflict, "artifact " + task.other_owner->get() + " has its copy there"};
  REELKEEP_TRY(
      keep_out_of_archives(destination, task.file.location, destination.location_of(task.path)));
  const auto slash = task.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : task.path.substr(0, slash + 1);
  const std::string own =
      folder + with_suffix(task.path.substr(folder.size()),
                           "~" + sha256(task.file.location).hex().substr(0, k_suffix_digits));
  std::optional<Error> taken;
  for (const std::string& path : {task.path, own}) {
    const std::string place = destination.location_of(path);
    const auto moved = destination.move(task.file.location, place, task.file.found_size);
    const Status done =
        moved ? believe(destination, task, place, *moved, found) : Status(moved.error());
    if (done) return {};
    if (done.error().code != Errc::conflict)
      return taken ? done.error().within(taken->message) : done.error();
    taken = done.error();
  }
  return *taken;
}

/// What an interrupted move may have left is read: the size alone proves nothing. Where it is not
/// known what the bytes have to be, it is told as it is.
Status DestinationLanes::believe(Destination& destination, const ExamineTask& task,
                                 const std::string& place, const MovedFile& moved,
                                 DeliveredFound& found) {
  const std::optional<Digest>& known = task.digest ? task.digest : task.file.found_digest;
  found.size = moved.file.size;
  found.digest = task.file.found_digest;
  if (moved.is_doubtful && !known) {
    found.state = ReplicaState::delivered;
    found.cause = "it is not where it was pushed to any more, and " + place +
                  " has a file of its size, perhaps left by a move that was interrupted; nobody "
                  "knows the SHA-256 that it has to have";
    return {};
  }
  if (moved.is_doubtful) {
    REELKEEP_ASSIGN(const Digest digest, hash(destination, place, moved.file, task));
    if (digest != *known) return Error{Errc::conflict, place + " exists already, with other bytes"};
    found.digest = digest;
    found.read = true;
  }
  found.place = place;
  return {};
}

}  // namespace reelkeep::core
