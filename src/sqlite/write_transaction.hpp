#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// Tables whose rows are counted by state.
enum class Counted { artifacts, replicas };

/// The catalog's nested transactions on one connection: the outermost is a real one, each further
/// one a savepoint. Before the outermost commit the sessions that were touched are summarised and
/// what was counted is added up: triggers would do so row by row, with a statement journal each
/// (a tenth of the agent's instructions). One thread.
class WriteTransactions {
 public:
  explicit WriteTransactions(Connection& connection) : m_connection(connection) {}

  /// An error from `work` undoes exactly its own writes.
  Status run(const std::function<Status()>& work);
  /// An error outside a transaction, or when SQLite gave the whole transaction up meanwhile (a full
  /// disk): a write now would be committed alone.
  [[nodiscard]] Status check_open() const;
  void touch(SessionRow session) { m_touched.insert(session); }
  /// Rows of this table that came into this state, or went out of it.
  void count(Counted table, std::string_view state, std::int64_t change) {
    m_counts[{table, std::string(state)}] += change;
  }
  /// The tables are made anew.
  void forget() {
    m_touched.clear();
    m_counts.clear();
  }

 private:
  Status run_outermost(const std::function<Status()>& work);
  Status run_nested(const std::function<Status()>& work);
  void summarise_touched();
  void add_counts();

  Connection& m_connection;
  int m_depth = 0;
  std::set<SessionRow> m_touched;
  std::map<std::pair<Counted, std::string>, std::int64_t> m_counts;
};

}  // namespace reelkeep::sqlite
