#include "contract/journal_contract.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <latch>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crypto/sha256.hpp"

namespace reelkeep::testing {

namespace {

Timestamp at(std::int64_t ms) {
  return Timestamp(Duration(1'700'000'000'000 + ms));
}

std::vector<Entry> all_entries(JournalReader& reader) {
  return reader.read(Seq(0), 1'000'000).value();
}

}  // namespace

NewEntry new_entry(EntryKind kind, std::string body) {
  return NewEntry{.kind = kind,
                  .received_at = at(0),
                  .body = std::move(body),
                  .remote = "192.0.2.1",
                  .user = "enablex",
                  .content_type = "application/json"};
}

void check_append(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  const auto first = writer->append_and_wait(new_entry(EntryKind::delivery, "one"));
  const auto second = writer->append_and_wait(new_entry(EntryKind::outcome, "two"));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->seq == Seq(1));
  CHECK(second->seq == Seq(2));
  CHECK_FALSE(first->duplicate);

  const auto reader = fixture.open_reader();
  CHECK(all_entries(*reader).size() == 2);
  const auto after = reader->read(Seq(1), 10).value();
  REQUIRE(after.size() == 1);
  CHECK(after[0].body == "two");
  CHECK(reader->read(Seq(0), 1).value().size() == 1);
  CHECK(reader->find(Seq(2)).value()->kind == EntryKind::outcome);
  CHECK_FALSE(reader->find(Seq(3)).value().has_value());
  CHECK(reader->verify_chain());
}

void check_round_trip(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<char>(i));
  const std::vector<NewEntry> entries{
      {EntryKind::delivery, at(1), every_byte, "2001:db8::1", every_byte, "text/\xff\0x"},
      {EntryKind::reconcile, at(-1), "", "", "", ""},
      {EntryKind::command, at(5), std::string(3 << 20, 'x'), "r", "u", "c"},
      {EntryKind::outcome, Timestamp(Duration(-1)), std::string("a\0b", 3), "r", "u", "c"},
  };
  for (const NewEntry& entry : entries) REQUIRE(writer->append_and_wait(entry));
  const auto reader = fixture.open_reader();
  const auto found = all_entries(*reader);
  REQUIRE(found.size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CHECK(found[i].kind == entries[i].kind);
    CHECK(found[i].received_at == entries[i].received_at);
    CHECK(found[i].digest == sha256(entries[i].body));
    CHECK(found[i].remote == entries[i].remote);
    CHECK(found[i].user == entries[i].user);
    CHECK(found[i].content_type == entries[i].content_type);
    REQUIRE(found[i].body.has_value());
    CHECK((*found[i].body == entries[i].body));
  }
  CHECK(reader->verify_chain());
}

void check_duplicates(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "other")));
  NewEntry entry = new_entry(EntryKind::delivery, "same");
  REQUIRE(writer->append_and_wait(entry)->seq == Seq(2));
  entry.received_at = at(7);
  entry.remote = "198.51.100.2";
  entry.user = "second";
  const auto again = writer->append_and_wait(entry);
  REQUIRE(again);
  CHECK(again->duplicate);
  CHECK(again->seq == Seq(2));
  // Only a delivery is known by its body: a wish may be repeated, and share a delivery's bytes.
  for (int i = 0; i < 2; ++i) {
    const auto command = writer->append_and_wait(new_entry(EntryKind::command, "same"));
    REQUIRE(command);
    CHECK_FALSE(command->duplicate);
  }
  CHECK(writer->append_and_wait(new_entry(EntryKind::delivery, "same"))->duplicate);

  const auto reader = fixture.open_reader();
  // A receipt takes no number.
  CHECK(reader->end()->cursor == Seq(4));
  CHECK(all_entries(*reader).size() == 4);
  CHECK(reader->duplicates(Seq(2)).value() == 2);
  CHECK(reader->duplicates(Seq(1)).value() == 0);
  const auto receipts = reader->receipts(0, 10).value();
  REQUIRE(receipts.size() == 2);
  CHECK(receipts[0].seq == Seq(2));
  CHECK(receipts[0].received_at == at(7));
  CHECK(receipts[0].remote == "198.51.100.2");
  CHECK(receipts[0].user == "second");
  CHECK(reader->receipts(receipts[0].id, 10).value().size() == 1);
  CHECK(reader->receipts(0, 1).value().size() == 1);
  CHECK(reader->find(Seq(2)).value()->received_at == at(0));
  CHECK(reader->verify_chain());
}

void check_duplicates_in_one_commit(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  const auto appended =
      writer->append_all({new_entry(EntryKind::delivery, "a"), new_entry(EntryKind::delivery, "b"),
                          new_entry(EntryKind::delivery, "a")});
  REQUIRE(appended);
  CHECK((*appended)[2].duplicate);
  CHECK((*appended)[2].seq == (*appended)[0].seq);
  CHECK(fixture.open_reader()->duplicates(Seq(1)).value() == 1);
  CHECK(fixture.open_reader()->verify_chain());
}

void check_append_all(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  CHECK(writer->append_all({}).value().empty());
  std::vector<NewEntry> entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back(new_entry(EntryKind::outcome, "outcome " + std::to_string(i)));
  }
  const auto appended = writer->append_all(entries);
  REQUIRE(appended);
  REQUIRE(appended->size() == entries.size());
  const auto found = all_entries(*fixture.open_reader());
  REQUIRE(found.size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CHECK((*appended)[i].seq == found[i].seq);
    CHECK(found[i].body == entries[i].body);
  }
}

void check_concurrent_appends(const JournalFixture& fixture) {
  constexpr int k_threads = 16;
  constexpr int k_each = 25;
  const auto writer = fixture.open_writer();
  std::latch start(k_threads);
  std::mutex mutex;
  std::set<std::int64_t> seqs;  // guarded by mutex
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < k_threads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int i = 0; i < k_each; ++i) {
        const auto body = std::to_string(t) + "/" + std::to_string(i);
        const auto appended = writer->append_and_wait(new_entry(EntryKind::delivery, body));
        if (!appended || appended->duplicate) {
          ++failures;
          continue;
        }
        const std::lock_guard lock(mutex);
        seqs.insert(appended->seq.get());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(seqs.size() == k_threads * k_each);
  const auto reader = fixture.open_reader();
  CHECK(all_entries(*reader).size() == k_threads * k_each);
  CHECK(reader->verify_chain());
}

void check_two_writers(const JournalFixture& fixture) {
  const auto agent = fixture.open_writer();
  const auto command = fixture.open_writer();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(agent->append_and_wait(new_entry(EntryKind::delivery, "d" + std::to_string(i))));
    REQUIRE(command->append_and_wait(new_entry(EntryKind::command, "c" + std::to_string(i))));
  }
  CHECK(command->append_and_wait(new_entry(EntryKind::delivery, "d3"))->duplicate);
  const auto reader = fixture.open_reader();
  CHECK(all_entries(*reader).size() == 40);
  CHECK(reader->verify_chain());
}

void check_positions(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  const auto reader = fixture.open_reader();
  const auto empty = reader->end().value();
  CHECK(empty.cursor == Seq(0));
  CHECK(empty.chain == Digest{});
  CHECK(empty.receipts == 0);
  CHECK_FALSE(empty.journal_id.empty());
  CHECK(empty.journal_id == reader->id().value());
  CHECK(reader->verify_chain());

  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "x")));
  const auto first = reader->end().value();
  CHECK(first.cursor == Seq(1));
  CHECK(first.chain != Digest{});
  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "y")));
  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "x")));
  const auto last = reader->end().value();
  CHECK(last.cursor == Seq(2));
  CHECK(last.receipts == 1);
  CHECK(last.chain != first.chain);
  CHECK(reader->chain_at(Seq(1)).value() == first.chain);
  CHECK(reader->chain_at(Seq(2)).value() == last.chain);
  CHECK_FALSE(reader->chain_at(Seq(3)).value().has_value());
  CHECK_FALSE(reader->chain_at(Seq(0)).value().has_value());
  CHECK(reader->id().value() == empty.journal_id);
}

void check_erase(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  constexpr int k_old = 450;
  std::vector<NewEntry> entries;
  for (int i = 0; i < k_old; ++i) {
    entries.push_back(new_entry(EntryKind::delivery, "old " + std::to_string(i)));
  }
  NewEntry young = new_entry(EntryKind::delivery, "young");
  young.received_at = at(10);
  entries.push_back(young);
  REQUIRE(writer->append_all(entries));
  const auto reader = fixture.open_reader();
  const auto before = reader->end().value();

  CHECK(writer->erase_bodies(at(10)).value() == k_old);
  CHECK(writer->erase_bodies(at(10)).value() == 0);
  const auto found = all_entries(*reader);
  REQUIRE(found.size() == entries.size());
  for (int i = 0; i < k_old; ++i) CHECK_FALSE(found[static_cast<std::size_t>(i)].body.has_value());
  CHECK(found.back().body == "young");
  CHECK(found.front().digest == sha256("old 0"));
  CHECK(reader->end().value() == before);
  CHECK(reader->verify_chain());
  // An erased body is still known.
  const auto again = writer->append_and_wait(new_entry(EntryKind::delivery, "old 7"));
  CHECK(again->duplicate);
  CHECK(again->seq == Seq(8));
  CHECK_FALSE(reader->find(Seq(8)).value()->body.has_value());
}

void check_probe(const JournalFixture& fixture) {
  const auto writer = fixture.open_writer();
  const auto reader = fixture.open_reader();
  REQUIRE(writer->append_and_wait(new_entry(EntryKind::delivery, "x")));
  const auto before = reader->end().value();
  for (int i = 0; i < 3; ++i) CHECK(writer->probe());
  CHECK(reader->end().value() == before);
  CHECK(writer->checkpoint());
}

void check_shutdown(const JournalFixture& fixture) {
  constexpr int k_rows = 600;
  std::atomic<int> written = 0;
  std::atomic<int> cancelled = 0;
  {
    const auto writer = fixture.open_writer();
    for (int i = 0; i < k_rows; ++i) {
      writer->append(new_entry(EntryKind::delivery, std::to_string(i)),
                     [&](const Result<Appended>& appended) {
                       if (appended)
                         ++written;
                       else if (appended.error().code == Errc::cancelled)
                         ++cancelled;
                     });
    }
  }
  CHECK(written + cancelled == k_rows);
  CHECK(all_entries(*fixture.open_reader()).size() == static_cast<std::size_t>(written));
}

}  // namespace reelkeep::testing
