#include <array>
#include <cerrno>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sqlite3.h>
#include <string>

#include "contract/journal_contract.hpp"
#include "crypto/sha256.hpp"
#include "raw.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/catalog_schema.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/journal_schema.hpp"
#include "sqlite/place.hpp"
#include "sqlite/status.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using sqlite::Schema;

namespace {

/// One error of each way in, where there is one.
struct Opened {
  Status serve;
  Status command;
  Status read;
};

template <class T>
Status outcome(Result<T> result) {
  if (!result) return result.error();
  return {};
}

Opened open_journal(const std::string& path) {
  return {outcome(sqlite::open_journal_writer(path, {})),
          outcome(sqlite::open_journal_writer(path, {.create = false, .migrate = false})),
          outcome(sqlite::open_journal_reader(path))};
}

Opened open_catalog(const std::string& path) {
  return {outcome(sqlite::open_catalog(path)),
          outcome(sqlite::open_catalog(path, {.create = false, .migrate = false})),
          outcome(sqlite::open_catalog_reader(path))};
}

bool says(const Status& status, const std::string& word) {
  return !status && status.error().message.find(word) != std::string::npos;
}

/// A file as an older version left it.
void write_version(const std::string& path, const Schema& schema, std::size_t version) {
  for (std::size_t step = 0; step < version; ++step) {
    raw_sql(path, std::string(schema.steps[step]));
  }
  raw_sql(path, "PRAGMA application_id = " + std::to_string(schema.application_id));
  raw_sql(path, "PRAGMA user_version = " + std::to_string(version));
}

}  // namespace

TEST_CASE("an older journal is migrated by the agent and keeps its rows; commands say what to do") {
  const TempDir dir;
  const auto path = dir.path("journal.db");
  write_version(path, sqlite::journal_schema(), 1);
  raw_sql(path,
          "INSERT INTO entry VALUES (1, 'outcome', 5, zeroblob(32), 'r', 'u', 'c',"
          " zeroblob(32)); INSERT INTO body VALUES (1, 5, x'6869');");
  CHECK(outcome(sqlite::open_journal_reader(path)).error().code == Errc::conflict);
  const auto command =
      outcome(sqlite::open_journal_writer(path, {.create = false, .migrate = false}));
  CHECK(command.error().code == Errc::conflict);
  CHECK(says(command, "start the agent once"));
  CHECK(raw_sql(path, "PRAGMA user_version").at(0) == "1");

  REQUIRE(sqlite::open_journal_writer(path, {}));
  CHECK(raw_sql(path, "PRAGMA user_version").at(0) == "4");
  CHECK(raw_sql(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'receipt_seq'").at(0) ==
        "1");
  CHECK(sqlite::open_journal_reader(path).value()->find(Seq(1)).value()->body == "hi");
}

TEST_CASE("the deliveries of an older journal are known") {
  const TempDir dir;
  const auto path = dir.path("journal.db");
  write_version(path, sqlite::journal_schema(), 2);
  for (const char* kind : {"delivery", "command"}) {
    raw_sql(path, fmt::format("INSERT INTO entry(kind, received_at, digest, remote, user,"
                              " content_type, chain) VALUES ('{}', 5, x'{}', 'r', 'u', 'c',"
                              " zeroblob(32))",
                              kind, sha256("hi").hex()));
  }
  const auto writer = sqlite::open_journal_writer(path, {}).value();
  const auto again = writer->append_and_wait(new_entry(EntryKind::delivery, "hi")).value();
  CHECK(again.duplicate);
  CHECK(again.seq == Seq(1));
  CHECK_FALSE(writer->append_and_wait(new_entry(EntryKind::delivery, "ho"))->duplicate);
}

TEST_CASE("an older catalog is migrated by the agent and keeps its rows") {
  const TempDir dir;
  const auto path = dir.path("catalog.db");
  write_version(path, sqlite::catalog_schema(), 1);
  raw_sql(path, "INSERT INTO note VALUES ('k', 'v')");
  CHECK(says(outcome(sqlite::open_catalog_reader(path)), "start the agent once"));
  CHECK(sqlite::open_catalog(path).value()->note("k").value() == "v");
  CHECK(sqlite::open_catalog_reader(path));
}

TEST_CASE("a file of a newer version is refused by everybody and left as it is") {
  const TempDir dir;
  for (const bool journal : {true, false}) {
    CAPTURE(journal);
    const auto path = dir.path(journal ? "journal.db" : "catalog.db");
    REQUIRE((journal ? open_journal(path) : open_catalog(path)).serve);
    raw_sql(path, "PRAGMA user_version = 99");
    const Opened opened = journal ? open_journal(path) : open_catalog(path);
    for (const Status* status : {&opened.serve, &opened.command, &opened.read}) {
      REQUIRE_FALSE(*status);
      CHECK(status->error().code == Errc::conflict);
      CHECK(says(*status, "newer reelkeep"));
      CHECK(says(*status, "upgrade"));
    }
    CHECK(raw_sql(path, "PRAGMA user_version").at(0) == "99");
  }
}

TEST_CASE("a migration that fails leaves the version before it") {
  const TempDir dir;
  const auto path = dir.path("some.db");
  static constexpr std::array<std::string_view, 2> k_steps{
      "CREATE TABLE a(x)", "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)"};
  static constexpr Schema k_old{
      .noun = "file", .application_id = 7, .steps = std::span(k_steps).first(1)};
  static constexpr Schema k_new{.noun = "file", .application_id = 7, .steps = k_steps};
  REQUIRE(sqlite::open_for_writing(path, k_old, {.create = true, .migrate = true}));
  CHECK_FALSE(sqlite::open_for_writing(path, k_new, {.create = true, .migrate = true}));
  CHECK(raw_sql(path, "PRAGMA user_version").at(0) == "1");
  CHECK(raw_sql(path, "SELECT count(*) FROM a").at(0) == "0");
}

TEST_CASE("an absent file is created by the agent alone") {
  const TempDir dir;
  const auto path = dir.path("journal.db");
  const Opened nobody{{},
                      outcome(sqlite::open_journal_writer(path, {.create = false})),
                      outcome(sqlite::open_journal_reader(path))};
  CHECK(nobody.command.error().code == Errc::not_found);
  CHECK(nobody.read.error().code == Errc::not_found);
  CHECK_FALSE(dir.exists("journal.db"));
  CHECK(outcome(sqlite::open_catalog_reader(path)).error().code == Errc::not_found);
  CHECK(outcome(sqlite::open_journal_writer(dir.path("no/such/journal.db"), {})).error().code ==
        Errc::not_found);
}

TEST_CASE("a file that is no SQLite file is called damaged") {
  const TempDir dir;
  const auto path = dir.write("file.db", std::string(5000, 'x'));
  for (const Opened& opened : {open_journal(path), open_catalog(path)}) {
    CHECK(opened.serve.error().code == Errc::corrupt);
    CHECK(opened.command.error().code == Errc::corrupt);
    CHECK(opened.read.error().code == Errc::corrupt);
  }
}

TEST_CASE("a damaged page is called damaged when it is read") {
  const TempDir dir;
  const auto path = dir.path("catalog.db");
  {
    const auto catalog = sqlite::open_catalog(path).value();
    REQUIRE(catalog->transact([&] { return catalog->set_note("k", "v"); }));
  }
  std::string bytes = dir.read("catalog.db");
  for (std::size_t i = 4096; i < bytes.size(); ++i) bytes[i] = '\x55';
  dir.write("catalog.db", bytes);
  const auto catalog = sqlite::open_catalog(path);
  const Status read =
      catalog ? outcome((*catalog)->note("k")) : outcome(sqlite::open_catalog(path));
  CHECK(read.error().code == Errc::corrupt);
}

TEST_CASE("another program's database is refused and not touched") {
  const TempDir dir;
  const auto path = dir.path("other.db");
  raw_sql(path, "CREATE TABLE theirs(x)");
  CHECK(open_journal(path).serve.error().code == Errc::conflict);
  CHECK(open_catalog(path).serve.error().code == Errc::conflict);
  CHECK(raw_sql(path, "SELECT group_concat(name) FROM sqlite_schema").at(0) == "theirs");
  // A journal is no catalog either.
  const auto journal = dir.path("journal.db");
  REQUIRE(open_journal(journal).serve);
  CHECK(open_catalog(journal).serve.error().code == Errc::conflict);
}

TEST_CASE("a journal is not begun anew over the -wal of a lost one") {
  const TempDir dir;
  dir.write("journal.db-wal", "frames");
  const auto path = dir.path("journal.db");
  CHECK(open_journal(path).serve.error().code == Errc::corrupt);
  CHECK(dir.read("journal.db-wal") == "frames");
}

TEST_CASE("a file that others could read is closed to them") {
  const TempDir dir;
  const auto path = dir.path("journal.db");
  REQUIRE(open_journal(path).serve);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  REQUIRE(open_journal(path).serve);
  CHECK(dir.mode("journal.db") == 0600);
}

TEST_CASE("a removed catalog leaves nothing beside it") {
  const TempDir dir;
  const auto path = dir.path("catalog.db");
  const auto catalog = sqlite::open_catalog(path).value();
  REQUIRE(catalog->transact([&] { return catalog->set_note("k", "v"); }));
  REQUIRE(dir.exists("catalog.db-wal"));
  CHECK(sqlite::remove_catalog(path));
  for (const char* name : {"catalog.db", "catalog.db-wal", "catalog.db-shm"}) {
    CHECK_FALSE(dir.exists(name));
  }
  CHECK(sqlite::remove_catalog(path));
}

TEST_CASE("a copy of the catalog holds what its -wal held, and replaces nothing") {
  const TempDir dir;
  const auto path = dir.path("catalog.db");
  const auto catalog = sqlite::open_catalog(path).value();
  REQUIRE(catalog->transact([&] { return catalog->set_note("k", "v"); }));
  REQUIRE(dir.exists("catalog.db-wal"));
  const auto copy = dir.path("copy.db");
  REQUIRE(sqlite::copy_catalog(path, copy));
  CHECK(raw_sql(copy, "SELECT value FROM note WHERE key = 'k'").at(0) == "v");
  CHECK(dir.mode("copy.db") == 0600);
  CHECK_FALSE(dir.exists("copy.db.part"));
  CHECK(sqlite::open_catalog_reader(copy));
  CHECK(catalog->note("k").value() == "v");
  CHECK(sqlite::copy_catalog(path, copy).error().code == Errc::conflict);
  CHECK(sqlite::copy_catalog(dir.path("none.db"), dir.path("x.db")).error().code ==
        Errc::not_found);
  CHECK_FALSE(dir.exists("x.db"));
}

TEST_CASE("network filesystems are known") {
  for (const unsigned long type : {0x6969UL, 0x517BUL, 0xFF534D42UL, 0xFE534D42UL}) {
    CHECK(sqlite::is_network_filesystem(type));
  }
  // A signed f_type arrives sign-extended.
  CHECK(sqlite::is_network_filesystem(static_cast<unsigned long>(static_cast<int>(0xFF534D42U))));
  CHECK_FALSE(sqlite::is_network_filesystem(0xEF53UL));
  CHECK_FALSE(sqlite::is_network_filesystem(0x01021994UL));
}

TEST_CASE("every SQLite code has its class") {
  CHECK(sqlite::errc_of(SQLITE_FULL, 0) == Errc::no_space);
  CHECK(sqlite::errc_of(SQLITE_IOERR_WRITE, EDQUOT) == Errc::no_space);
  CHECK(sqlite::errc_of(SQLITE_IOERR_SHMSIZE, ENOSPC) == Errc::no_space);
  CHECK(sqlite::errc_of(SQLITE_IOERR_FSYNC, EIO) == Errc::unavailable);
  CHECK(sqlite::errc_of(SQLITE_BUSY, 0) == Errc::timeout);
  CHECK(sqlite::errc_of(SQLITE_BUSY_SNAPSHOT, 0) == Errc::timeout);
  CHECK(sqlite::errc_of(SQLITE_LOCKED, 0) == Errc::timeout);
  CHECK(sqlite::errc_of(SQLITE_CORRUPT_VTAB, 0) == Errc::corrupt);
  CHECK(sqlite::errc_of(SQLITE_NOTADB, 0) == Errc::corrupt);
  CHECK(sqlite::errc_of(SQLITE_CANTOPEN, ENOENT) == Errc::unavailable);
  CHECK(sqlite::errc_of(SQLITE_CANTOPEN, EACCES) == Errc::unauthorized);
  CHECK(sqlite::errc_of(SQLITE_CANTOPEN, ENOSPC) == Errc::no_space);
  CHECK(sqlite::errc_of(SQLITE_CONSTRAINT_UNIQUE, 0) == Errc::conflict);
  CHECK(sqlite::errc_of(SQLITE_READONLY_DBMOVED, 0) == Errc::unauthorized);
  CHECK(sqlite::errc_of(SQLITE_PERM, 0) == Errc::unauthorized);
  CHECK(sqlite::errc_of(SQLITE_TOOBIG, 0) == Errc::invalid);
  CHECK(sqlite::errc_of(SQLITE_ERROR, 0) == Errc::internal);
  CHECK(sqlite::errc_of(SQLITE_MISUSE, 0) == Errc::internal);
}
