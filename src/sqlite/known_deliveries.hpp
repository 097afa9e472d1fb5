#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
/// of a few hundred bytes, and the sync would wait for all of them (figures in
/// docs/performance.md). So the newest are kept in memory, and where they are many they move into
/// the table `delivered` in the order of their digests, which lets neighbours share a page.
/// `delivered_up_to` in `meta` tells up to which row all of them did; what came after it is read
/// again by the next process.
///
/// Damage is told once, and then only the memory is asked, and forgets what would have moved: it
/// may cost a second row for one body, never a delivery. SQLite accepts nothing more in a
/// transaction that met it (measured with 3.40): is_damaged() tells that a second one will pass.
///
/// Throws as Query does. One thread.
class KnownDeliveries {
 public:
  /// `in_memory`: about so many stay there; while a turn of moves lasts, up to twice as many.
  explicit KnownDeliveries(std::size_t in_memory) : m_limit(in_memory) {}

  /// Before the first begin(), outside of a transaction, until it is true: reads what is not in the
  /// table yet. More than may stay in memory goes there at once, a part with each call.
  bool load(Connection& connection);

  // The rest belongs to a write transaction that began with begin(): no other process appends.

  /// `tail` is the journal's last row. What the transaction before it added without keep() is
  /// forgotten; what was appended by others is learned.
  void begin(Connection& connection, std::int64_t tail);
  /// The row that has this body.
  [[nodiscard]] std::optional<Seq> find(Connection& connection, const Digest& digest);
  /// A row was appended.
  void add(const Digest& digest, Seq seq);
  /// Moves some into the table where there are too many. `tail` is the last row now.
  void make_room(Connection& connection, std::int64_t tail);
  /// The transaction was committed.
  void keep();

  [[nodiscard]] bool is_damaged() const noexcept { return m_damaged; }

 private:
  void read_slice(Connection& connection);
  /// Runs `work`; damage that ends it is told.
  void noting_damage(const Connection& connection, const std::function<void()>& work);
  void damaged(const Connection& connection, const char* reason);

  const std::size_t m_limit;
  std::map<Digest, Seq> m_recent;
  std::optional<std::int64_t> m_tail;  ///< all up to this row are known; none: nothing was read yet
  bool m_table_in_use = false;         ///< some are in the table alone
  bool m_damaged = false;
  /// Moves go through all digests in turns: where the next one begins, and the journal's last row
  /// when this turn began. All up to that row are in the table at its end.
  Digest m_next;
  std::int64_t m_turn_tail = 0;

  // of this transaction
  std::vector<Digest> m_added;
  std::size_t m_moved = 0;  ///< from m_next on
  bool m_turn_ends = false;
  std::int64_t m_new_tail = 0;
};

}  // namespace reelkeep::sqlite
