// A catalog that an older version filled says the same once it is migrated.
#include <algorithm>
#include <doctest/doctest.h>

#include "cli/documents.hpp"
#include "sqlite/catalog_schema.hpp"
#include "sqlite/raw.hpp"
#include "state_fixture.hpp"

namespace reelkeep::cli {
namespace {

using testing::at;
using testing::raw_sql;
using testing::StateFixture;
using testing::TempDir;

const Timestamp k_now = at("2026-01-03T00:00:00Z");
constexpr std::size_t k_tells_causes = 5;  ///< the schema from which on replicas have them
constexpr std::size_t k_counts_itself = 12;  ///< the schema from which on transactions count rows

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

/// One artifact of each state, with replicas of each kind, a push and a delivery.
void fill(StateFixture& fixture) {
  const Session session = fixture.add_session("app", "C1");
  fixture.add_session("app", "C2");
  int number = 0;
  for (const ArtifactState state :
       {ArtifactState::planned, ArtifactState::running, ArtifactState::verifying,
        ArtifactState::waiting, ArtifactState::archived, ArtifactState::quarantined,
        ArtifactState::expired, ArtifactState::cancelled, ArtifactState::delivered}) {
    Artifact artifact =
        fixture.add_artifact(session, "aaaaaaaaaa0" + std::to_string(number++), state);
    artifact.attempts = number;
    if (state == ArtifactState::waiting) {
      artifact.error = Error{Errc::timeout, "too slow", std::chrono::seconds(7)};
      artifact.next_attempt_at = at("2026-01-02T00:00:00Z");
      artifact.resume = ResumePoint{ByteCount(70), "\"v\"", ByteCount(100), "boot"};
      artifact.received = ByteCount(70);
    }
    if (state == ArtifactState::expired) artifact.error = Error{Errc::not_found, "404"};
    if (state == ArtifactState::verifying || state == ArtifactState::archived) {
      artifact.size = artifact.received = ByteCount(5);
      artifact.digest = Digest{};
      artifact.declared_size = ByteCount(6);
      artifact.disputed = true;
    }
    fixture.update(artifact);
    if (state != ArtifactState::archived) continue;
    fixture.add_replica(artifact, Replica{.store = StoreId("local"),
                                          .path = "a.mov",
                                          .location = "/srv/a.mov",
                                          .size = ByteCount(5),
                                          .digest = Digest{},
                                          .verified_at = at("2026-01-02T00:00:00Z")});
    fixture.add_replica(artifact, Replica{.store = StoreId("local"),
                                          .path = "a~1.mov",
                                          .location = "/srv/a~1.mov",
                                          .size = ByteCount(5),
                                          .digest = Digest{},
                                          .state = ReplicaState::corrupt,
                                          .found_at = at("2026-01-02T01:00:00Z"),
                                          .cause = "rot"});
    fixture.add_replica(artifact,
                        Replica{.location = "s3://bucket/a.mov", .state = ReplicaState::delivered});
  }
  REQUIRE(fixture.catalog().transact([&]() -> Status {
    REELKEEP_TRY(fixture.catalog().put_delivery(DeliveryRecord{.seq = Seq(1),
                                                               .received_at = k_now,
                                                               .app_id = "app",
                                                               .type = "recording",
                                                               .conf_num = "C1",
                                                               .state = DeliveryState::applied,
                                                               .duplicates = 2}));
    return fixture.catalog().put_pushed_file(session.row,
                                             PushedFile{.session = session.key,
                                                        .name = "f.mov",
                                                        .location = "ftp://host/f.mov",
                                                        .url = "ftp://host/f.mov",
                                                        .destination_name = "ftp",
                                                        .source_key = SourceKey("host/f.mov"),
                                                        .at = k_now});
  }));
}

/// The rows of `from`, as far as they have a place there, in a file of an older version.
void write_older(const std::string& path, const std::string& from, std::size_t version) {
  const sqlite::Schema& schema = sqlite::catalog_schema();
  for (std::size_t step = 0; step < version; ++step) raw_sql(path, std::string(schema.steps[step]));
  std::vector<std::string> tables{"position", "note",    "delivery",   "session",
                                  "artifact", "replica", "pushed_file"};
  // Before, triggers counted.
  if (version >= k_counts_itself) tables.insert(tables.end(), {"artifact_count", "replica_count"});
  for (const std::string& table : tables) {
    const std::string columns =
        joined(raw_sql(path, "SELECT name FROM pragma_table_info('" + table + "')"));
    REQUIRE_FALSE(columns.empty());
    raw_sql(path, "ATTACH '" + from + "' AS newer; INSERT INTO main." + table + "(" + columns +
                      ") SELECT " + columns + " FROM newer." + table);
  }
  raw_sql(path, "PRAGMA application_id = " + std::to_string(schema.application_id));
  raw_sql(path, "PRAGMA user_version = " + std::to_string(version));
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (auto place = text.find(what); place != std::string::npos;
       place = text.find(what, place + with.size()))
    text.replace(place, what.size(), with);
}

/// All that the reading commands say, in JSON.
std::string told(const daemon::Config& config) {
  daemon::Operator state = daemon::Operator::open(config).value();
  json::Writer writer;
  writer.begin_array();
  write_session(writer, state.find(ConfNum("C1"), {}).value(), state, k_now);
  REQUIRE(state.sessions({}, k_now, [&](const SessionSummary& summary, std::int64_t after) {
    write_summary(writer, summary, k_now, after);
    return true;
  }));
  REQUIRE(state.deliveries({}, [&](const DeliveryRecord& record) {
    write_delivery(writer, record);
    return true;
  }));
  writer.end_array();
  std::string text = writer.take();
  replace_all(text, config.agent.state_dir, "STATE");
  return text;
}

TEST_CASE("a filled catalog of every older version says the same after its migration") {
  StateFixture newest;
  fill(newest);
  const std::string expected = told(newest.config());
  const auto figures =
      sqlite::open_catalog_reader(daemon::catalog_path(newest.config())).value()->figures().value();
  const std::size_t versions = sqlite::catalog_schema().steps.size();
  for (std::size_t version = 1; version <= versions; ++version) {
    CAPTURE(version);
    const TempDir folder;
    const std::string file = folder.write("config.toml", "[agent]\nstate_dir = \"state\"\n");
    const daemon::Config config = daemon::load_config(file, {}).config.value();
    folder.write("state/none", "");
    REQUIRE(sqlite::open_journal_writer(daemon::journal_path(config), {}));
    const std::string path = daemon::catalog_path(config);
    write_older(path, daemon::catalog_path(newest.config()), version);
    if (version < versions) {
      // Commands leave the migration to the agent.
      const auto refused = daemon::Operator::open(config)->find(ConfNum("C1"), {});
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == Errc::conflict);
    }
    REQUIRE(sqlite::open_catalog(path));
    CHECK(raw_sql(path, "PRAGMA user_version").at(0) == std::to_string(versions));
    CHECK(raw_sql(path, "PRAGMA integrity_check").at(0) == "ok");

    std::string known = expected;
    if (version < k_tells_causes) {
      replace_all(known, R"("found_at":"2026-01-02T01:00:00.000Z")", R"("found_at":null)");
      replace_all(known, R"("cause":"rot")", R"("cause":null)");
    }
    CHECK(told(config) == known);
    const auto migrated = sqlite::open_catalog_reader(path).value()->figures().value();
    CHECK(migrated.artifacts == figures.artifacts);
    CHECK(migrated.replicas == figures.replicas);
    CHECK(migrated.nearest_deadline == figures.nearest_deadline);
    CHECK(migrated.oldest_unarchived == figures.oldest_unarchived);
  }
}

}  // namespace
}  // namespace reelkeep::cli
