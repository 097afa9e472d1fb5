#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

struct SessionStarted {};
struct SessionStopped {};
struct CdrReady {};

/// A file that the provider offers.
struct OfferedFile {
  std::string url;  ///< without user info
  SourceKey source_key;
  std::string name;  ///< decoded last segment, else the kind
};

/// Artifacts that can be downloaded now.
struct FilesOffered {
  ArtifactKind kind = ArtifactKind::recording;
  std::string stage;
  std::optional<ByteCount> declared_size;
  /// When the URLs were made, where that is not the event's time: those of a listing are as new as
  /// the answer, whenever the session was.
  std::optional<Timestamp> url_at = std::nullopt;
  std::vector<OfferedFile> files;
};

/// A file that the provider put at the customer's destination.
struct DeliveredFile {
  std::string url;       ///< as told, without user info
  std::string location;  ///< s3://bucket/key, ftp://host/path, sftp://host/path, or url
  SourceKey source_key;
  std::string name;
};

struct FilesPushed {
  std::string destination_name;  ///< awss3, ftp, sftp, ssh, or unknown
  std::string destination_host;
  std::string destination_account;
  std::vector<DeliveredFile> files;
};

using EventFact = std::variant<SessionStarted, SessionStopped, CdrReady, FilesOffered, FilesPushed>;

/// The fact decoded from a delivery or a reconcile answer; immutable.
struct Event {
  SessionKey session;
  RoomId room_id;
  std::optional<Timestamp> at;  ///< trans_date, if there was a believable one
  EventFact fact;
};

/// What a journaled body says. `events` is empty for an unknown type (`ignored`).
struct Decoded {
  std::string app_id;
  std::string type;
  std::string conf_num;
  bool known_type = true;
  std::vector<Event> events;
  /// Entries that could not be understood although the rest could (shown as the delivery's reason).
  std::optional<std::string> remark;
};

}  // namespace reelkeep
