#include "sqlite/connection.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <sqlite3.h>
#include <utility>

#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

namespace {

// Longer than any transaction of ours; what waits longer is told so (Errc::timeout).
constexpr int k_busy_ms = 5000;

// Read connections write too where SQLite needs it (a missing -shm), hence no SQLITE_OPEN_READONLY;
// query_only keeps their statements from changing anything.
constexpr std::string_view k_for_reading = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;";
// journal_size_limit: a WAL that grew under a long reader shrinks again at the next restart of it.
constexpr std::string_view k_for_writing =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
    "PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;";

/// Statistics of its memory would cost SQLite a lock for each allocation, and nobody asks for them.
const std::string& with_library_set_up(const std::string& path) {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;  // refused where somebody else opened a database before: slower, not wrong
  return path;
}

}  // namespace

Connection::Connection(const std::string& path, Access access)
    : m_path(path),
      m_database(with_library_set_up(path), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                 k_busy_ms) {
  sqlite3_extended_result_codes(m_database.getHandle(), 1);
  execute(access == Access::read ? k_for_reading : k_for_writing);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  errno = 0;
  try {
    return std::unique_ptr<Connection>(new Connection(path, access));
  } catch (const SQLite::Exception& exception) {
    return to_error(exception, errno, path);
  }
}

SQLite::Statement& Connection::statement(std::string_view sql) {
  const auto known = m_statements.find(sql);
  if (known != m_statements.end()) return *known->second;
  auto prepared = std::make_unique<SQLite::Statement>(m_database, std::string(sql));
  return *m_statements.emplace(std::string(sql), std::move(prepared)).first->second;
}

void Connection::execute(std::string_view sql) {
  m_database.exec(std::string(sql));
}

std::int64_t Connection::number(std::string_view sql) {
  SQLite::Statement query(m_database, std::string(sql));
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

Status Connection::use_wal(int pages) {
  return guarded([&]() -> Status {
    execute(fmt::format("PRAGMA wal_autocheckpoint = {}", pages));
    SQLite::Statement query(m_database, "PRAGMA journal_mode = WAL");
    const std::string mode = query.executeStep() ? query.getColumn(0).getString() : "";
    if (mode == "wal") return {};
    return Error{Errc::invalid,
                 fmt::format("{}: its filesystem cannot hold a write-ahead log (mode {}): choose "
                             "a state_dir on a local disk",
                             m_path, mode)};
  });
}

Status Connection::checkpoint() {
  return guarded([this]() -> Status {
    if (number("PRAGMA wal_checkpoint(TRUNCATE)") == 0) return {};
    return Error{Errc::timeout, fmt::format("{}: a reader keeps its -wal in use", m_path)};
  });
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(m_database.getHandle()) == 0;
}

void Connection::rollback() noexcept {
  if (in_transaction()) m_database.tryExec("ROLLBACK");
}

std::int64_t Connection::last_row() const noexcept {
  return m_database.getLastInsertRowid();
}

int Connection::take_system_error() noexcept {
  if (const int number = std::exchange(m_commit_error, 0); number != 0) return number;
  return sqlite3_system_errno(m_database.getHandle());
}

Transaction::Transaction(Connection& connection, Access access) : m_connection(connection) {
  Query(connection, access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN").run();
}

Transaction::~Transaction() {
  if (m_open) m_connection.rollback();
}

void Transaction::commit() {
  // SQLite notes errno for every statement but this one, and the rollback that follows would hide
  // it.
  errno = 0;
  try {
    Query(m_connection, "COMMIT").run();
  } catch (const SQLite::Exception&) {
    m_connection.m_commit_error = errno;
    throw;
  }
  m_open = false;
}

}  // namespace reelkeep::sqlite
