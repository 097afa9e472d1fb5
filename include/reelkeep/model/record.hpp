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
};
struct Expired {
  ArtifactIdentity identity;
  Error error;
};
struct Quarantined {
  ArtifactIdentity identity;
  Error error;
  std::optional<Digest> digest;  ///< of the bad body kept in staging
  ByteCount size;
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
using Outcome =
    std::variant<ReplicaStored, Expired, Quarantined, ReplicaRemoved, ReplicaFound, BytesReceived>;

}  // namespace reelkeep
