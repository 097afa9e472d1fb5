#pragma once

#include <algorithm>
#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/error.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"

namespace reelkeep {

/// One recorded occurrence: the key of a session.
struct SessionKey {
  AppId app_id;
  ConfNum conf_num;
  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// Which artifact: (app_id, conf_num, kind, source key, stage). Two non-empty stages at one source
/// key are two artifacts; an artifact without a stage takes the first one that comes.
struct ArtifactIdentity {
  SessionKey session;
  ArtifactKind kind = ArtifactKind::recording;
  SourceKey source_key;
  std::string stage;  ///< opaque; empty: none
  friend auto operator<=>(const ArtifactIdentity&, const ArtifactIdentity&) = default;
};

/// One copy at a location.
struct Replica {
  std::optional<StoreId> store;  ///< nothing: a place that we do not write to (provider push)
  std::string path;              ///< relative to the store's root; empty: not a store of ours
  std::string location;          ///< absolute path, s3://bucket/key, ftp://..., or a URL
  ByteCount size;
  std::optional<Digest> digest;  ///< a provider push has none
  ReplicaState state = ReplicaState::verified;
  std::optional<Timestamp> verified_at;
  std::optional<Timestamp> found_at;  ///< when it was found missing or corrupt ...
  std::string cause;                  ///< ... and why, in words
  std::optional<Timestamp> read_at;   ///< when all of it was last read back and was good
  /// When it is next to be read back; k_at_once: its presence and size are looked at first.
  /// Nothing: not by us.
  std::optional<Timestamp> audit_at;
  friend bool operator==(const Replica&, const Replica&) = default;
};

/// Replica::audit_at of what is known from a journal alone.
inline constexpr Timestamp k_at_once{};

/// A deadline follows from what an event tells, and may be years away.
inline constexpr Duration k_latest_first_audit = std::chrono::hours(24 * 30);

/// When a replica is first read back: half-way to the deadline, so that it can still be fetched
/// again; an hour after it was stored when the source is gone.
inline Timestamp first_audit(Timestamp verified_at, Timestamp deadline) noexcept {
  const Duration wait =
      deadline > verified_at ? (deadline - verified_at) / 2 : std::chrono::hours(1);
  return verified_at + std::min(wait, k_latest_first_audit);
}

/// How far a `.part` can be trusted (a checkpoint recorded after an fdatasync).
struct ResumePoint {
  ByteCount offset;       ///< synced bytes
  std::string validator;  ///< strong ETag or Last-Modified as received; empty: cannot resume
  std::optional<ByteCount> length;  ///< full length of the source, if it said so
  std::string boot_id;              ///< of the machine when it was recorded
  friend bool operator==(const ResumePoint&, const ResumePoint&) = default;
};

/// One recording product of a session, with what is known of it and where its work stands.
struct Artifact {
  ArtifactRow row;
  SessionRow session_row;
  ArtifactIdentity identity;
  ArtifactId id;
  RoomId room_id;

  std::string name;  ///< last path segment of the source, decoded, unsanitised; else the kind
  std::string url;   ///< the newest seen; no user info; with its query: never shown or logged
  Timestamp url_at;  ///< the event's time of that URL: a newer one replaces it
  std::string host;  ///< host:port of url, for the per-host limit
  std::string staging_name;  ///< name in staging: the id when it became known; never changes
  std::string path;  ///< relative path in every store, '/'-separated; fixed when it became known
  std::optional<ByteCount> declared_size;

  Timestamp offered_at;  ///< earliest event time of this artifact; the deadline counts from it ...
  Timestamp deadline;    ///< ... unless the session's end is known: ended_at + offered_for
  Timestamp known_at;    ///< when it last became known or was asked for (span after the deadline)

  ArtifactState state = ArtifactState::planned;
  bool disputed = false;  ///< archived although the declared size disagrees
  bool refetch = false;   ///< a redownload is pending or under way; what is archived stays
  bool replace = false;   ///< with refetch: the old replica is removed when other bytes come
  /// A transfer has it in this run; a refetch keeps its state archived meanwhile. Never claimable.
  bool in_hand = false;
  std::int64_t attempts = 0;
  std::optional<Timestamp> next_attempt_at;  ///< set in waiting, and for a refetch that waits
  std::optional<Error> error;                ///< the newest; nothing after a success

  /// Bytes in staging: complete (digest known) or partial (resume).
  std::optional<ByteCount> size;
  std::optional<Digest> digest;
  ByteCount received;
  std::optional<ResumePoint> resume;
  /// The newest bad body kept in staging (quarantine candidate): its digest.
  std::optional<Digest> bad_digest;
  /// Times that this artifact was in hand when the process died (invariant 4).
  int deaths = 0;

  friend bool operator==(const Artifact&, const Artifact&) = default;
};

}  // namespace reelkeep
