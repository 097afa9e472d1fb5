#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

#include "sqlite/status.hpp"

namespace reelkeep::sqlite {

enum class Access { read, write };

/// One connection to an existing file, with its prepared statements. One thread at a time.
/// Methods that run SQL throw SQLite::Exception: callers wrap them in guarded().
class Connection {
 public:
  /// Opens and applies what every connection needs; reads nothing of the file yet.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);

  /// Prepared once, kept for the connection's life.
  SQLite::Statement& statement(std::string_view sql);
  /// One or more statements without parameters.
  void execute(std::string_view sql);
  /// First column of the first row.
  std::int64_t number(std::string_view sql);

  /// Writes from here on go through a WAL that is synced at every commit, and comes into the file
  /// when it has so many pages.
  Status use_wal(int pages);
  /// Moves the WAL into the file and truncates it; Errc::timeout while a reader is in the way.
  Status checkpoint();

  [[nodiscard]] bool in_transaction() const noexcept;
  /// After a failure SQLite may have ended the transaction by itself: then there is nothing to do.
  void rollback() noexcept;

  [[nodiscard]] std::int64_t last_row() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return m_path; }

  /// Runs `work`, which returns a Result; what SQLite throws becomes its Error.
  template <class Work>
  auto guarded(Work&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const SQLite::Exception& exception) {
      return to_error(exception, take_system_error(), m_path);
    } catch (const UnreadableRow& unreadable) {
      return Error{Errc::corrupt, m_path + ": " + unreadable.what()};
    }
  }

 private:
  Connection(const std::string& path, Access access);
  friend class Transaction;
  /// errno of what was thrown last.
  [[nodiscard]] int take_system_error() noexcept;

  std::string m_path;
  int m_commit_error = 0;  ///< errno of a failed COMMIT, until it is taken
  SQLite::Database m_database;
  /// Lengths differ mostly, beginnings hardly ever.
  struct ShorterFirst {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    }
  };
  std::map<std::string, std::unique_ptr<SQLite::Statement>, ShorterFirst> m_statements;
};

/// A transaction of one block: rolled back unless commit() was reached. Throws like Connection.
class Transaction {
 public:
  /// `write` takes the write lock at once, so that what is read inside stays true until the commit.
  Transaction(Connection& connection, Access access);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection& m_connection;
  bool m_open = true;
};

}  // namespace reelkeep::sqlite
