#pragma once

#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace reelkeep::testing {

/// Runs SQL on a file with a connection of its own, past everything of ours; the first column of
/// each row.
inline std::vector<std::string> raw_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) throw std::runtime_error("open " + path);
  std::vector<std::string> rows;
  const auto collect = [](void* out, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(out)->emplace_back(values[0] == nullptr ? ""
                                                                                   : values[0]);
    return 0;
  };
  const int code = sqlite3_exec(database, sql.c_str(), collect, &rows, nullptr);
  const std::string message = sqlite3_errmsg(database);
  sqlite3_close(database);
  if (code != SQLITE_OK) throw std::runtime_error(message);
  return rows;
}

/// Deliveries of a journal that have another one's body, or that a process which starts now would
/// not know: a count of either.
inline std::string unknown_deliveries(const std::string& path) {
  return raw_sql(path,
                 "SELECT (SELECT count(*) - count(DISTINCT digest) FROM entry"
                 "        WHERE kind = 'delivery') +"
                 " (SELECT count(*) FROM entry WHERE kind = 'delivery'"
                 "  AND seq <= (SELECT value FROM meta WHERE key = 'delivered_up_to')"
                 "  AND NOT EXISTS (SELECT 1 FROM delivered"
                 "                  WHERE digest = entry.digest AND seq = entry.seq))")
      .at(0);
}

/// EXPLAIN QUERY PLAN, its lines joined.
inline std::string query_plan(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  std::string plan;
  const auto collect = [](void* out, int count, char** values, char**) {
    static_cast<std::string*>(out)->append(values[count - 1]).append("\n");
    return 0;
  };
  const int code =
      sqlite3_exec(database, ("EXPLAIN QUERY PLAN " + sql).c_str(), collect, &plan, nullptr);
  const std::string message = sqlite3_errmsg(database);
  sqlite3_close(database);
  if (code != SQLITE_OK) throw std::runtime_error(message);
  return plan;
}

}  // namespace reelkeep::testing
