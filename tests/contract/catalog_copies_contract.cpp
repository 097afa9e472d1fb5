// Where an artifact's copies are: replicas, and files that the provider pushed.
#include <doctest/doctest.h>
#include <vector>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {

void check_replicas(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(6);
  REQUIRE(catalog.transact([&]() -> Status {
    const Session session = catalog.put_session(any.session()).value();
    REELKEEP_ASSIGN(const Artifact artifact, catalog.put_artifact(any.artifact(session)));
    REELKEEP_ASSIGN(const Artifact second, catalog.put_artifact(any.artifact(session)));
    Replica first = any.replica();
    const Replica other = any.replica();
    REELKEEP_TRY(catalog.put_replica(artifact.row, first));
    REELKEEP_TRY(catalog.put_replica(artifact.row, other));
    const std::string location = first.location;
    first = any.replica();
    first.location = location;
    REELKEEP_TRY(catalog.put_replica(artifact.row, first));
    CHECK(catalog.replicas(artifact.row).value() == std::vector<Replica>{first, other});
    // One location may be told of two artifacts.
    REELKEEP_TRY(catalog.put_replica(second.row, first));
    REELKEEP_TRY(catalog.remove_replica(artifact.row, location));
    CHECK(catalog.replicas(artifact.row).value() == std::vector<Replica>{other});
    CHECK(catalog.replicas(second.row).value() == std::vector<Replica>{first});
    CHECK(catalog.remove_replica(artifact.row, "nowhere"));
    CHECK(catalog.put_replica(ArtifactRow(777), first).error().code == Errc::conflict);
    return {};
  }));
}

void check_pushed_files(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(7);
  REQUIRE(catalog.transact([&]() -> Status {
    const Session session = catalog.put_session(any.session()).value();
    const Session other = catalog.put_session(any.session()).value();
    const PushedFile file{session.key,   "a b.mp4", "s3://bucket/r/c/a b.mp4",
                          "https://u/x", "awss3",   SourceKey("u/x"),
                          at(5)};
    PushedFile second = file;
    second.location = "sftp://host/a b.mp4";
    for (int i = 0; i < 2; ++i) {
      REELKEEP_TRY(catalog.put_pushed_file(session.row, file));
      REELKEEP_TRY(catalog.put_pushed_file(session.row, second));
    }
    CHECK(catalog.pushed_files(session.row, "a b.mp4").value() == std::vector{file, second});
    CHECK(catalog.pushed_files(session.row, "a").value().empty());
    CHECK(catalog.pushed_files(other.row, "a b.mp4").value().empty());
    // The newest word stays, in whatever order they come.
    PushedFile older = file;
    older.at = at(1);
    older.url = "https://u/old";
    REELKEEP_TRY(catalog.put_pushed_file(session.row, older));
    CHECK(catalog.pushed_files(session.row, "a b.mp4").value().front() == file);
    PushedFile seen = file;
    seen.destination = StoreId("there");
    seen.found = ReplicaState::verified;
    seen.found_size = ByteCount(12);
    seen.found_digest = any.digest();
    seen.found_at = at(6);
    seen.read_at = at(7);
    seen.place = "s3://bucket/elsewhere";
    seen.next_look_at = at(8);
    seen.looks = 3;
    seen.problem = "why";
    REELKEEP_TRY(catalog.put_pushed_look(session.row, seen));
    CHECK(catalog.pushed_files(session.row, "a b.mp4").value().front() == seen);
    return {};
  }));
}

void check_replica_total(const CatalogFixture& fixture) {
  AnyValue any(29);
  const auto replica = [](const std::string& location, ReplicaState state, std::byte first) {
    Replica one{.store = StoreId("counted"), .path = location, .location = location};
    one.size = ByteCount(100);
    one.digest = Digest{};
    one.digest->bytes.front() = first;
    one.state = state;
    return one;
  };
  REQUIRE(fixture.catalog.transact([&]() -> Status {
    const Session session = fixture.catalog.put_session(any.session()).value();
    REELKEEP_ASSIGN(const Artifact artifact, fixture.catalog.put_artifact(any.artifact(session)));
    // Another store's, of another artifact.
    REELKEEP_ASSIGN(const Artifact other, fixture.catalog.put_artifact(any.artifact(session)));
    Replica elsewhere = replica("good", ReplicaState::verified, std::byte{1});
    elsewhere.store = StoreId("another");
    REELKEEP_TRY(fixture.catalog.put_replica(other.row, elsewhere));
    for (const Replica& one : {replica("good", ReplicaState::verified, std::byte{1}),
                               replica("repaired-elsewhere", ReplicaState::corrupt, std::byte{1}),
                               replica("nowhere-good", ReplicaState::missing, std::byte{2}),
                               replica("old", ReplicaState::superseded, std::byte{3})})
      REELKEEP_TRY(fixture.catalog.put_replica(artifact.row, one));
    return {};
  }));
  const auto reader = fixture.open_reader();
  for (const ReplicaFilter& filter :
       {ReplicaFilter{}, ReplicaFilter{.store = StoreId("counted")}}) {
    ReplicaTotal expected;
    REQUIRE(reader->replicas(filter, [&](const Artifact&, const Replica& one) {
      ++expected.replicas;
      expected.bytes = expected.bytes + one.size;
      return true;
    }));
    const ReplicaTotal total = reader->total(filter).value();
    CHECK(total.replicas == expected.replicas);
    CHECK(total.bytes == expected.bytes);
    CHECK(total.replicas == (filter.store ? 2 : 3));
  }
}

}  // namespace reelkeep::testing
