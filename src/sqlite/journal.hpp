#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "reelkeep/port/journal.hpp"

namespace reelkeep::sqlite {

struct JournalOptions {
  /// Called on the writer's thread when a commit meets a full disk: gives up reserved space. True:
  /// there was some, the commit is tried once more.
  std::function<bool()> release_reserve;
  /// Called on the writer's thread after each durable commit of appended rows, with their number
  /// (duplicates included), before the appends are answered. Must not block in production.
  std::function<void(std::size_t)> committed;
  /// About so many digests of deliveries are kept in memory (80 bytes each), the others in a table.
  std::size_t known_in_memory = std::size_t{1} << 15U;
  bool create = true;   ///< an absent file is created (0600), else Errc::not_found
  bool migrate = true;  ///< an older schema is brought up to date, else Errc::conflict
};

/// Opens the appending side. One writer thread owns the connection; several processes may append to
/// one journal, each with a writer of its own.
/// Errors: not_found; conflict (another schema version, another program's file); corrupt (no SQLite
/// file, damaged); invalid (on NFS or SMB); unauthorized; no_space.
Result<std::unique_ptr<JournalWriter>> open_journal_writer(const std::string& path,
                                                           JournalOptions options);

/// Opens the reading side; works whether or not a writer runs. Errors as above; never creates.
Result<std::unique_ptr<JournalReader>> open_journal_reader(const std::string& path);

}  // namespace reelkeep::sqlite
