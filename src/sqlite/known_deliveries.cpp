#include "sqlite/known_deliveries.hpp"

#include <iterator>
#include <string_view>

#include "reelkeep/model/words.hpp"

#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

namespace {

constexpr std::string_view k_moved = "SELECT value FROM meta WHERE key = 'delivered_up_to'";
constexpr std::string_view k_after =
    "SELECT digest, seq FROM entry WHERE seq > ? AND kind = 'delivery'";
constexpr std::string_view k_find = "SELECT seq FROM delivered WHERE digest = ?";
// One that was moved before the last start may be read and moved again.
constexpr std::string_view k_move =
    "INSERT INTO delivered(digest, seq) VALUES (?, ?) ON CONFLICT DO NOTHING";
constexpr std::string_view k_end_turn = "UPDATE meta SET value = ? WHERE key = 'delivered_up_to'";

}  // namespace

void KnownDeliveries::begin(Connection& connection, std::int64_t tail) {
  for (const Digest& digest : m_added) m_recent.erase(digest);
  m_added.clear();
  m_moved = 0;
  m_turn_ends = false;
  m_new_tail = tail;
  if (m_tail == tail) return;
  if (!m_tail) {
    Query moved(connection, k_moved);
    moved.step();
    m_tail = moved.next<std::int64_t>();
    m_table_in_use = m_tail > 0;
    m_turn_tail = tail;
  }
  Query after(connection, k_after, *m_tail);
  while (after.step()) {
    const auto digest = after.next<Digest>();
    m_recent.emplace(digest, after.next<Seq>());
  }
  m_tail = tail;
}

std::optional<Seq> KnownDeliveries::find(Connection& connection, const Digest& digest) const {
  if (const auto recent = m_recent.find(digest); recent != m_recent.end()) return recent->second;
  if (!m_table_in_use) return std::nullopt;
  Query query(connection, k_find, digest);
  if (!query.step()) return std::nullopt;
  return query.next<Seq>();
}

void KnownDeliveries::add(const Digest& digest, Seq seq) {
  m_recent.emplace(digest, seq);
  m_added.push_back(digest);
}

void KnownDeliveries::make_room(Connection& connection, std::int64_t tail) {
  m_new_tail = tail;
  if (m_recent.size() <= m_limit) return;
  m_table_in_use = true;
  // Twice as many as came: what was read at the start may be more than the limit.
  auto next = m_recent.lower_bound(m_next);
  while (m_moved < 2 * m_added.size() && next != m_recent.end()) {
    Query(connection, k_move, next->first, next->second).run();
    ++next;
    ++m_moved;
  }
  m_turn_ends = next == m_recent.end();
  if (m_turn_ends) Query(connection, k_end_turn, m_turn_tail).run();
}

void KnownDeliveries::keep() {
  m_added.clear();
  m_tail = m_new_tail;
  const auto first = m_recent.lower_bound(m_next);
  const auto next = std::next(first, static_cast<std::ptrdiff_t>(m_moved));
  m_next = next == m_recent.end() ? Digest{} : next->first;
  m_recent.erase(first, next);
  m_moved = 0;
  if (m_turn_ends) m_turn_tail = m_new_tail;
  m_turn_ends = false;
}

}  // namespace reelkeep::sqlite
