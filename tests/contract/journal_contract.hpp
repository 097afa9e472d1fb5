#pragma once

#include <functional>
#include <memory>

#include "reelkeep/port/journal.hpp"

namespace reelkeep::testing {

/// What a suite needs to know of an implementation. Everything opened by one fixture sees one
/// journal, which is empty at first.
struct JournalFixture {
  std::function<std::unique_ptr<JournalWriter>()> open_writer;
  std::function<std::unique_ptr<JournalReader>()> open_reader;
};

NewEntry new_entry(EntryKind kind, std::string body);

/// The behaviour that every journal has; called inside a doctest TEST_CASE, once per case with a
/// fresh fixture.
void check_append(const JournalFixture& fixture);
void check_round_trip(const JournalFixture& fixture);
void check_duplicates(const JournalFixture& fixture);
void check_duplicates_in_one_commit(const JournalFixture& fixture);
void check_append_all(const JournalFixture& fixture);
void check_concurrent_appends(const JournalFixture& fixture);
void check_two_writers(const JournalFixture& fixture);
void check_positions(const JournalFixture& fixture);
void check_erase(const JournalFixture& fixture);
void check_probe(const JournalFixture& fixture);
void check_shutdown(const JournalFixture& fixture);

}  // namespace reelkeep::testing
