#include "daemon/pending_findings.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <thread>

#include "core/projected.hpp"
#include "daemon/config_load.hpp"
#include "daemon/operator.hpp"
#include "daemon/runtime.hpp"
#include "fs/state_lock.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// What people are told of a session, in lines.
std::vector<std::string> told(const SessionView& view) {
  std::vector<std::string> lines;
  const SessionSummary summary = daemon::summarise(view, k_noon, Duration(0));
  lines.push_back(std::string(to_string(summary.state)) + " " + std::to_string(summary.archived) +
                  "/" + std::to_string(summary.artifacts) + " " +
                  std::to_string(summary.bytes.get()));
  for (const auto& [artifact, replicas] : view.artifacts) {
    lines.push_back(std::string(to_string(artifact.state)) + " " +
                    (artifact.error ? artifact.error->message : "-") + " " +
                    (artifact.digest ? artifact.digest->hex() : "-") + " " +
                    (artifact.size ? to_string(*artifact.size) : "-"));
    for (const Replica& replica : replicas)
      lines.push_back(replica.location + " " + std::string(to_string(replica.state)) + " " +
                      replica.cause);
  }
  return lines;
}

std::string found(const Artifact& artifact, const std::string& location, ReplicaState state,
                  Timestamp at, const std::string& cause = "") {
  return encode(Outcome(ReplicaFound{artifact.identity, location, state, at, cause}));
}

constexpr Duration k_hour{3'600'000};

}  // namespace

TEST_CASE("what verify found is told before an agent takes it up as it is afterwards") {
  Projection projection;
  bool has_copy = false;
  SUBCASE("the only copy") {}
  SUBCASE("one of two copies") {
    has_copy = true;
    projection.policy.projects.front().stores.push_back(StoreId("second"));
  }
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  if (has_copy)
    projection.record(EntryKind::outcome,
                      encode(Outcome(ReplicaStored{.identity = artifact.identity,
                                                   .room_id = artifact.room_id,
                                                   .store = StoreId("second"),
                                                   .path = artifact.path,
                                                   .location = "/b/" + artifact.path,
                                                   .size = ByteCount(5),
                                                   .digest = sha256("bytes"),
                                                   .verified_at = k_noon})));
  projection.advance();
  CHECK(told(projection.show()).front() == "complete 1/1 5");
  const auto position = projection.catalog->position().value();
  REQUIRE(position.has_value());

  projection.record(EntryKind::outcome, found(artifact, "/a/" + artifact.path,
                                              ReplicaState::corrupt, k_noon + k_hour, "rot"));
  const auto pending = daemon::PendingFindings::read(*projection.reader, position->cursor).value();
  CHECK(pending.concerns(artifact.identity.session));
  SessionView before = projection.show();
  pending.overlay(before);
  CHECK(told(before).front() == "waiting 0/1 0");
  projection.advance();
  CHECK(told(before) == told(projection.show()));

  // A view that knows of it already is left alone, also when it was repaired meanwhile.
  SessionView after = projection.show();
  pending.overlay(after);
  CHECK(told(after) == told(projection.show()));
  projection.record(EntryKind::outcome, found(artifact, "/a/" + artifact.path,
                                              ReplicaState::verified, k_noon + 2 * k_hour));
  projection.advance();
  SessionView repaired = projection.show();
  pending.overlay(repaired);
  CHECK(told(repaired) == told(projection.show()));
}

TEST_CASE("a command waits for the catalog of an agent that has just begun, and for no other") {
  const TempDir folder;
  const std::string config_path = folder.write("config.toml", "[agent]\nstate_dir = \"state\"\n");
  const daemon::Config config = daemon::load_config(config_path, {}).config.value();
  folder.write("state/none", "");
  const auto journal = sqlite::open_journal_writer(daemon::journal_path(config), {});
  REQUIRE(journal);
  folder.write("state/catalog.db", "");  // made, and nothing in it yet
  const auto list = [&] {
    return daemon::Operator::open(config)->sessions(
        {}, k_noon, [](const SessionSummary&, std::int64_t) { return true; });
  };
  const Status nobody = list();
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == Errc::not_found);
  CHECK(nobody.error().message.find("the agent has not run there yet") != std::string::npos);

  const auto lock = fs::StateLock::acquire(config.agent.state_dir);
  REQUIRE(lock);
  std::jthread agent([&] {
    auto catalog = sqlite::open_catalog(daemon::catalog_path(config));
    CHECK(catalog.has_value());
  });
  const Status listed = list();
  CHECK_MESSAGE(listed.has_value(), listed.error().message);
}
