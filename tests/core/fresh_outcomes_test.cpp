#include "core/fresh_outcomes.hpp"

#include <doctest/doctest.h>

#include "core/projected.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

ReplicaStored replica(const std::string& location) {
  ReplicaStored outcome;
  outcome.store = StoreId("local");
  outcome.root = "root";
  outcome.path = "p";
  outcome.location = location;
  return outcome;
}
Outcome at(const std::string& location) {
  return replica(location);
}
std::string location_of(const Outcome& outcome) {
  return std::get<ReplicaStored>(outcome).location;
}

}  // namespace

TEST_CASE("a fresh outcome is given once, for its own row") {
  core::FreshOutcomes fresh;
  fresh.add(Seq(7), at("/seven"));
  fresh.add(Seq(5), at("/five"));
  CHECK_FALSE(fresh.take(Seq(4)));
  REQUIRE(fresh.take(Seq(5)));
  CHECK_FALSE(fresh.take(Seq(5)));
  CHECK_FALSE(fresh.take(Seq(6)));
  CHECK(location_of(fresh.take(Seq(7)).value()) == "/seven");
}

TEST_CASE("outcomes of rows that were applied without them are given up") {
  core::FreshOutcomes fresh;
  fresh.add(Seq(1), at("/one"));
  fresh.add(Seq(2), at("/two"));
  CHECK(fresh.take(Seq(2)));
  CHECK_FALSE(fresh.take(Seq(1)));
}

TEST_CASE("of too many the first are given up") {
  core::FreshOutcomes fresh;
  for (std::int64_t seq = 1; seq <= 5000; ++seq) fresh.add(Seq(seq), at("/x"));
  CHECK_FALSE(fresh.take(Seq(1)));
  CHECK(fresh.take(Seq(5000)));

  // Rows of several count as many times.
  for (std::int64_t seq = 1; seq <= 100; ++seq)
    fresh.add(Seq(seq), ReplicasStored{std::vector<ReplicaStored>(16, replica("/x"))});
  CHECK_FALSE(fresh.take(Seq(100 - 64)));
  const auto kept = fresh.take(Seq(100 - 63));
  REQUIRE(kept);
  CHECK(std::get<ReplicasStored>(*kept).replicas.size() == 16);
  CHECK(fresh.take(Seq(100)));
}

TEST_CASE("what names no replica is not kept") {
  core::FreshOutcomes fresh;
  fresh.add(Seq(1), ReplicasStored{});
  fresh.add(Seq(2), ReplicaRemoved{});
  CHECK_FALSE(fresh.take(Seq(1)));
  CHECK_FALSE(fresh.take(Seq(2)));
}

TEST_CASE("an outcome that the journal cannot hold as it is is read from there") {
  core::FreshOutcomes fresh;
  fresh.add(Seq(1), at("/srv/\xE4lter/p"));
  fresh.add(Seq(2), ReplicasStored{{replica("/srv/p"), replica("/srv/\xE4lter/p")}});
  CHECK_FALSE(fresh.take(Seq(1)));
  CHECK_FALSE(fresh.take(Seq(2)));
}

TEST_CASE("a fresh outcome makes of the catalog what its row would") {
  Projection projection;
  core::FreshOutcomes fresh;
  projection.projector = std::make_unique<core::Projector>(*projection.reader, *projection.catalog,
                                                           *projection.provider, &fresh);
  REQUIRE(projection.projector->begin(false));
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  const std::string row = stored(artifact, "bytes", artifact.path);
  const Seq seq = projection.record(EntryKind::outcome, row);
  fresh.add(seq, decode_outcome(row).value());
  projection.advance();
  CHECK_FALSE(fresh.take(seq));  // it was taken
  const SessionView with_it = projection.show();
  CHECK(only(with_it).state == ArtifactState::archived);

  projection.catalog.reset();
  REQUIRE(sqlite::remove_catalog(projection.dir.path("catalog.db")).has_value());
  projection.reopen();
  projection.advance();
  const SessionView rebuilt = projection.show();
  CHECK(only(rebuilt) == only(with_it));
  auto replicas = with_it.artifacts.front().replicas;
  // A rebuild does not know when it was read last: it is due at once.
  for (Replica& replica : replicas) replica.audit_at = k_at_once;
  CHECK(rebuilt.artifacts.front().replicas == replicas);
}
