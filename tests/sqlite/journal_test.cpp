#include "sqlite/journal.hpp"

#include <algorithm>
#include <condition_variable>
#include <doctest/doctest.h>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "contract/journal_contract.hpp"
#include "crypto/sha256.hpp"
#include "raw.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

struct Fixture {
  TempDir dir;
  std::string path = dir.path("journal.db");
  JournalFixture journal{
      [this] { return sqlite::open_journal_writer(path, {}).value(); },
      [this] { return sqlite::open_journal_reader(path).value(); },
  };
  Fixture() { journal.open_writer(); }
};

std::vector<NewEntry> deliveries(int count) {
  std::vector<NewEntry> entries;
  for (int i = 0; i < count; ++i) {
    entries.push_back(new_entry(EntryKind::delivery, std::to_string(i)));
  }
  return entries;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rows get consecutive numbers and are read back in order") {
  check_append(journal);
}
TEST_CASE_FIXTURE(Fixture, "every byte of a row comes back, whatever it is") {
  check_round_trip(journal);
}
TEST_CASE_FIXTURE(Fixture, "a delivery that comes again leaves a receipt, a command is appended") {
  check_duplicates(journal);
}
TEST_CASE_FIXTURE(Fixture, "a delivery that comes twice in one commit is stored once") {
  check_duplicates_in_one_commit(journal);
}
TEST_CASE_FIXTURE(Fixture, "rows appended together lie together in their order") {
  check_append_all(journal);
}
TEST_CASE_FIXTURE(Fixture, "appends from many threads are all stored once and make one chain") {
  check_concurrent_appends(journal);
}
TEST_CASE_FIXTURE(Fixture, "two writers make one chain") {
  check_two_writers(journal);
}
TEST_CASE_FIXTURE(Fixture, "the end of the journal tells what it holds") {
  check_positions(journal);
}
TEST_CASE_FIXTURE(Fixture, "erased bodies are gone, their digests and the chain stay") {
  check_erase(journal);
}
TEST_CASE_FIXTURE(Fixture, "a probe writes without growing the journal") {
  check_probe(journal);
}
TEST_CASE_FIXTURE(Fixture, "every append is answered, also at shutdown") {
  check_shutdown(journal);
}

TEST_CASE_FIXTURE(Fixture, "appends that arrive during a commit share the next one") {
  constexpr std::size_t k_rows = 64;
  std::mutex mutex;
  std::condition_variable changed;
  bool all_posted = false;
  std::vector<std::size_t> commits;  // guarded by mutex
  std::size_t answered = 0;
  {
    sqlite::JournalOptions options;
    options.committed = [&](std::size_t rows) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return all_posted; });
      commits.push_back(rows);
    };
    const auto writer = sqlite::open_journal_writer(path, options).value();
    for (std::size_t i = 0; i < k_rows; ++i) {
      writer->append(new_entry(EntryKind::delivery, std::to_string(i)),
                     [&](const Result<Appended>& appended) { answered += appended ? 1 : 0; });
    }
    const std::lock_guard lock(mutex);
    all_posted = true;
    changed.notify_all();
  }
  CHECK(answered == k_rows);
  CHECK(std::accumulate(commits.begin(), commits.end(), std::size_t{0}) == k_rows);
  // The first may have taken any part of them; all that came while it was held went into the next.
  CHECK(commits.size() <= 2);
}

TEST_CASE_FIXTURE(Fixture, "a row that is refused does not take the others of its commit with it") {
  raw_sql(path,
          "CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN new.remote = 'bad' BEGIN"
          " SELECT RAISE(ABORT, 'refused'); END");
  const auto writer = journal.open_writer();
  std::vector<NewEntry> entries(5, new_entry(EntryKind::outcome, "good"));
  entries[2].remote = "bad";
  // Together or none ...
  CHECK(writer->append_all(entries).error().code == Errc::conflict);
  CHECK(journal.open_reader()->end()->cursor == Seq(0));
  // ... each for itself.
  std::vector<Result<Appended>> answers;
  std::mutex mutex;
  std::condition_variable changed;
  for (const NewEntry& entry : entries) {
    writer->append(entry, [&](Result<Appended> answer) {
      const std::lock_guard lock(mutex);
      answers.push_back(std::move(answer));
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answers.size() == entries.size(); });
  CHECK(std::count_if(answers.begin(), answers.end(), [](const auto& a) { return bool(a); }) == 4);
  CHECK(answers[2].error().code == Errc::conflict);
  const auto reader = journal.open_reader();
  CHECK(reader->end()->cursor == Seq(4));
  CHECK(reader->verify_chain());
}

TEST_CASE_FIXTURE(Fixture, "a delivery stays known, in memory, in the table and after a start") {
  std::vector<NewEntry> sent;
  std::vector<Seq> rows;
  for (std::size_t life = 0; life < 4; ++life) {
    const auto writer = sqlite::open_journal_writer(path, {.known_in_memory = 8}).value();
    for (std::size_t size = 1; size <= 9; ++size) {
      REQUIRE(writer->append_and_wait(new_entry(EntryKind::command, "the same")));
      std::vector<NewEntry> entries;
      for (std::size_t i = 0; i < size; ++i) {
        entries.push_back(new_entry(EntryKind::delivery, std::to_string(sent.size() + i)));
      }
      const auto first = writer->append_all(entries).value();
      for (const Appended& appended : first) {
        CHECK_FALSE(appended.duplicate);
        rows.push_back(appended.seq);
      }
      sent.insert(sent.end(), entries.begin(), entries.end());
      const auto again = writer->append_all(sent).value();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(again[i].duplicate);
        CHECK(again[i].seq == rows[i]);
      }
    }
  }
  CHECK(unknown_deliveries(path) == "0");
  // All but those in memory, and those of one turn through all digests.
  CHECK(std::stoul(raw_sql(path, "SELECT count(*) FROM delivered").at(0)) >= rows.size() - 20);
  CHECK(raw_sql(path, "SELECT value > 100 FROM meta WHERE key = 'delivered_up_to'").at(0) == "1");
}

TEST_CASE_FIXTURE(Fixture, "what a start has to read stays little, however short the lives are") {
  constexpr int k_lives = 60;
  constexpr std::size_t k_in_memory = 8;
  for (int life = 0; life < k_lives; ++life) {
    const auto writer = sqlite::open_journal_writer(path, {.known_in_memory = k_in_memory}).value();
    for (const char* part : {"a", "b", "c"}) {
      const auto entry = new_entry(EntryKind::delivery, part + std::to_string(life));
      REQUIRE_FALSE(writer->append_and_wait(entry)->duplicate);
    }
  }
  CHECK(unknown_deliveries(path) == "0");
  const auto read = raw_sql(path,
                            "SELECT count(*) FROM entry WHERE seq >"
                            " (SELECT value FROM meta WHERE key = 'delivered_up_to')");
  CHECK(std::stoul(read.at(0)) <= k_in_memory + 3);
}

TEST_CASE_FIXTURE(Fixture, "a damaged table of what was delivered stops no delivery, and is told") {
  const std::vector<NewEntry> entries = deliveries(300);
  const sqlite::JournalOptions few{.known_in_memory = 8};
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all(entries));
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all({entries.at(0)}));
  const auto root = raw_sql(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'delivered'");
  std::string bytes = dir.read("journal.db");
  std::fill_n(bytes.begin() + (std::stol(root.at(0)) - 1) * 4096, 4096, '\x55');
  dir.write("journal.db", bytes);

  auto writer = sqlite::open_journal_writer(path, {}).value();
  for (int i = 0; i < 40; ++i) {
    const auto entry = new_entry(EntryKind::delivery, "new " + std::to_string(i));
    CHECK_FALSE(writer->append_and_wait(entry).value().duplicate);
    CHECK(writer->append_and_wait(entry).value().duplicate);
  }
  CHECK(journal.open_reader()->end()->cursor == Seq(340));
  // Also where some would have to move into it.
  writer = sqlite::open_journal_writer(path, few).value();
  for (int i = 0; i < 40; ++i) {
    const auto entry = new_entry(EntryKind::delivery, "newer " + std::to_string(i));
    CHECK_FALSE(writer->append_and_wait(entry).value().duplicate);
  }
  CHECK(journal.open_reader()->end()->cursor == Seq(380));
  CHECK(journal.open_reader()->verify_chain().error().code == Errc::corrupt);
}

TEST_CASE_FIXTURE(Fixture, "a delivery whose row was lost is taken again") {
  const std::vector<NewEntry> entries = deliveries(30);
  const sqlite::JournalOptions few{.known_in_memory = 8};
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all(entries));
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all({entries.at(0)}));
  raw_sql(path, "DELETE FROM body WHERE seq = 3; DELETE FROM entry WHERE seq = 3");
  const auto writer = sqlite::open_journal_writer(path, few).value();
  CHECK_FALSE(writer->append_and_wait(entries.at(2)).value().duplicate);
  CHECK(writer->append_and_wait(entries.at(2)).value().seq == Seq(31));
  // A mark that was lost with it begins anew.
  raw_sql(path, "DELETE FROM meta WHERE key = 'delivered_up_to'");
  const auto again = sqlite::open_journal_writer(path, few).value()->append_all(entries).value();
  for (const Appended& appended : again) CHECK(appended.duplicate);
  CHECK(raw_sql(path, "SELECT value > 0 FROM meta WHERE key = 'delivered_up_to'").at(0) == "1");
}

TEST_CASE_FIXTURE(Fixture,
                  "a table of what was delivered that lacks some is told and filled anew") {
  const std::vector<NewEntry> entries = deliveries(30);
  const sqlite::JournalOptions few{.known_in_memory = 8};
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all(entries));
  REQUIRE(sqlite::open_journal_writer(path, few).value()->append_all({entries.at(0)}));
  REQUIRE(journal.open_reader()->verify_chain());
  raw_sql(path, "DELETE FROM delivered WHERE seq IN (3, 7)");
  const Status lacking = journal.open_reader()->verify_chain();
  REQUIRE_FALSE(lacking);
  CHECK(lacking.error().message.find("lacks 2 deliveries") != std::string::npos);
  raw_sql(path, "UPDATE meta SET value = 0 WHERE key = 'delivered_up_to'");
  const auto again = sqlite::open_journal_writer(path, few).value()->append_all(entries).value();
  for (const Appended& appended : again) CHECK(appended.duplicate);
  CHECK(journal.open_reader()->verify_chain());
}

TEST_CASE_FIXTURE(Fixture, "what another writer moved into the table is known to both") {
  const auto one = sqlite::open_journal_writer(path, {.known_in_memory = 2}).value();
  const auto other = sqlite::open_journal_writer(path, {.known_in_memory = 3}).value();
  for (int i = 0; i < 60; ++i) {
    const auto& [first, second] = i % 3 == 0 ? std::tie(other, one) : std::tie(one, other);
    const auto entry = new_entry(EntryKind::delivery, std::to_string(i));
    CHECK_FALSE(first->append_and_wait(entry)->duplicate);
    CHECK(second->append_and_wait(entry)->duplicate);
  }
  for (int i = 0; i < 60; ++i) {
    const auto entry = new_entry(EntryKind::delivery, std::to_string(i));
    CHECK(one->append_and_wait(entry)->duplicate);
    CHECK(other->append_and_wait(entry)->duplicate);
  }
  CHECK(unknown_deliveries(path) == "0");
}

TEST_CASE_FIXTURE(Fixture, "a journal is readable by its owner alone") {
  const auto writer = journal.open_writer();
  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "x")));
  for (const char* name : {"journal.db", "journal.db-wal", "journal.db-shm"}) {
    CAPTURE(name);
    CHECK(dir.mode(name) == 0600);
  }
}

TEST_CASE_FIXTURE(Fixture, "a journal can be read when nobody writes and its -wal is gone") {
  REQUIRE(journal.open_writer()->append_and_wait(new_entry(EntryKind::delivery, "x")));
  CHECK_FALSE(dir.exists("journal.db-wal"));
  CHECK(journal.open_reader()->end()->cursor == Seq(1));
}

TEST_CASE_FIXTURE(Fixture, "two journals have different identities") {
  const auto other = dir.path("other.db");
  REQUIRE(sqlite::open_journal_writer(other, {}));
  const auto id = journal.open_reader()->id().value();
  CHECK(id.size() == 36);
  CHECK(id != sqlite::open_journal_reader(other).value()->id().value());
}

TEST_CASE_FIXTURE(Fixture, "a journal set back to an older copy shows another chain") {
  {
    const auto writer = journal.open_writer();
    REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "1")));
    REQUIRE(writer->checkpoint());
  }
  const std::string copy = dir.read("journal.db");
  REQUIRE(journal.open_writer()->append_and_wait(new_entry(EntryKind::delivery, "2")));
  const auto known = journal.open_reader()->end().value();
  dir.write("journal.db", copy);
  const auto back = journal.open_reader()->end().value();
  CHECK(back.journal_id == known.journal_id);
  CHECK(back.cursor == Seq(1));
  REQUIRE(journal.open_writer()->append_and_wait(new_entry(EntryKind::delivery, "other 2")));
  CHECK(journal.open_reader()->chain_at(known.cursor).value().value() != known.chain);
}

TEST_CASE_FIXTURE(Fixture, "a changed, removed or exchanged row breaks the chain and is named") {
  const std::vector<NewEntry> entries = deliveries(100);
  REQUIRE(journal.open_writer()->append_all(entries));
  REQUIRE(journal.open_reader()->verify_chain());
  const char* tampering = "";
  const char* row = "row 70";
  SUBCASE("field") {
    tampering = "UPDATE entry SET user = 'else' WHERE seq = 70";
  }
  SUBCASE("time") {
    tampering = "UPDATE entry SET received_at = received_at + 1 WHERE seq = 70";
  }
  SUBCASE("kind") {
    tampering = "UPDATE entry SET kind = 'outcome' WHERE seq = 70";
  }
  SUBCASE("body") {
    tampering = "UPDATE body SET bytes = x'00' WHERE seq = 70";
  }
  SUBCASE("removed") {
    tampering = "DELETE FROM body WHERE seq = 70; DELETE FROM entry WHERE seq = 70";
    row = "row 71";
  }
  raw_sql(path, tampering);
  const auto verified = journal.open_reader()->verify_chain();
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == Errc::corrupt);
  CHECK(verified.error().message.find(row) != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "erased bodies are not left in the file") {
  const std::string needle = "a participant's name";
  {
    const auto writer = journal.open_writer();
    REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, needle)));
    std::string large;
    while (large.size() < 20000) large += needle;
    REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, large)));
    REQUIRE(writer->checkpoint());
    REQUIRE(dir.read("journal.db").find(needle) != std::string::npos);
    const auto later = Timestamp(Duration(4'000'000'000'000));
    CHECK(writer->erase_bodies(later).value() == 2);
  }
  CHECK(dir.read("journal.db").find(needle) == std::string::npos);
}
