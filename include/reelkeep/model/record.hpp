#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

/// An operator's wish, journaled as kind `command`.
struct RedownloadCommand {
  SessionKey session;
  std::vector<ArtifactId> artifacts;  ///< resolved by the caller; never empty
  bool replace = false;
};
struct CancelCommand {
  SessionKey session;
  std::vector<ArtifactId> artifacts;
  std::string reason;
};
struct AcceptCommand {
  SessionKey session;
  ArtifactId artifact;
};
struct ReplayCommand {
  std::vector<Seq> entries;
};
using Command = std::variant<RedownloadCommand, CancelCommand, AcceptCommand, ReplayCommand>;

/// Our own findings, journaled as kind `outcome`: enough to rebuild the catalog without any
/// request.
struct ReplicaStored {
  ArtifactIdentity identity;
  RoomId room_id;
  StoreId store;
  std::string root;      ///< id of the store's root: what has to be found there from now on
  std::string path;      ///< relative to the store's root, '/'-separated
  std::string location;  ///< as shown
  ByteCount size;
  Digest digest;
  Timestamp verified_at;
  bool disputed = false;
  /// Every store that was to have these bytes then; empty: a row of before that was noted.
  std::vector<StoreId> wanted{};
};
/// What a store took in one batch: one row for all of it.
struct ReplicasStored {
  std::vector<ReplicaStored> replicas;
};
struct Expired {
  ArtifactIdentity identity;
  Error error;
  StoreId destination{};  ///< that it was to be fetched from; empty: the provider itself
};
struct Quarantined {
  ArtifactIdentity identity;
  Error error;
  std::optional<Digest> digest;  ///< of the bad body kept in staging
  ByteCount size;
  StoreId destination{};  ///< as in Expired
};
/// A superseded replica was removed because the operator asked for it (--replace).
struct ReplicaRemoved {
  ArtifactIdentity identity;
  std::string location;
};
/// A replica was read back and is not what it was (missing, corrupt), or is good again (verified).
struct ReplicaFound {
  ArtifactIdentity identity;
  std::string location;
  ReplicaState state = ReplicaState::verified;
  Timestamp at;
  std::string cause;
};
/// Complete, judged bytes lie in staging and a store does not take them yet: from here on the
/// source does not matter any more, not even when the catalog is lost.
struct BytesReceived {
  ArtifactIdentity identity;
  RoomId room_id;
  ByteCount size;
  Digest digest;
  bool disputed = false;
};
/// A pushed file was looked at, or moved, at its destination: all that has to be known of it again
/// when the push itself is not in the journal any more.
struct DeliveredFound {
  SessionKey session;
  RoomId room_id;
  std::string name;
  std::string location;  ///< as told
  std::string destination_name;
  SourceKey source_key;
  StoreId destination;
  ReplicaState state = ReplicaState::verified;  ///< or missing, corrupt; delivered: in doubt
  ByteCount size;
  std::optional<Digest> digest;
  std::string place;  ///< where it was moved to; empty: not moved
  Timestamp at;
  std::string cause;  ///< in words, when it is not good
  /// The digest is of all its bytes, as we read them; else the destination vouches for it.
  bool read = false;
};
using Outcome = std::variant<ReplicaStored, Expired, Quarantined, ReplicaRemoved, ReplicaFound,
                             BytesReceived, DeliveredFound, ReplicasStored>;

}  // namespace reelkeep
