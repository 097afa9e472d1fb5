#pragma once

#include <functional>
#include <optional>
#include <set>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// The catalog's nested transactions on one connection: the outermost is a real one, each further
/// one a savepoint. Sessions that were touched are summarised before the outermost commit. One
/// thread.
class WriteTransactions {
 public:
  explicit WriteTransactions(Connection& connection) : m_connection(connection) {}

  /// An error from `work` undoes exactly its own writes.
  Status run(const std::function<Status()>& work);
  /// An error outside a transaction, or when SQLite gave the whole transaction up meanwhile (a full
  /// disk): a write now would be committed alone.
  [[nodiscard]] Status check_open() const;
  void touch(SessionRow session) { m_touched.insert(session); }
  void forget_touched() { m_touched.clear(); }

 private:
  Status run_outermost(const std::function<Status()>& work);
  Status run_nested(const std::function<Status()>& work);
  void summarise_touched();

  Connection& m_connection;
  int m_depth = 0;
  std::set<SessionRow> m_touched;
};

}  // namespace reelkeep::sqlite
