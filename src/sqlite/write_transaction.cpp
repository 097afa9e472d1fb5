#include "sqlite/write_transaction.hpp"

#include <fmt/core.h>

#include "sqlite/catalog_rows.hpp"

namespace reelkeep::sqlite {

namespace {

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
  m_touched.clear();
  return m_connection.guarded([&]() -> Status {
    Transaction transaction(m_connection, Access::write);
    const Level level(m_depth);
    REELKEEP_TRY(work());
    REELKEEP_TRY(check_open());
    summarise_touched();
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
    Status done = work();
    if (done) done = check_open();
    if (done) {
      Query(m_connection, "RELEASE " + name).run();
    } else if (m_connection.in_transaction()) {
      m_connection.execute("ROLLBACK TO " + name);
      m_connection.execute("RELEASE " + name);
    }
    return done;
  });
}

void WriteTransactions::summarise_touched() {
  for (const SessionRow session : m_touched) summarise(m_connection, session);
}

}  // namespace reelkeep::sqlite
