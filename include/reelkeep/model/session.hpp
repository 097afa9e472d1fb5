#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

/// One recorded occurrence, as far as known.
struct Session {
  SessionRow row;
  SessionKey key;
  RoomId room_id;
  std::optional<Timestamp> started_at;  ///< earliest session_start
  std::optional<Timestamp> ended_at;    ///< latest session_stop
  bool cdr_ready = false;               ///< a roomdrop was seen
  Timestamp first_seen_at;
  friend bool operator==(const Session&, const Session&) = default;
};

/// A file of a file_transfer: as told, and what was found of it since. Which artifact it belongs to
/// is derived by name.
struct PushedFile {
  SessionKey session;
  std::string name;      ///< decoded last segment
  std::string location;  ///< s3://, ftp://, sftp:// or the provider's URL
  std::string url;       ///< as told, without user info
  std::string destination_name;
  SourceKey source_key;  ///< identity of an artifact of kind `delivered`
  Timestamp at;

  StoreId destination;  ///< of the configured one that it is at; empty: none
  /// What DeliveredFound says of it; nothing: not looked at yet.
  std::optional<ReplicaState> found;
  ByteCount found_size;
  std::optional<Digest> found_digest;  ///< that the destination vouches for, or that was computed
  std::optional<Timestamp> found_at;
  std::optional<Timestamp> read_at;  ///< when all of it was read; the digest is ours then
  /// Bytes there that differ from what was downloaded and is lost since: not adopted until the file
  /// is pushed again.
  std::optional<Digest> refused;
  std::string place;  ///< where it was moved to; empty: where it was told to be
  std::optional<Timestamp>
      next_look_at;        ///< nothing: there is no more to be done at the destination
  std::int64_t looks = 0;  ///< in a row that found nothing or failed
  std::string problem;     ///< of the last one, in words; empty: none
  friend bool operator==(const PushedFile&, const PushedFile&) = default;
};

struct ArtifactView {
  Artifact artifact;
  std::vector<Replica> replicas;
};

/// A session with all that belongs to it, read in one transaction.
struct SessionView {
  Session session;
  std::vector<ArtifactView> artifacts;
};

/// What is needed of each artifact to tell a session's state.
struct ArtifactStanding {
  ArtifactState state;
  bool refetch_only;  ///< archived with a refetch pending: not work left
  bool has_verified_replica;
  bool complete_in_staging;  ///< complete bytes in staging: the source does not matter any more
  Timestamp deadline;
  bool stuck = false;  ///< see is_stuck()
};

/// All bytes are here, and a destination that has to hold them has another file or none: it does
/// not go on by itself. Pure.
[[nodiscard]] bool is_stuck(const ArtifactView& view) noexcept;

/// The first that holds: lost (an artifact expired or quarantined, with neither a verified replica
/// nor complete bytes in staging), overdue (something is stuck, or must still come from its source,
/// whose deadline is nearer than `warn_before` or past), waiting (work left), open (started and not
/// stopped, or nothing that counts), complete. Cancelled and delivered artifacts count for nothing.
/// Pure.
SessionState session_state(const Session& session, std::span<const ArtifactStanding> artifacts,
                           Timestamp now, Duration warn_before);
SessionState session_state(const SessionView& view, Timestamp now, Duration warn_before);
/// Nearest deadline of what must still come from its source; without any, the latest of all
/// artifacts that count.
std::optional<Timestamp> session_deadline(const SessionView& view);

/// A row of `sessions`.
struct SessionSummary {
  Session session;
  SessionState state = SessionState::open;
  std::int64_t artifacts = 0;  ///< without cancelled and delivered ones, which count for nothing
  std::int64_t archived = 0;
  ByteCount bytes;         ///< archived
  std::int64_t stuck = 0;  ///< of those that are not archived
  std::optional<Timestamp> deadline;
};

}  // namespace reelkeep
