#include <algorithm>
#include <doctest/doctest.h>

#include "core/projected.hpp"
#include "core/records.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a journal that was replaced or set back is noticed") {
  Projection projection;
  projection.deliver(k_one);
  projection.writer->checkpoint().value();
  const std::string copy = projection.dir.read("journal.db");
  projection.deliver(body("session_stop"));
  projection.advance();
  CHECK(projection.reopen() == core::Rebuild::none);

  projection.put_journal_back(copy);
  CHECK(projection.reopen() == core::Rebuild::journal_replaced);
  projection.advance();
  CHECK_FALSE(projection.show().session.ended_at.has_value());
}

TEST_CASE("a set-back journal that grew again is noticed by its chain") {
  Projection projection;
  projection.deliver(k_one);
  projection.writer->checkpoint().value();
  const std::string copy = projection.dir.read("journal.db");
  projection.deliver(body("session_stop"));
  projection.advance();
  projection.put_journal_back(copy);
  projection.deliver(body("roomdrop"));
  CHECK(projection.reopen() == core::Rebuild::journal_replaced);
}

TEST_CASE(
    "a repetition of what ended the process twice is counted, not applied; replay applies it") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  const std::string note = "poison:" + std::to_string(seq.get());
  REQUIRE(projection.catalog->transact([&] { return projection.catalog->set_note(note, "2"); })
              .has_value());
  projection.reopen(true);
  projection.advance();
  projection.deliver(k_one);
  projection.reopen(false);
  projection.advance();
  auto record = projection.catalog->delivery(seq).value();
  REQUIRE(record.has_value());
  CHECK(record->state == DeliveryState::quarantined);
  CHECK(record->duplicates == 1);
  CHECK(projection.show().artifacts.empty());

  projection.record(EntryKind::command, encode(ReplayCommand{{seq}}));
  projection.advance();
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
  CHECK(projection.show().artifacts.size() == 1);
}

TEST_CASE("a receipt noted at two deaths is counted, not applied") {
  for (const std::string deaths : {"1", "2"}) {
    CAPTURE(deaths);
    Projection projection;
    projection.policy.users["narrow"] = {"another"};
    projection.policy.users["wide"] = {"*"};
    const Seq seq = projection.deliver(k_one, "narrow");
    projection.advance();
    REQUIRE(projection.catalog->delivery(seq).value()->state == DeliveryState::quarantined);
    projection.deliver(k_one, "wide");
    REQUIRE(projection.catalog
                ->transact([&] { return projection.catalog->set_note("poison-receipt:1", deaths); })
                .has_value());
    projection.reopen(true);
    projection.advance();
    const auto record = projection.catalog->delivery(seq).value();
    CHECK(record->duplicates == 1);
    CHECK((record->state == DeliveryState::applied) == (deaths == "1"));
    CHECK_FALSE(projection.catalog->note("poison-receipt:1").value().has_value());
  }
}

TEST_CASE("a row noted at two deaths is quarantined as internal") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  const std::string note = "poison:" + std::to_string(seq.get());
  // What two runs left behind that died while they applied this row.
  REQUIRE(projection.catalog->transact([&] { return projection.catalog->set_note(note, "2"); })
              .has_value());
  projection.reopen(true);
  projection.advance();
  const auto record = projection.catalog->delivery(seq).value();
  REQUIRE(record.has_value());
  CHECK(record->state == DeliveryState::quarantined);
  CHECK(record->reason->find("internal") != std::string::npos);
  // The next start does not hold it against the rows that follow.
  projection.deliver(transcoded("1", "1"));
  projection.advance();
  CHECK(projection.show().artifacts.size() == 1);
}

TEST_CASE("trying a row again in one run is no death") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  projection.reopen(true);
  core::Effects effects;
  // The catalog is locked by another connection: applying fails, as on a full disk.
  auto other = sqlite::open_catalog(projection.dir.path("catalog.db")).value();
  CHECK(other
            ->transact([&]() -> Status {
              CHECK_FALSE(
                  projection.projector->advance(projection.policy, effects, 64).has_value());
              return {};
            })
            .has_value());
  for (int run = 0; run < 3; ++run) {
    projection.reopen(false);
  }
  projection.reopen(true);
  projection.advance();
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
}

TEST_CASE("a commit ends with the row that was enough, and the next one goes on behind it") {
  Projection projection;
  for (const char* const type : {"session_start", "session_stop", "roomdrop"})
    projection.deliver(body(type));
  core::Effects effects;
  const auto advance = [&] {
    return projection.projector->advance(projection.policy, effects, 64, [] { return true; })
        .value();
  };
  for (const Seq applied : {Seq(1), Seq(2), Seq(3)}) {
    CHECK(advance());
    CHECK(projection.projector->cursor() == applied);
    CHECK(projection.catalog->position().value()->cursor == applied);
  }
  CHECK_FALSE(advance());
  // So it is with what comes again.
  for (const char* const type : {"session_start", "session_stop", "roomdrop"})
    projection.deliver(body(type));
  for (const std::int64_t receipts : {1, 2, 3}) {
    CHECK(advance());
    CHECK(projection.catalog->position().value()->receipts == receipts);
  }
  CHECK_FALSE(advance());
}

TEST_CASE("what was archived survives a rebuild after its bodies were erased") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  projection.advance();
  CHECK(projection.writer->erase_bodies(k_noon + std::chrono::hours(1)).value() == 1);
  projection.projector.reset();
  projection.catalog.reset();
  REQUIRE(sqlite::remove_catalog(projection.dir.path("catalog.db")).has_value());
  projection.reopen();
  projection.advance();
  const Artifact rebuilt = only(projection.show());
  CHECK(rebuilt.state == ArtifactState::archived);
  CHECK(rebuilt.id == artifact.id);
  CHECK(rebuilt.digest == sha256("bytes"));
}
