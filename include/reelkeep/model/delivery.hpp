#pragma once

#include <optional>
#include <string>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"

namespace reelkeep {

/// A journal row before it has a place: `body` is stored byte for byte.
struct NewEntry {
  EntryKind kind = EntryKind::delivery;
  Timestamp received_at;
  std::string body;
  std::string remote;        ///< peer address, for the auditor
  std::string user;          ///< webhook user that authenticated; empty: none
  std::string content_type;  ///< as sent
};

/// A journal row as read.
struct Entry {
  Seq seq;
  EntryKind kind = EntryKind::delivery;
  Timestamp received_at;
  Digest digest;  ///< SHA-256 of the body
  Digest chain;   ///< SHA-256 over the previous row's chain and this row
  std::string remote;
  std::string user;
  std::string content_type;
  std::optional<std::string> body;  ///< nothing: erased after keep_bodies
};

/// A body that the journal already had: evidence that it came again.
struct Receipt {
  std::int64_t id = 0;
  Seq seq;  ///< of the first one
  Timestamp received_at;
  std::string remote;
  std::string user;
};

/// A row of `deliveries`: what became of a journaled delivery.
struct DeliveryRecord {
  Seq seq;
  Timestamp received_at;
  std::string app_id;
  std::string type;
  std::string conf_num;
  DeliveryState state = DeliveryState::pending;
  std::optional<std::string> reason;
  std::int64_t duplicates = 0;
  friend bool operator==(const DeliveryRecord&, const DeliveryRecord&) = default;
};

}  // namespace reelkeep
