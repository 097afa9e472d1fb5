// What is to be looked at again: replicas that are read back, files that were pushed.
#include <doctest/doctest.h>
#include <vector>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {
namespace {

std::vector<std::string> locations(const std::vector<ReplicaOf>& due) {
  std::vector<std::string> found;
  for (const ReplicaOf& one : due) found.push_back(one.replica.location);
  return found;
}

std::vector<std::string> locations(const std::vector<PushedFile>& files) {
  std::vector<std::string> found;
  for (const PushedFile& one : files) found.push_back(one.location);
  return found;
}

using Locations = std::vector<std::string>;

}  // namespace

void check_audits(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(31);
  const StoreId a("a");
  const StoreId b("b");
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_ASSIGN(const Session session, catalog.put_session(any.session()));
    REELKEEP_ASSIGN(const Artifact artifact, catalog.put_artifact(any.artifact(session)));
    REELKEEP_ASSIGN(const Artifact other, catalog.put_artifact(any.artifact(session)));
    const auto put = [&](const std::string& location, const StoreId& store, ReplicaState state,
                         std::optional<Timestamp> due) {
      Replica replica = any.replica();
      replica.location = location;
      replica.store = store;
      replica.state = state;
      replica.audit_at = due;
      replica.verified_at = at(0);
      replica.read_at.reset();
      return catalog.put_replica(artifact.row, replica);
    };
    REELKEEP_TRY(put("late", a, ReplicaState::verified, at(30)));
    REELKEEP_TRY(put("early", a, ReplicaState::verified, at(10)));
    REELKEEP_TRY(put("middle", a, ReplicaState::verified, at(20)));
    REELKEEP_TRY(put("never", a, ReplicaState::verified, std::nullopt));
    REELKEEP_TRY(put("corrupt", a, ReplicaState::corrupt, at(1)));
    REELKEEP_TRY(put("missing", a, ReplicaState::missing, at(1)));
    REELKEEP_TRY(put("superseded", a, ReplicaState::superseded, at(1)));
    REELKEEP_TRY(put("elsewhere", b, ReplicaState::verified, at(5)));

    CHECK(catalog.audit_due(a, at(9), 10)->empty());
    CHECK(locations(*catalog.audit_due(a, at(10), 10)) == Locations{"early"});
    CHECK(locations(*catalog.audit_due(a, at(40), 10)) == Locations{"early", "middle", "late"});
    CHECK(locations(*catalog.audit_due(a, at(40), 2)) == Locations{"early", "middle"});
    CHECK(locations(*catalog.audit_due(b, at(40), 10)) == Locations{"elsewhere"});
    CHECK(catalog.audit_due(StoreId("c"), at(40), 10)->empty());
    CHECK(catalog.audit_due(a, at(40), 1)->front().artifact == artifact.row);

    // Read, and good: both times are renewed, and the next reading is due later.
    REELKEEP_TRY(catalog.put_audit(artifact.row, "early", at(11), at(35)));
    CHECK(locations(*catalog.audit_due(a, at(40), 10)) == Locations{"middle", "late", "early"});
    const Replica early = catalog.audit_due(a, at(40), 10)->back().replica;
    CHECK(early.verified_at == at(11));
    CHECK(early.read_at == at(11));
    // Not read: only put off.
    REELKEEP_TRY(catalog.put_audit(artifact.row, "middle", std::nullopt, at(50)));
    CHECK(locations(*catalog.audit_due(a, at(40), 10)) == Locations{"late", "early"});
    const Replica middle = catalog.audit_due(a, at(50), 10)->back().replica;
    CHECK(middle.verified_at == at(0));
    CHECK_FALSE(middle.read_at.has_value());
    // Neither of another artifact, nor of one that is not verified any more.
    REELKEEP_TRY(catalog.put_audit(other.row, "late", at(11), at(99)));
    REELKEEP_TRY(catalog.put_audit(artifact.row, "corrupt", at(11), at(1)));
    CHECK(locations(*catalog.audit_due(a, at(50), 10)) == Locations{"late", "early", "middle"});

    // The clock was ahead: what would be due only then is due now.
    CHECK(*catalog.bring_audits_forward(at(2), at(40)) == 1);
    CHECK(locations(*catalog.audit_due(a, at(2), 10)) == Locations{"middle"});
    return {};
  }));
  using Next = std::map<std::string, Timestamp>;
  CHECK(fixture.open_reader()->figures()->next_audit == Next{{"a", at(2)}, {"b", at(5)}});
}

void check_looks(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(32);
  const StoreId here("here");
  const StoreId there("there");
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_ASSIGN(const Session session, catalog.put_session(any.session()));
    REELKEEP_ASSIGN(const Session other, catalog.put_session(any.session()));
    const auto put = [&](const Session& of, const std::string& location, const StoreId& destination,
                         std::optional<Timestamp> look) -> Status {
      PushedFile file{.session = of.key, .name = "f", .location = location, .at = at(0)};
      REELKEEP_TRY(catalog.put_pushed_file(of.row, file));
      file.destination = destination;
      file.next_look_at = look;
      return catalog.put_pushed_look(of.row, file);
    };
    REELKEEP_TRY(put(session, "late", here, at(30)));
    REELKEEP_TRY(put(other, "early", here, at(10)));
    REELKEEP_TRY(put(session, "middle", here, at(20)));
    REELKEEP_TRY(put(session, "settled", here, std::nullopt));
    REELKEEP_TRY(put(session, "elsewhere", there, at(5)));

    CHECK(catalog.due_looks(here, at(9), 10)->empty());
    CHECK(locations(*catalog.due_looks(here, at(10), 10)) == Locations{"early"});
    CHECK(catalog.due_looks(here, at(10), 10)->front().session == other.key);
    CHECK(locations(*catalog.due_looks(here, at(40), 10)) == Locations{"early", "middle", "late"});
    CHECK(locations(*catalog.due_looks(here, at(40), 2)) == Locations{"early", "middle"});
    CHECK(locations(*catalog.due_looks(there, at(40), 10)) == Locations{"elsewhere"});

    CHECK(*catalog.next_look(here, at(0)) == at(10));
    CHECK(*catalog.next_look(here, at(10)) == at(20));
    CHECK_FALSE(catalog.next_look(here, at(30))->has_value());
    CHECK_FALSE(catalog.next_look(StoreId("nowhere"), at(0))->has_value());

    // Looked at: due again later, or never.
    REELKEEP_TRY(put(other, "early", here, at(25)));
    REELKEEP_TRY(put(session, "middle", here, std::nullopt));
    CHECK(locations(*catalog.due_looks(here, at(40), 10)) == Locations{"early", "late"});

    std::int64_t after = 0;
    CHECK(locations(*catalog.all_pushed(after, 3)) == Locations{"late", "early", "middle"});
    CHECK(locations(*catalog.all_pushed(after, 3)) == Locations{"settled", "elsewhere"});
    CHECK(catalog.all_pushed(after, 3)->empty());
    return {};
  }));
}

void check_delivered_to(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(33);
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_ASSIGN(const Session session, catalog.put_session(any.session()));
    REELKEEP_ASSIGN(const Artifact one, catalog.put_artifact(any.artifact(session)));
    REELKEEP_ASSIGN(const Artifact other, catalog.put_artifact(any.artifact(session)));
    const auto put = [&](const Artifact& of, const std::string& location, const std::string& path,
                         ReplicaState state) {
      Replica replica = any.replica();
      replica.location = location;
      replica.path = path;
      replica.state = state;
      return catalog.put_replica(of.row, replica);
    };
    REELKEEP_TRY(put(one, "s3://b/pushed", "", ReplicaState::delivered));
    REELKEEP_TRY(put(one, "s3://b/gone", "", ReplicaState::missing));
    REELKEEP_TRY(put(one, "s3://b/ours", "ours", ReplicaState::verified));
    CHECK(*catalog.delivered_to("s3://b/pushed", other.row) == one.id);
    CHECK_FALSE(catalog.delivered_to("s3://b/pushed", one.row)->has_value());
    CHECK_FALSE(catalog.delivered_to("s3://b/gone", other.row)->has_value());
    CHECK_FALSE(catalog.delivered_to("s3://b/ours", other.row)->has_value());
    CHECK_FALSE(catalog.delivered_to("s3://b/push", other.row)->has_value());
    return {};
  }));
}

}  // namespace reelkeep::testing
