#include <doctest/doctest.h>
#include <vector>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {

namespace {

/// Puts artifacts whose queueing is told field by field; everything else is any value.
class Queue {
 public:
  Queue(Catalog& catalog, std::uint64_t seed) : m_catalog(catalog), m_any(seed) {}

  Artifact plain(const Lane& lane, Timestamp deadline = at(0)) {
    Session session = m_any.session();
    session.key.app_id = lane.app_id;
    session = m_catalog.put_session(session).value();
    Artifact artifact = m_any.artifact(session);
    artifact.host = lane.host;
    artifact.deadline = deadline;
    artifact.state = ArtifactState::planned;
    artifact.refetch = false;
    artifact.in_hand = false;
    artifact.next_attempt_at.reset();
    artifact.bad_digest.reset();
    return artifact;
  }
  Artifact put(const Artifact& artifact) { return m_catalog.put_artifact(artifact).value(); }

 private:
  Catalog& m_catalog;
  AnyValue m_any;
};

Lane lane(const std::string& app_id, const std::string& host) {
  return {AppId(app_id), host};
}

std::vector<ArtifactRow> rows(const std::vector<Artifact>& artifacts) {
  std::vector<ArtifactRow> rows;
  for (const Artifact& artifact : artifacts) rows.push_back(artifact.row);
  return rows;
}

}  // namespace

void check_lanes(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  Queue queue(catalog, 11);
  CHECK(catalog.lanes().value().empty());
  REQUIRE(catalog.transact([&]() -> Status {
    const std::vector<Lane> lanes{lane("", ""),     lane("", "x:1"),  lane("a", ""),
                                  lane("a", "h:1"), lane("a", "h:2"), lane("b", "h:1")};
    std::vector<Artifact> stored;
    for (int i = 0; i < 3; ++i) {
      for (const Lane& one : lanes) stored.push_back(queue.put(queue.plain(one)));
    }
    Artifact archived = queue.plain(lane("c", "h:1"));
    archived.state = ArtifactState::archived;
    archived = queue.put(archived);
    CHECK(catalog.lanes().value() == lanes);
    archived.refetch = true;
    archived = queue.put(archived);
    CHECK(catalog.lanes().value().back() == lane("c", "h:1"));
    for (Artifact artifact : stored) {
      artifact.state = ArtifactState::running;
      queue.put(artifact);
    }
    CHECK(catalog.lanes().value() == std::vector{lane("c", "h:1")});
    REELKEEP_TRY(catalog.remove_artifact(archived.row));
    CHECK(catalog.lanes().value().empty());
    return {};
  }));
}

void check_claimable(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  Queue queue(catalog, 12);
  const Lane here = lane("a", "h:1");
  REQUIRE(catalog.transact([&]() -> Status {
    const Artifact late = queue.put(queue.plain(here, at(30)));
    const Artifact early = queue.put(queue.plain(here, at(10)));
    queue.put(queue.plain(lane("a", "h:2"), at(0)));
    queue.put(queue.plain(lane("b", "h:1"), at(0)));
    Artifact refetch = queue.plain(here, at(20));
    refetch.state = ArtifactState::archived;
    refetch.refetch = true;
    refetch = queue.put(refetch);
    CHECK(rows(catalog.claimable(here, 10).value()) ==
          std::vector{early.row, refetch.row, late.row});
    CHECK(catalog.claimable(here, 2).value() == std::vector{early, refetch});
    CHECK(catalog.claimable(lane("z", "h:1"), 10).value().empty());

    // Not claimable: in hand, waiting for its time, or in any other state.
    refetch.in_hand = true;
    queue.put(refetch);
    CHECK(rows(catalog.claimable(here, 10).value()) == std::vector{early.row, late.row});
    refetch.in_hand = false;
    refetch.next_attempt_at = at(1);
    queue.put(refetch);
    CHECK(rows(catalog.claimable(here, 10).value()) == std::vector{early.row, late.row});
    refetch.refetch = false;
    refetch.next_attempt_at.reset();
    queue.put(refetch);
    for (const auto state :
         {ArtifactState::running, ArtifactState::verifying, ArtifactState::waiting,
          ArtifactState::quarantined, ArtifactState::expired, ArtifactState::cancelled,
          ArtifactState::delivered}) {
      Artifact other = queue.plain(here);
      other.state = state;
      other.refetch = true;
      queue.put(other);
    }
    Artifact held = queue.plain(here);
    held.in_hand = true;
    queue.put(held);
    CHECK(rows(catalog.claimable(here, 10).value()) == std::vector{early.row, late.row});
    return {};
  }));
}

void check_release(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  Queue queue(catalog, 13);
  const Lane here = lane("a", "h:1");
  CHECK_FALSE(catalog.next_due().value().has_value());
  REQUIRE(catalog.transact([&]() -> Status {
    std::vector<Artifact> waiting;
    for (int i = 0; i < 5; ++i) {
      Artifact artifact = queue.plain(here, at(i));
      artifact.state = ArtifactState::waiting;
      artifact.next_attempt_at = at(100 + i);
      waiting.push_back(queue.put(artifact));
    }
    Artifact refetch = queue.plain(here, at(9));
    refetch.state = ArtifactState::archived;
    refetch.refetch = true;
    refetch.next_attempt_at = at(102);
    refetch = queue.put(refetch);
    // Its time means nothing: it is not waiting.
    Artifact expired = queue.plain(here);
    expired.state = ArtifactState::expired;
    expired.next_attempt_at = at(1);
    expired = queue.put(expired);

    CHECK(catalog.next_due().value() == at(100));
    CHECK(catalog.release_due(at(99), 10).value() == 0);
    CHECK(catalog.release_due(at(104), 1).value() == 1);
    CHECK(catalog.next_due().value() == at(101));
    CHECK(catalog.release_due(at(102), 10).value() == 3);
    CHECK(catalog.next_due().value() == at(103));
    CHECK(rows(catalog.claimable(here, 10).value()) ==
          std::vector{waiting[0].row, waiting[1].row, waiting[2].row, refetch.row});

    const Artifact released = catalog.artifact(waiting[0].row).value().value();
    CHECK(released.state == ArtifactState::planned);
    CHECK_FALSE(released.next_attempt_at.has_value());
    const Artifact again = catalog.artifact(refetch.row).value().value();
    CHECK(again.state == ArtifactState::archived);
    CHECK(again.refetch);
    CHECK_FALSE(again.next_attempt_at.has_value());
    CHECK(catalog.artifact(expired.row).value() == expired);

    // Nothing is due that late, unless the clock was set back since.
    Artifact far = queue.plain(here);
    far.state = ArtifactState::waiting;
    far.next_attempt_at = at(500);
    far = queue.put(far);
    REQUIRE(catalog.put_pending({.artifact = far.row, .store = StoreId("s"), .due_at = at(600)}));
    CHECK(catalog.bring_forward(at(10), at(600)).value() == 0);
    CHECK(catalog.bring_forward(at(10), at(499)).value() == 2);
    CHECK(catalog.next_due().value() == at(10));
    CHECK(catalog.next_pending(StoreId("s"), at(9)).value() == at(10));
    CHECK(catalog.release_due(at(10), 10).value() == 1);
    REQUIRE(catalog.remove_pending(far.row));

    // Nothing waits for ever.
    Artifact timeless = queue.plain(here);
    timeless.state = ArtifactState::waiting;
    timeless = queue.put(timeless);
    CHECK(catalog.release_due(at(0), 10).value() == 1);
    CHECK(catalog.artifact(timeless.row).value()->state == ArtifactState::planned);
    return {};
  }));
}

void check_in_hand_and_states(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  Queue queue(catalog, 14);
  REQUIRE(catalog.transact([&]() -> Status {
    std::vector<ArtifactRow> held;
    std::vector<ArtifactRow> verifying;
    for (int i = 0; i < 12; ++i) {
      Artifact artifact = queue.plain(lane("a", "h"));
      artifact.in_hand = i % 2 == 0;
      artifact.state = i % 3 == 0 ? ArtifactState::verifying : ArtifactState::archived;
      artifact = queue.put(artifact);
      if (artifact.in_hand) held.push_back(artifact.row);
      if (artifact.state == ArtifactState::verifying) verifying.push_back(artifact.row);
    }
    CHECK(rows(catalog.in_hand(100).value()) == held);
    CHECK(rows(catalog.in_hand(2).value()) == std::vector(held.begin(), held.begin() + 2));
    CHECK(rows(catalog.in_hand(2, held[1]).value()) ==
          std::vector(held.begin() + 2, held.begin() + 4));
    CHECK(rows(catalog.in_state(ArtifactState::verifying, 100).value()) == verifying);
    CHECK(rows(catalog.in_state(ArtifactState::verifying, 2, verifying[0]).value()) ==
          std::vector(verifying.begin() + 1, verifying.begin() + 3));
    CHECK(catalog.in_state(ArtifactState::expired, 100).value().empty());
    return {};
  }));
}

void check_staging(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  Queue queue(catalog, 15);
  REQUIRE(catalog.transact([&]() -> Status {
    struct Case {
      ArtifactState state;
      bool needed;
    };
    for (const auto& [state, needed] :
         {Case{ArtifactState::planned, true}, Case{ArtifactState::running, true},
          Case{ArtifactState::verifying, true}, Case{ArtifactState::waiting, true},
          Case{ArtifactState::quarantined, true}, Case{ArtifactState::archived, false},
          Case{ArtifactState::expired, false}, Case{ArtifactState::cancelled, false},
          Case{ArtifactState::delivered, false}}) {
      CAPTURE(to_string(state));
      Artifact artifact = queue.plain(lane("a", "h"));
      artifact.state = state;
      artifact = queue.put(artifact);
      CHECK(catalog.needs_staging(artifact.staging_name).value() == needed);
      CHECK(catalog.knows_staging(artifact.staging_name).value());
      // A stage that was told later gave it another id.
      const std::string first_name = artifact.staging_name;
      artifact.id = ArtifactId(first_name + "-with-stage");
      artifact = queue.put(artifact);
      CHECK(artifact.staging_name == first_name);
      CHECK(catalog.needs_staging(first_name).value() == needed);
      CHECK(catalog.knows_staging(first_name).value());
      CHECK_FALSE(catalog.knows_staging(artifact.id.get()).value());
      artifact.refetch = true;
      CHECK(catalog.needs_staging(queue.put(artifact).staging_name).value());
      artifact.refetch = false;
      artifact.bad_digest = Digest{};
      CHECK(catalog.needs_staging(queue.put(artifact).staging_name).value());
    }
    CHECK_FALSE(catalog.needs_staging("unknown").value());
    CHECK_FALSE(catalog.knows_staging("unknown").value());
    return {};
  }));
}

}  // namespace reelkeep::testing
