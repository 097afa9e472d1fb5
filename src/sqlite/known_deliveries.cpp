#include "sqlite/known_deliveries.hpp"

#include <exception>
#include <iterator>
#include <sqlite3.h>
#include <string_view>

#include "reelkeep/base/log.hpp"

#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

namespace {

constexpr std::string_view k_up_to = "SELECT value FROM meta WHERE key = 'delivered_up_to'";
// Another process may have come further; a salvaged journal may lack it.
constexpr std::string_view k_set_up_to =
    "INSERT INTO meta VALUES ('delivered_up_to', ?)"
    " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)";
constexpr std::string_view k_after =
    "SELECT digest, seq FROM entry WHERE seq > ? AND kind = 'delivery' ORDER BY seq LIMIT ?";
constexpr std::int64_t k_all = -1;
// In a salvaged journal the row itself may be lost: then it has to be taken again.
constexpr std::string_view k_find =
    "SELECT seq FROM delivered JOIN entry USING (seq)"
    " WHERE delivered.digest = ? AND entry.digest = delivered.digest";
// One that was moved before the last start may be read and moved again.
constexpr std::string_view k_move =
    "INSERT INTO delivered(digest, seq) VALUES (?, ?)"
    " ON CONFLICT (digest) DO UPDATE SET seq = excluded.seq WHERE seq <> excluded.seq";

/// What is damaged stays so: a page that is none, or one that the medium does not give back.
bool is_damage(const SQLite::Exception& exception) {
  switch (exception.getExtendedErrorCode()) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_DATA:
      return true;
    default:
      return errc_of(exception.getExtendedErrorCode(), 0) == Errc::corrupt;
  }
}

}  // namespace

bool KnownDeliveries::load(Connection& connection) {
  if (m_tail) return true;
  try {
    noting_damage(connection, [&] { read_slice(connection); });
  } catch (const std::exception&) {
    if (!m_damaged) throw;
    // Behind a bad page nothing was read.
    m_tail = connection.number("SELECT ifnull(max(seq), 0) FROM entry");
  }
  return m_tail.has_value();
}

void KnownDeliveries::read_slice(Connection& connection) {
  Transaction transaction(connection, Access::write);
  std::int64_t last = connection.number(k_up_to);
  m_table_in_use = m_table_in_use || last > 0;
  m_recent.clear();
  std::size_t rows = 0;
  {
    Query query(connection, k_after, last, as_limit(m_limit + 1));
    for (; query.step(); ++rows) {
      const auto digest = query.next<Digest>();
      query.read(last);
      m_recent.emplace(digest, Seq(last));
    }
  }
  if (rows <= m_limit) {
    m_tail = m_turn_tail = last;
    return;
  }
  m_table_in_use = true;
  for (const auto& [digest, seq] : m_recent) Query(connection, k_move, digest, seq).run();
  Query(connection, k_set_up_to, last).run();
  transaction.commit();
}

void KnownDeliveries::begin(Connection& connection, std::int64_t tail) {
  for (const Digest& digest : m_added) m_recent.erase(digest);
  m_added.clear();
  m_moved = 0;
  m_turn_ends = false;
  m_new_tail = tail;
  if (m_tail == tail) return;
  if (!m_damaged) {
    noting_damage(connection, [&] {
      Query query(connection, k_after, *m_tail, k_all);
      while (query.step()) {
        const auto digest = query.next<Digest>();
        m_recent.emplace(digest, query.next<Seq>());
      }
    });
  }
  m_tail = tail;
}

std::optional<Seq> KnownDeliveries::find(Connection& connection, const Digest& digest) {
  if (const auto recent = m_recent.find(digest); recent != m_recent.end()) return recent->second;
  if (!m_table_in_use || m_damaged) return std::nullopt;
  std::optional<Seq> seq;
  noting_damage(connection, [&] {
    Query query(connection, k_find, digest);
    if (query.step()) seq = query.next<Seq>();
  });
  return seq;
}

void KnownDeliveries::add(const Digest& digest, Seq seq) {
  m_recent.emplace(digest, seq);
  m_added.push_back(digest);
}

void KnownDeliveries::make_room(Connection& connection, std::int64_t tail) {
  m_new_tail = tail;
  if (m_recent.size() <= m_limit) return;
  m_table_in_use = true;
  noting_damage(connection, [&] {
    auto next = m_recent.lower_bound(m_next);
    while (m_moved < 2 * m_added.size() && next != m_recent.end()) {
      if (!m_damaged) Query(connection, k_move, next->first, next->second).run();
      ++next;
      ++m_moved;
    }
    if (m_damaged || next != m_recent.end()) return;
    Query(connection, k_set_up_to, m_turn_tail).run();
    m_turn_ends = true;
  });
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

void KnownDeliveries::noting_damage(const Connection& connection,
                                    const std::function<void()>& work) {
  try {
    work();
  } catch (const SQLite::Exception& exception) {
    if (is_damage(exception)) damaged(connection, exception.what());
    throw;
  } catch (const UnreadableRow& unreadable) {
    damaged(connection, unreadable.what());
    throw;
  }
}

void KnownDeliveries::damaged(const Connection& connection, const char* reason) {
  m_damaged = true;
  log::error(
      "the journal is damaged: what is delivered is taken, but a body that comes again may get a "
      "second row; see `reelkeep check`",
      {{"journal", connection.path()}, {"reason", reason}});
}

}  // namespace reelkeep::sqlite
