// Pushed files that are brought into staging from their destination.
#include <utility>

#include "core/destination_lanes.hpp"

namespace reelkeep::core {
namespace {

constexpr ByteCount k_checkpoint_every = 64_MiB;

std::string version_of(const StoreId& destination, const std::string& version) {
  return version.empty() ? "" : destination.get() + " " + version;
}

}  // namespace

Fetched DestinationLanes::bring_one(Destination& destination, BringTask& task) {
  Fetched fetched{.ticket = task.ticket};
  fetched.status = m_stopping || is_cancelled(task.ticket)
                       ? Status(Error{Errc::cancelled, "stopped"})
                       : receive(destination, task, fetched);
  {
    const std::lock_guard lock(m_mutex);
    m_brought.erase(task.ticket);
    m_cancelled.erase(task.ticket);
  }
  if (task.is_prepared) {
    fetched.received = task.file->size();
  } else {
    // Nothing was looked at, and nothing forgotten.
    fetched.resume = task.resume;
    fetched.received = task.resume ? task.resume->offset : ByteCount();
  }
  if (!fetched.status) {
    if (task.is_prepared) {
      const bool synced = task.file->sync().has_value();
      if (!synced || fetched.status.error().code == Errc::corrupt) fetched.resume.reset();
      if (fetched.resume) fetched.resume->offset = fetched.received;
    }
    fetched.status =
        fetched.status.error().within("destination \"" + destination.id().get() + "\"");
  }
  fetched.file = std::move(task.file);
  return fetched;
}

Status DestinationLanes::receive(Destination& destination, BringTask& task, Fetched& fetched) {
  REELKEEP_ASSIGN(const DestinationFile seen, destination.stat(task.location));
  const std::string version = version_of(destination.id(), seen.version);
  fetched.length = seen.size;
  REELKEEP_TRY(task.file->prepare());
  task.is_prepared = true;
  const bool goes_on = task.resume && !version.empty() && task.resume->validator == version &&
                       task.file->size() <= seen.size;
  if (!goes_on) REELKEEP_TRY(task.file->restart());
  const ResumePoint resume{.offset = {}, .validator = version, .length = seen.size, .boot_id = {}};
  if (!version.empty()) fetched.resume = resume;
  ByteCount synced = task.file->size();
  const ByteCount start = task.file->size();
  if (start < seen.size) {
    const Status read =
        destination.read(task.location, start, [&](std::span<const std::byte> bytes) -> Status {
          if (is_cancelled(task.ticket)) return Error{Errc::cancelled, "cancelled"};
          REELKEEP_TRY(task.file->append(bytes));
          fetched.from_network += ByteCount(bytes.size());
          if (version.empty() || task.file->size() - synced < k_checkpoint_every) return {};
          REELKEEP_TRY(task.file->sync());
          synced = task.file->size();
          ResumePoint point = resume;
          point.offset = synced;
          m_sink.checkpointed(Checkpoint{task.ticket, std::move(point)});
          return {};
        });
    if (!read && read.error().code == Errc::corrupt) {
      // What came is not what was asked for.
      REELKEEP_TRY(task.file->restart());
      return Error{Errc::unavailable, read.error().message};
    }
    REELKEEP_TRY(read);
  }
  REELKEEP_ASSIGN(const DestinationFile after, destination.stat(task.location));
  if (task.file->size() != seen.size || after.size != seen.size || after.version != seen.version) {
    REELKEEP_TRY(task.file->restart());
    return Error{Errc::unavailable, task.location + " changed while it was read"};
  }
  REELKEEP_TRY(task.file->sync());
  REELKEEP_ASSIGN(const Digest digest, task.file->digest());
  if (seen.digest && *seen.digest != digest) {
    REELKEEP_TRY(task.file->restart());
    return Error{Errc::corrupt, "the bytes that came have SHA-256 " + digest.hex() +
                                    ", the destination says " + seen.digest->hex()};
  }
  fetched.digest = digest;
  return {};
}

}  // namespace reelkeep::core
