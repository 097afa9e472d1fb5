#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// What a file holds. `PRAGMA user_version` is the number of steps that were applied to it.
struct Schema {
  std::string_view noun;        ///< "journal"
  std::int32_t application_id;  ///< in the file's header: tells it from any other SQLite file
  std::span<const std::string_view> steps;  ///< steps[n] takes version n to n + 1; never edited
  /// Cannot be derived again: a -wal without its file is not thrown away by creating a new file.
  bool evidence = false;
  /// When the WAL comes into the file. Whoever commits waits for that, which is short where it is
  /// little: SQLite's own 4 MiB for what only grows at its end.
  int wal_pages = 1024;
};

struct SchemaPolicy {
  bool create = false;   ///< an absent file is created
  bool migrate = false;  ///< an older version is brought up to date
};

/// A connection to a file that has exactly this schema; writers also have their WAL.
/// Errors: not_found, conflict (older, newer or another program's), corrupt, invalid, ...
Result<std::unique_ptr<Connection>> open_for_writing(const std::string& path, const Schema& schema,
                                                     SchemaPolicy policy);
Result<std::unique_ptr<Connection>> open_for_reading(const std::string& path, const Schema& schema);

}  // namespace reelkeep::sqlite
