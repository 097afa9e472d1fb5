// A project whose block left the configuration: what is archived stays so, and nothing else is
// called it.
#include "core/house.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

const Digest k_digest = sha256("bytes");

void record_stored(Projection& p, const Artifact& artifact, const std::string& store,
                   std::vector<StoreId> wanted) {
  p.record(EntryKind::outcome, encode(Outcome(ReplicaStored{.identity = artifact.identity,
                                                            .room_id = artifact.room_id,
                                                            .store = StoreId(store),
                                                            .path = artifact.path,
                                                            .location = "/" + store,
                                                            .size = ByteCount(5),
                                                            .digest = k_digest,
                                                            .verified_at = k_noon,
                                                            .wanted = std::move(wanted)})));
}

ArtifactState rebuilt(Projection& p) {
  REQUIRE(p.catalog->transact([&] { return p.catalog->clear(); }).has_value());
  p.projector.reset();
  p.catalog.reset();
  REQUIRE(sqlite::remove_catalog(p.dir.path("catalog.db")).has_value());
  p.reopen();
  p.advance();
  return first(p.show()).state;
}

}  // namespace

TEST_CASE("removing a project's block archives nothing that a store still lacks") {
  Projection p;
  p.deliver(k_offer);
  p.advance();
  Artifact artifact = first(p.show());
  const Digest digest = k_digest;
  const auto settled_after = [&](const char* store) {
    record_stored(p, artifact, store, {StoreId("local"), StoreId("far")});
    p.advance();
    return first(p.show()).state == ArtifactState::archived;
  };
  artifact.state = ArtifactState::verifying;
  artifact.digest = digest;
  REQUIRE(p.catalog
              ->transact([&]() -> Status {
                REELKEEP_ASSIGN(artifact, p.catalog->put_artifact(artifact));
                for (const char* store : {"local", "far"})
                  REELKEEP_TRY(p.catalog->put_pending(PendingPut{.artifact = artifact.row,
                                                                 .store = StoreId(store),
                                                                 .digest = digest,
                                                                 .size = ByteCount(5)}));
                return {};
              })
              .has_value());
  p.policy.projects.clear();
  CHECK_FALSE(settled_after("local"));
  CHECK(settled_after("far"));
}

TEST_CASE("a rebuild without a project's block archives what every store that was wanted has") {
  Projection p;
  p.policy.projects[0].stores = {StoreId("local"), StoreId("far")};
  p.deliver(k_offer);
  p.advance();
  const Artifact artifact = first(p.show());
  record_stored(p, artifact, "local", p.policy.projects[0].stores);
  p.advance();
  p.policy.projects.clear();
  CHECK(rebuilt(p) == ArtifactState::verifying);
  CHECK(p.catalog->pending(first(p.show()).row).value().size() == 1);
  record_stored(p, artifact, "far", {StoreId("local"), StoreId("far")});
  p.advance();
  CHECK(first(p.show()).state == ArtifactState::archived);
  CHECK(rebuilt(p) == ArtifactState::archived);
}

TEST_CASE(
    "a rebuild without a project's block calls nothing archived that no row says the stores of") {
  Projection p;
  p.deliver(k_offer);
  p.advance();
  record_stored(p, first(p.show()), "local", {});
  p.advance();
  CHECK(first(p.show()).state == ArtifactState::archived);
  p.policy.projects.clear();
  CHECK(rebuilt(p) == ArtifactState::verifying);
}

TEST_CASE("without a project's block a replica that went bad is a promise broken") {
  Projection p;
  p.policy.projects[0].stores = {StoreId("local"), StoreId("far")};
  p.deliver(k_offer);
  p.advance();
  const Artifact artifact = first(p.show());
  for (const char* store : {"local", "far"})
    record_stored(p, artifact, store, p.policy.projects[0].stores);
  p.advance();
  CHECK(first(p.show()).state == ArtifactState::archived);
  p.policy.projects.clear();
  p.record(EntryKind::outcome,
           encode(Outcome(
               ReplicaFound{artifact.identity, "/far", ReplicaState::missing, k_noon, "gone"})));
  p.advance();
  CHECK(first(p.show()).state == ArtifactState::verifying);
}

TEST_CASE("bytes that one store has are not fetched again after the catalog was lost") {
  MemoryDisk disk;
  House house;
  house.more_stores.push_back(std::make_unique<MemoryStore>(StoreId("far"), disk));
  auto& far = dynamic_cast<MemoryStore&>(*house.more_stores[0]);
  house.policy->projects[0].stores = {StoreId("local"), StoreId("far")};
  far.fail_puts(Error{Errc::no_space, "full"}, 1'000'000);
  house.start();
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && !view.artifacts[0].replicas.empty();
  });
  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  const std::vector<std::string> names = house.staging->list().value();
  for (const std::string& name : names) REQUIRE(house.staging->remove(name).has_value());
  far.fail_puts(Error{Errc::no_space, "full"}, 0);
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
}
