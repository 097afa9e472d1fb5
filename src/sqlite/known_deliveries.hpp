#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// Which bodies the journal has already, so that one that comes again gets no second row.
///
/// Digests come in no order. In an index each would write a page of its own, 4 KiB for a delivery
/// of a few hundred bytes, and the sync would wait for all of them: 8.8 KB for each delivery
/// instead of 3.7, and 11,200 deliveries/s instead of 16,300 on a disk. So the newest are kept in
/// memory, and where they are many they move into the table `delivered` in the order of their
/// digests, which lets neighbours share a page. `delivered_up_to` in `meta` tells up to which row
/// all of them did; what came after it is read again by the next process.
///
/// Every call belongs to a write transaction that began with begin(): no other process appends
/// meanwhile. Throws as Query does. One thread.
class KnownDeliveries {
 public:
  explicit KnownDeliveries(std::size_t in_memory) : m_limit(in_memory) {}

  /// The transaction begins, and `tail` is the journal's last row. What the one before it added
  /// without keep() is forgotten; what other processes appended is learned.
  void begin(Connection& connection, std::int64_t tail);
  /// The row that has this body.
  [[nodiscard]] std::optional<Seq> find(Connection& connection, const Digest& digest) const;
  /// A row was appended.
  void add(const Digest& digest, Seq seq);
  /// Moves some into the table where there are too many. `tail` is the last row now.
  void make_room(Connection& connection, std::int64_t tail);
  /// The transaction was committed.
  void keep();

 private:
  using Recent = std::map<Digest, Seq>;

  const std::size_t m_limit;
  Recent m_recent;
  std::optional<std::int64_t> m_tail;  ///< all up to this row are known; none: nothing was read yet
  bool m_table_in_use = false;         ///< some are in the table alone
  /// In turns through all digests: where the next move begins, and the journal's last row when this
  /// turn began. All up to that row are in the table at its end.
  Digest m_next;
  std::int64_t m_turn_tail = 0;

  // of this transaction
  std::vector<Digest> m_added;
  std::size_t m_moved = 0;  ///< from m_next on
  bool m_turn_ends = false;
  std::int64_t m_new_tail = 0;
};

}  // namespace reelkeep::sqlite
