#include "sqlite/catalog.hpp"

#include <doctest/doctest.h>
#include <string>

#include "contract/catalog_contract.hpp"
#include "faulty_disk.hpp"
#include "raw.hpp"
#include "sqlite/catalog_listing.hpp"
#include "sqlite/catalog_queue.hpp"
#include "sqlite/catalog_rows.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

struct Fixture {
  TempDir dir;
  std::string path = dir.path("catalog.db");
  std::unique_ptr<Catalog> opened;
  Fixture() {
    install_faulty_disk();
    opened = sqlite::open_catalog(path).value();
  }
  [[nodiscard]] CatalogFixture catalog() const {
    return {*opened, [this] { return sqlite::open_catalog_reader(path).value(); }};
  }
  [[nodiscard]] std::string plan(std::string_view sql) const {
    return query_plan(path, std::string(sql));
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an error undoes exactly its own transaction's writes") {
  check_transactions(catalog());
}
TEST_CASE_FIXTURE(Fixture, "position and notes are kept") {
  check_position_and_notes(catalog());
}
TEST_CASE_FIXTURE(Fixture, "a delivery's record is replaced as a whole") {
  check_deliveries(catalog());
}
TEST_CASE_FIXTURE(Fixture, "every field of every value comes back") {
  check_values_come_back(catalog());
}
TEST_CASE_FIXTURE(Fixture, "artifacts are found by session, source, name, identity and id") {
  check_lookups(catalog());
}
TEST_CASE_FIXTURE(Fixture, "an identity, an id or a folded path is taken once") {
  check_conflicts(catalog());
}
TEST_CASE_FIXTURE(Fixture, "an artifact has one replica per location") {
  check_replicas(catalog());
}
TEST_CASE_FIXTURE(Fixture, "a pushed file is known once, as last told") {
  check_pushed_files(catalog());
}
TEST_CASE_FIXTURE(Fixture, "verified replicas are read back in the order in which they are due") {
  check_audits(catalog());
}
TEST_CASE_FIXTURE(Fixture, "pushed files are looked at in the order in which they are due") {
  check_looks(catalog());
}
TEST_CASE_FIXTURE(Fixture, "whose copies lie where the provider pushes to is known") {
  check_delivered_to(catalog());
}
TEST_CASE_FIXTURE(Fixture, "a lane is listed while it has claimable work") {
  check_lanes(catalog());
}
TEST_CASE_FIXTURE(Fixture, "claimable work of a lane comes earliest deadline first") {
  check_claimable(catalog());
}
TEST_CASE_FIXTURE(Fixture, "what waits becomes claimable when its time has come") {
  check_release(catalog());
}
TEST_CASE_FIXTURE(Fixture, "artifacts are paged by state and by being in hand") {
  check_in_hand_and_states(catalog());
}
TEST_CASE_FIXTURE(Fixture, "staging is needed by work, refetches and what is quarantined") {
  check_staging(catalog());
}
TEST_CASE_FIXTURE(Fixture, "clearing removes all that is derived, within its transaction") {
  check_clear(catalog());
}
TEST_CASE_FIXTURE(Fixture, "sessions are listed newest first, filtered and continued") {
  check_session_listing(catalog());
}
TEST_CASE_FIXTURE(Fixture, "a listed session's figures are those of its artifacts") {
  check_session_states(catalog());
}
TEST_CASE_FIXTURE(Fixture, "deliveries are listed newest first, filtered and continued") {
  check_delivery_listing(catalog());
}
TEST_CASE_FIXTURE(Fixture, "a session is found with all that belongs to it") {
  check_find(catalog());
}
TEST_CASE_FIXTURE(Fixture, "the figures follow every change") {
  check_figures(catalog());
}
TEST_CASE_FIXTURE(Fixture, "as many replicas are told as there are to read back") {
  check_replica_total(catalog());
}
TEST_CASE_FIXTURE(Fixture, "what is taken back is not counted") {
  const auto add = [&](const std::string& number) {
    Artifact artifact;
    const Session session =
        opened->put_session({.key = {AppId("a"), ConfNum("c" + number)}}).value();
    artifact.session_row = session.row;
    artifact.identity.session = session.key;
    artifact.identity.source_key = SourceKey(number);
    artifact.id = ArtifactId("id-" + number);
    artifact = opened->put_artifact(artifact).value();
    REQUIRE(opened->put_replica(artifact.row,
                                Replica{.store = {}, .path = {}, .location = "/" + number}));
    return artifact.row;
  };
  const auto counted = [&] {
    const CatalogFigures figures = catalog().open_reader()->figures().value();
    std::pair<std::int64_t, std::int64_t> sums;
    for (const auto& [state, count] : figures.artifacts) sums.first += count;
    for (const auto& [state, count] : figures.replicas) sums.second += count;
    return sums;
  };
  const Error refusal{Errc::internal, "taken back"};
  REQUIRE(opened->transact([&]() -> Status {
    add("1");
    const Status inner = opened->transact([&]() -> Status {
      add("2");
      return refusal;
    });
    CHECK_FALSE(inner);
    return {};
  }));
  CHECK(counted() == std::pair<std::int64_t, std::int64_t>(1, 1));
  CHECK_FALSE(opened->transact([&]() -> Status {
    add("3");
    return refusal;
  }));
  REQUIRE(opened->transact([&]() -> Status {
    const ArtifactRow row = add("4");
    return opened->remove_artifact(row);
  }));
  CHECK(counted() == std::pair<std::int64_t, std::int64_t>(1, 1));
}
TEST_CASE_FIXTURE(Fixture, "of each artifact the newest attempts are remembered") {
  check_attempts(catalog());
}
TEST_CASE_FIXTURE(Fixture, "the sources still wanted come earliest deadline first") {
  check_queue_of_sources(catalog());
}
TEST_CASE_FIXTURE(Fixture, "readers and the writer do not wait for each other") {
  check_reading_while_writing(catalog());
}

TEST_CASE_FIXTURE(Fixture, "the queue is served by indices that hold the queue alone") {
  // 50,000 planned artifacts of one paused project, past the ones that may be claimed.
  AnyValue any(31);
  REQUIRE(opened->transact([&]() -> Status {
    Session session = any.session();
    session.key.app_id = AppId("paused");
    REELKEEP_ASSIGN(session, opened->put_session(session));
    Artifact artifact = any.artifact(session);
    artifact.state = ArtifactState::planned;
    artifact.in_hand = false;
    artifact.path.clear();
    artifact.host = "h:1";
    REELKEEP_ASSIGN(artifact, opened->put_artifact(artifact));
    return {};
  }));
  const auto columns = raw_sql(path, "SELECT name FROM pragma_table_info('artifact')");
  std::string target;
  std::string source;
  for (const std::string& column : columns) {
    if (column == "row") continue;
    target += (target.empty() ? "" : ", ") + column;
    source += source.empty() ? "" : ", ";
    if (column == "source_key" || column == "id")
      source += "n.value";
    else
      source += column;
  }
  raw_sql(path, "INSERT INTO artifact(" + target + ") SELECT " + source +
                    " FROM artifact, (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value"
                    " + 1 FROM c WHERE value < 50000) SELECT value FROM c) AS n");
  const Lane paused{AppId("paused"), "h:1"};
  CHECK(opened->lanes().value() == std::vector{paused});
  CHECK(opened->claimable(paused, 5).value().size() == 5);

  using namespace sqlite;
  // A comparison of (app_id, host) at once would read the whole lane that it begins at.
  const std::string hosts = plan(k_next_host);
  CHECK(contains(hosts, "INDEX artifact_claim (app_id=? AND host>?)"));
  CHECK_FALSE(contains(hosts, "TEMP B-TREE"));
  const std::string projects = plan(k_next_project);
  CHECK(contains(projects, "INDEX artifact_claim (app_id>?)"));
  CHECK_FALSE(contains(projects, "TEMP B-TREE"));
  const std::string claimable = plan(k_claimable);
  CHECK(contains(claimable, "INDEX artifact_claim (app_id=? AND host=?)"));
  CHECK_FALSE(contains(claimable, "TEMP B-TREE"));
  const std::string release = plan(k_release_due);
  CHECK(contains(release, "SEARCH artifact USING INTEGER PRIMARY KEY (rowid=?)"));
  CHECK(contains(release, "INDEX artifact_due (due_at>? AND due_at<?)"));
  CHECK_FALSE(contains(release, "TEMP B-TREE"));
  CHECK(contains(plan(k_bring_forward), "INDEX artifact_due (due_at>?)"));
  CHECK(contains(plan(k_next_due), "SEARCH artifact USING COVERING INDEX artifact_due"));
  CHECK(contains(plan(k_pending_of_store), "SEARCH pending_put USING INDEX pending_put_due"));
  CHECK_FALSE(contains(plan(k_pending_of_store), "TEMP B-TREE"));
  CHECK(contains(plan(k_next_pending), "SEARCH pending_put USING COVERING INDEX pending_put_due"));
  const std::string state = plan(select_artifacts(k_in_state));
  CHECK(contains(state, "INDEX artifact_state (state=? AND rowid>?)"));
  CHECK_FALSE(contains(state, "TEMP B-TREE"));
  const std::string in_hand = plan(select_artifacts(k_in_hand));
  CHECK(contains(in_hand, "INDEX artifact_in_hand (row>?)"));
  CHECK_FALSE(contains(in_hand, "TEMP B-TREE"));
  for (const std::string_view sql : {k_needs_staging, k_knows_staging}) {
    CHECK(contains(plan(sql), "INDEX artifact_id (id=?)"));
    CHECK(contains(plan(sql), "INDEX artifact_renamed (staging_name=?)"));
  }
  CHECK(contains(plan(k_delivered_to), "INDEX replica_delivered (location=?)"));
  const std::string figures = plan(k_figures);
  CHECK(contains(figures, "INDEX artifact_known"));
  CHECK(contains(figures, "INDEX artifact_deadline"));
  const std::string queue = plan(k_queue);
  CHECK(contains(queue, "COVERING INDEX artifact_deadline"));
  CHECK_FALSE(contains(queue, "TEMP B-TREE"));
}

TEST_CASE_FIXTURE(Fixture, "a listing never sorts and reads no artifact") {
  for (const char* state : {"", "lost", "overdue", "waiting", "open", "complete"}) {
    for (const bool app : {false, true}) {
      ListFilter filter;
      if (*state != '\0') filter.state = state;
      if (app) filter.app_id = AppId("a");
      const auto sql = sqlite::SessionListing(filter, Timestamp{}).sql();
      CAPTURE(sql);
      const std::string found = plan(sql);
      CAPTURE(found);
      CHECK_FALSE(contains(found, "TEMP B-TREE"));
      CHECK_FALSE(contains(found, "artifact"));
      CHECK_FALSE(contains(found, "SCAN"));
    }
  }
  for (const char* state : {"", "applied", "of a session"}) {
    ListFilter filter;
    if (std::string_view(state) == "of a session") {
      filter.conf_num = ConfNum("c");
      CHECK(contains(plan(sqlite::DeliveryListing(filter).sql()), "INDEX delivery_session"));
    }
    if (*state != '\0') filter.state = state;
    CHECK_FALSE(contains(plan(sqlite::DeliveryListing(filter).sql()), "TEMP B-TREE"));
    CHECK_FALSE(contains(plan(sqlite::DeliveryListing(filter).sql()), "SCAN"));
  }
}

TEST_CASE_FIXTURE(Fixture, "what was committed is there after opening again") {
  REQUIRE(opened->transact([&] { return opened->set_note("k", "v"); }));
  opened.reset();
  CHECK(sqlite::open_catalog_reader(path));
  opened = sqlite::open_catalog(path).value();
  CHECK(opened->note("k").value() == "v");
  CHECK(dir.mode("catalog.db") == 0600);
}

TEST_CASE_FIXTURE(Fixture,
                  "a transaction that meets a full disk changes nothing and may be tried again") {
  const auto work = [&]() -> Status {
    REELKEEP_TRY(opened->set_note("k", std::string(100'000, 'x')));
    return opened->set_note("l", "y");
  };
  {
    const FaultyDisk full(Fault::full);
    CHECK(opened->transact(work).error().code == Errc::no_space);
    CHECK(opened->transact([&] { return opened->transact(work); }).error().code == Errc::no_space);
  }
  CHECK(opened->notes("").value().empty());
  CHECK(opened->transact(work));
  CHECK(opened->notes("").value().size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a transaction that the database gave up takes no further writes") {
  // More than the page cache holds: pages are written, and refused, before the commit.
  const std::string large(1U << 20U, 'x');
  const Status done = opened->transact([&]() -> Status {
    const FaultyDisk full(Fault::full);
    Status written;
    for (int i = 0; i < 64 && written; ++i) written = opened->set_note(std::to_string(i), large);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == Errc::no_space);
    FaultyDisk::set(Fault::none);
    CHECK(opened->set_note("alone", "x").error().code == Errc::unavailable);
    CHECK(opened->transact([] { return Status{}; }).error().code == Errc::unavailable);
    return {};
  });
  CHECK(done.error().code == Errc::unavailable);
  CHECK(opened->notes("").value().empty());
  CHECK(opened->transact([&] { return opened->set_note("k", "v"); }));
}

TEST_CASE_FIXTURE(Fixture, "a word that nobody wrote is called damage") {
  REQUIRE(opened->transact([&] { return opened->put_delivery({.seq = Seq(1)}); }));
  raw_sql(path, "UPDATE delivery SET state = 'strange'");
  CHECK(opened->delivery(Seq(1)).error().code == Errc::corrupt);
}
