#include "sqlite/write_transaction.hpp"

#include <fmt/core.h>

#include "sqlite/catalog_rows.hpp"

namespace reelkeep::sqlite {

namespace {

constexpr std::string_view k_count_artifacts =
    "INSERT INTO artifact_count(state, count) VALUES (?, ?)"
    " ON CONFLICT(state) DO UPDATE SET count = count + excluded.count";
constexpr std::string_view k_count_replicas =
    "INSERT INTO replica_count(state, count) VALUES (?, ?)"
    " ON CONFLICT(state) DO UPDATE SET count = count + excluded.count";

/// Counts one level of nesting for as long as it lives, whatever ends it.
class Level {
 public:
  explicit Level(int& depth) : m_depth(++depth) {}
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --m_depth; }

 private:
  int& m_depth;
};

}  // namespace

Status WriteTransactions::run(const std::function<Status()>& work) {
  return m_depth == 0 ? run_outermost(work) : run_nested(work);
}

Status WriteTransactions::check_open() const {
  if (m_depth == 0) {
    return Error{Errc::internal, "the catalog was written to outside a transaction"};
  }
  if (!m_connection.in_transaction()) {
    return Error{Errc::unavailable,
                 fmt::format("{}: the transaction was given up", m_connection.path())};
  }
  return {};
}

Status WriteTransactions::run_outermost(const std::function<Status()>& work) {
  forget();
  return m_connection.guarded([&]() -> Status {
    Transaction transaction(m_connection, Access::write);
    const Level level(m_depth);
    REELKEEP_TRY(work());
    REELKEEP_TRY(check_open());
    summarise_touched();
    add_counts();
    transaction.commit();
    return {};
  });
}

Status WriteTransactions::run_nested(const std::function<Status()>& work) {
  REELKEEP_TRY(check_open());
  return m_connection.guarded([&]() -> Status {
    const std::string name = fmt::format("level_{}", m_depth);
    Query(m_connection, "SAVEPOINT " + name).run();
    const Level level(m_depth);
    const auto counted_before = m_counts;
    Status done = work();
    if (done) done = check_open();
    if (!done) m_counts = counted_before;
    if (done) {
      Query(m_connection, "RELEASE " + name).run();
    } else if (m_connection.in_transaction()) {
      m_connection.execute("ROLLBACK TO " + name);
      m_connection.execute("RELEASE " + name);
    }
    return done;
  });
}

void WriteTransactions::add_counts() {
  for (const auto& [key, change] : m_counts) {
    if (change == 0) continue;
    const auto& [table, state] = key;
    Query(m_connection, table == Counted::artifacts ? k_count_artifacts : k_count_replicas, state,
          change)
        .run();
  }
}

void WriteTransactions::summarise_touched() {
  for (const SessionRow session : m_touched) summarise(m_connection, session);
}

}  // namespace reelkeep::sqlite
