#pragma once

#include <cstdint>

#include "reelkeep/model/delivery.hpp"
#include "reelkeep/port/journal.hpp"

#include "sqlite/connection.hpp"
#include "sqlite/known_deliveries.hpp"

namespace reelkeep::sqlite {

/// Last row of the journal, as known inside one transaction.
struct Tail {
  std::int64_t seq = 0;
  Digest chain;  ///< zeros at 0
};

/// SHA-256 over `<length>:<bytes>,` of each of: the previous chain value (32 bytes), seq, kind,
/// received_at (milliseconds since 1970), digest (32 bytes), remote, user, content type. Numbers in
/// decimal. Anybody can recompute it from the file.
Digest chain_link(const Digest& previous, const Entry& entry);

// The rest runs inside a write transaction and throws as Query does.

Tail read_tail(Connection& connection);
/// Appends after `tail`, which moves on. A delivery that is there already leaves a receipt instead.
Appended append_row(Connection& connection, const NewEntry& entry, Tail& tail,
                    KnownDeliveries& known);
/// Empties at most `limit` bodies received before `before`; returns how many.
std::int64_t erase_some_bodies(Connection& connection, Timestamp before, std::int64_t limit);

}  // namespace reelkeep::sqlite
