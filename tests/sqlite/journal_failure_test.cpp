#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "contract/journal_contract.hpp"
#include "faulty_disk.hpp"
#include "raw.hpp"
#include "sqlite/journal.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

struct Fixture {
  TempDir dir;
  std::string path = dir.path("journal.db");
  Fixture() { install_faulty_disk(); }

  [[nodiscard]] std::unique_ptr<JournalWriter> open(sqlite::JournalOptions options = {}) const {
    auto writer = sqlite::open_journal_writer(path, std::move(options)).value();
    REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "before")));
    return writer;
  }
  [[nodiscard]] std::int64_t rows() const {
    const auto reader = sqlite::open_journal_reader(path).value();
    CHECK(reader->verify_chain());
    return reader->end()->cursor.get();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a commit that meets a full disk is tried again with the reserve") {
  std::atomic<int> asked = 0;
  const auto writer = open({.release_reserve = [&] {
    ++asked;
    FaultyDisk::set(Fault::none);
    return true;
  }});
  const FaultyDisk full(Fault::full);
  CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, "x")).value().seq == Seq(2));
  CHECK(asked == 1);
  CHECK(rows() == 2);
}

TEST_CASE_FIXTURE(Fixture, "without a reserve a full disk is told, and nothing is half written") {
  std::atomic<int> asked = 0;
  const auto writer = open({.release_reserve = [&] {
    ++asked;
    return false;
  }});
  {
    const FaultyDisk full(Fault::full);
    for (int i = 0; i < 3; ++i) {
      const auto body = "x" + std::to_string(i);
      CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, body)).error().code ==
            Errc::no_space);
    }
    CHECK(writer->append_all({new_entry(EntryKind::outcome, "o")}).error().code == Errc::no_space);
    CHECK(asked == 4);
    CHECK(writer->probe().error().code == Errc::no_space);
    // A probe leaves the reserve to deliveries.
    CHECK(asked == 4);
  }
  CHECK(rows() == 1);
  CHECK(writer->probe());
  const auto appended = writer->append_and_wait(new_entry(EntryKind::delivery, "x0"));
  REQUIRE(appended);
  CHECK(appended->seq == Seq(2));
  CHECK_FALSE(appended->duplicate);
  CHECK(rows() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a reserve that does not help is not asked for twice by one commit") {
  std::atomic<int> asked = 0;
  const auto writer = open({.release_reserve = [&] { return ++asked < 10; }});
  const FaultyDisk full(Fault::full);
  CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, "x")).error().code ==
        Errc::no_space);
  CHECK(asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "a disk that fails makes the journal unavailable until it works again") {
  const auto writer = open();
  Fault fault = Fault::write_error;
  SUBCASE("writing") {
    fault = Fault::write_error;
  }
  SUBCASE("syncing") {
    fault = Fault::sync_error;
  }
  {
    const FaultyDisk failing(fault);
    CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, "x")).error().code ==
          Errc::unavailable);
    CHECK(writer->probe().error().code == Errc::unavailable);
  }
  CHECK(rows() == 1);
  CHECK_FALSE(writer->append_and_wait(new_entry(EntryKind::delivery, "x")).value().duplicate);
  CHECK(rows() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a commit that fails leaves what is known as it was") {
  const auto writer = open({.known_in_memory = 4});
  std::vector<NewEntry> sent{new_entry(EntryKind::delivery, "before")};
  for (int i = 0; i < 40; ++i) {
    const auto entry = new_entry(EntryKind::delivery, std::to_string(i));
    {
      const FaultyDisk failing(i % 2 == 0 ? Fault::write_error : Fault::sync_error);
      CHECK_FALSE(writer->append_and_wait(entry));
    }
    CHECK_FALSE(writer->append_and_wait(entry).value().duplicate);
    sent.push_back(entry);
    const auto again = writer->append_all(sent).value();
    for (const Appended& appended : again) CHECK(appended.duplicate);
  }
  CHECK(rows() == 41);
  CHECK(unknown_deliveries(path) == "0");
}

TEST_CASE_FIXTURE(Fixture, "a quota that is used up is a full disk: the reserve is asked for") {
  Fault fault = Fault::quota_on_write;
  SUBCASE("writing") {
    fault = Fault::quota_on_write;
  }
  SUBCASE("syncing") {
    fault = Fault::quota_on_sync;
  }
  std::atomic<int> asked = 0;
  const auto writer = open({.release_reserve = [&] {
    ++asked;
    return false;
  }});
  {
    const FaultyDisk full(fault);
    const Error refused = writer->append_and_wait(new_entry(EntryKind::delivery, "x")).error();
    CHECK(refused.code == Errc::no_space);
    CHECK(refused.message.find("quota") != std::string::npos);
    CHECK(asked == 1);
  }
  CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, "x")));
  // The cause of one failure is not told of the next.
  const FaultyDisk failing(Fault::sync_error);
  const Error refused = writer->append_and_wait(new_entry(EntryKind::delivery, "y")).error();
  CHECK(refused.code == Errc::unavailable);
  CHECK(refused.message.find("quota") == std::string::npos);
}
