#include <algorithm>
#include <doctest/doctest.h>
#include <vector>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {

namespace {

const Error k_failure{Errc::invalid, "given up"};

Session stored_session(Catalog& catalog, AnyValue& any) {
  return catalog.put_session(any.session()).value();
}

}  // namespace

void check_transactions(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  // A write outside a transaction is a defect.
  CHECK(catalog.set_note("outside", "x").error().code == Errc::internal);

  const Status failed = catalog.transact([&]() -> Status {
    REELKEEP_TRY(catalog.set_note("lost", "x"));
    return k_failure;
  });
  CHECK(failed.error().message == k_failure.message);
  CHECK_FALSE(catalog.note("lost").value().has_value());

  CHECK(catalog.transact([&]() -> Status {
    REELKEEP_TRY(catalog.set_note("outer", "1"));
    const Status inner = catalog.transact([&]() -> Status {
      REELKEEP_TRY(catalog.set_note("inner", "x"));
      REELKEEP_TRY(catalog.set_note("outer", "overwritten"));
      // A third level that succeeds goes with the one that fails around it.
      REELKEEP_TRY(catalog.transact([&] { return catalog.set_note("innermost", "x"); }));
      return k_failure;
    });
    CHECK(inner.error().code == k_failure.code);
    REELKEEP_TRY(catalog.transact([&] { return catalog.set_note("second", "2"); }));
    return catalog.set_note("after", "3");
  }));
  CHECK(catalog.notes("").value() ==
        std::map<std::string, std::string>{{"after", "3"}, {"outer", "1"}, {"second", "2"}});

  // The root of a store is noted again and again: what was taken back is not taken for written.
  const auto note_root = [&] { return catalog.set_note("root:a", "r"); };
  CHECK_FALSE(catalog.transact([&]() -> Status {
    REELKEEP_TRY(note_root());
    return k_failure;
  }));
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_TRY(note_root());
    return note_root();
  }));
  CHECK(catalog.note("root:a").value() == "r");
  const auto move_root = [&] { return catalog.set_note("root:a", "moved"); };
  REQUIRE(catalog.transact([&]() -> Status {
    CHECK_FALSE(catalog.transact([&]() -> Status {
      REELKEEP_TRY(move_root());
      return k_failure;
    }));
    return {};
  }));
  CHECK(catalog.note("root:a").value() == "r");
  REQUIRE(catalog.transact(move_root));
  CHECK(catalog.note("root:a").value() == "moved");
  REQUIRE(catalog.transact(note_root));
  CHECK(note_root().error().code == Errc::internal);
  REQUIRE(catalog.transact([&] { return catalog.set_note("root:a", std::nullopt); }));
  REQUIRE(catalog.transact(note_root));
  CHECK(catalog.note("root:a").value() == "r");
}

void check_position_and_notes(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(1);
  CHECK_FALSE(catalog.position().value().has_value());
  CHECK_FALSE(fixture.open_reader()->position().value().has_value());
  for (int i = 0; i < 3; ++i) {
    const JournalPosition position{any.text() + "j", Seq(any.number(0, 1000)), any.digest(),
                                   any.number(0, 1000)};
    REQUIRE(catalog.transact([&] { return catalog.set_position(position); }));
    CHECK(catalog.position().value() == position);
    CHECK(fixture.open_reader()->position().value() == position);
  }
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_TRY(catalog.set_note("a:1", "one"));
    REELKEEP_TRY(catalog.set_note("a:2", "two"));
    REELKEEP_TRY(catalog.set_note("a%", "percent"));
    REELKEEP_TRY(catalog.set_note("b", ""));
    REELKEEP_TRY(catalog.set_note("a:2", "zwei"));
    return catalog.set_note("a:1", std::nullopt);
  }));
  CHECK(catalog.note("b").value() == "");
  CHECK_FALSE(catalog.note("a:1").value().has_value());
  CHECK(catalog.notes("a:").value() == std::map<std::string, std::string>{{"a:2", "zwei"}});
  CHECK(catalog.notes("a%").value().size() == 1);
}

void check_deliveries(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(2);
  CHECK_FALSE(catalog.delivery(Seq(1)).value().has_value());
  for (int i = 0; i < 200; ++i) {
    const DeliveryRecord record = any.delivery(Seq(any.number(1, 50)));
    REQUIRE(catalog.transact([&] { return catalog.put_delivery(record); }));
    CHECK(catalog.delivery(record.seq).value() == record);
  }
}

namespace {

/// `progress`, but with the identity, source and times of `facts`.
Artifact facts_of(const Artifact& facts, Artifact progress) {
  progress.row = facts.row;
  progress.session_row = facts.session_row;
  progress.identity = facts.identity;
  progress.id = facts.id;
  progress.room_id = facts.room_id;
  progress.name = facts.name;
  progress.url = facts.url;
  progress.url_at = facts.url_at;
  progress.host = facts.host;
  progress.staging_name = facts.staging_name;
  progress.path = facts.path;
  progress.declared_size = facts.declared_size;
  progress.offered_at = facts.offered_at;
  progress.deadline = facts.deadline;
  progress.known_at = facts.known_at;
  return progress;
}

}  // namespace

void check_values_come_back(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(3);
  for (int i = 0; i < 150; ++i) {
    REQUIRE(catalog.transact([&]() -> Status {
      REELKEEP_ASSIGN(Session session, catalog.put_session(any.session()));
      CHECK(session.row != SessionRow(0));
      CHECK(catalog.session(session.row).value() == session);
      Session changed = any.session();
      changed.row = session.row;
      REELKEEP_ASSIGN(session, catalog.put_session(changed));
      CHECK(session == changed);
      CHECK(catalog.session(session.key).value() == changed);

      REELKEEP_ASSIGN(Artifact artifact, catalog.put_artifact(any.artifact(session)));
      CHECK(artifact.row != ArtifactRow(0));
      CHECK(catalog.artifact(artifact.row).value() == artifact);
      Artifact other = any.artifact(session);
      other.row = artifact.row;
      REELKEEP_ASSIGN(artifact, catalog.put_artifact(other));
      CHECK(artifact == other);
      CHECK(catalog.artifact(other.id).value() == other);
      CHECK(catalog.artifact(other.identity).value() == other);

      // Of a progress everything from state on is written, and nothing before it.
      const Artifact progress = any.artifact(session);
      Artifact expected = progress;
      expected.row = artifact.row;
      REELKEEP_TRY(catalog.put_progress(expected));
      expected = facts_of(artifact, progress);
      CHECK(catalog.artifact(artifact.row).value() == expected);
      artifact = expected;

      std::vector<Replica> replicas;
      for (int n = 0; n < 3; ++n) {
        replicas.push_back(any.replica());
        REELKEEP_TRY(catalog.put_replica(artifact.row, replicas.back()));
      }
      CHECK(catalog.replicas(artifact.row).value() == replicas);
      return {};
    }));
  }
}

void check_lookups(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(4);
  REQUIRE(catalog.transact([&]() -> Status {
    const Session session = stored_session(catalog, any);
    const Session other = stored_session(catalog, any);
    std::vector<Artifact> stored;
    for (const char* stage : {"", "480", "720"}) {
      Artifact artifact = any.artifact(session);
      artifact.identity.kind = ArtifactKind::transcoded;
      artifact.identity.source_key = SourceKey("host/file");
      artifact.identity.stage = stage;
      artifact.name = "file";
      REELKEEP_ASSIGN(artifact, catalog.put_artifact(artifact));
      stored.push_back(artifact);
    }
    Artifact elsewhere = any.artifact(other);
    elsewhere.name = "file";
    elsewhere.identity.kind = ArtifactKind::transcoded;
    elsewhere.identity.source_key = SourceKey("host/file");
    REELKEEP_TRY([&]() -> Status {
      REELKEEP_ASSIGN(elsewhere, catalog.put_artifact(elsewhere));
      return {};
    }());
    CHECK(catalog.artifacts(session.row).value() == stored);
    CHECK(
        catalog.artifacts_with_source(session.row, ArtifactKind::transcoded, SourceKey("host/file"))
            .value() == stored);
    CHECK(
        catalog.artifacts_with_source(session.row, ArtifactKind::recording, SourceKey("host/file"))
            .value()
            .empty());
    CHECK(catalog.artifacts_named(session.row, "file").value() == stored);
    CHECK(catalog.artifacts_named(session.row, "File").value().empty());
    CHECK(catalog.artifact(stored[1].identity).value() == stored[1]);

    REELKEEP_TRY(catalog.put_replica(stored[1].row, any.replica()));
    REELKEEP_TRY(catalog.remove_artifact(stored[1].row));
    CHECK_FALSE(catalog.artifact(stored[1].row).value().has_value());
    CHECK(catalog.replicas(stored[1].row).value().empty());
    CHECK(catalog.artifacts(session.row).value().size() == 2);

    CHECK_FALSE(catalog.artifact(stored[1].identity).value().has_value());

    // Its stage becomes known: the identity of before is free for another one.
    Artifact known = stored[0];
    const ArtifactIdentity before = known.identity;
    known.identity.stage = "1080";
    REELKEEP_ASSIGN(known, catalog.put_artifact(known));
    CHECK(catalog.artifact(known.identity).value() == known);
    CHECK_FALSE(catalog.artifact(before).value().has_value());
    Artifact next = any.artifact(session);
    next.identity = before;
    REELKEEP_ASSIGN(next, catalog.put_artifact(next));
    CHECK(catalog.artifact(before).value() == next);
    CHECK(catalog.artifact(known.identity).value() == known);

    // What was taken back is not found, not even where its row belongs to another one by now.
    Artifact taken_back = any.artifact(session);
    CHECK_FALSE(catalog.transact([&]() -> Status {
      REELKEEP_ASSIGN(taken_back, catalog.put_artifact(taken_back));
      CHECK(catalog.artifact(taken_back.identity).value() == taken_back);
      return Error{Errc::internal, "taken back"};
    }));
    CHECK_FALSE(catalog.artifact(taken_back.identity).value().has_value());
    Artifact heir = any.artifact(session);
    REELKEEP_ASSIGN(heir, catalog.put_artifact(heir));
    CHECK_FALSE(catalog.artifact(taken_back.identity).value().has_value());
    CHECK(catalog.artifact(heir.identity).value() == heir);
    REELKEEP_TRY(catalog.remove_artifact(heir.row));
    Artifact next_heir = any.artifact(session);
    REELKEEP_ASSIGN(next_heir, catalog.put_artifact(next_heir));
    CHECK_FALSE(catalog.artifact(heir.identity).value().has_value());
    CHECK(catalog.artifact(next_heir.identity).value() == next_heir);

    CHECK_FALSE(catalog.session(SessionKey{AppId("no"), ConfNum("no")}).value().has_value());
    CHECK_FALSE(catalog.session(SessionRow(999)).value().has_value());
    CHECK_FALSE(catalog.artifact(ArtifactId("ffffffffffff")).value().has_value());
    return {};
  }));
}

void check_conflicts(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(5);
  REQUIRE(catalog.transact([&]() -> Status {
    const Session session = stored_session(catalog, any);
    Session same = any.session();
    same.key = session.key;
    CHECK(catalog.put_session(same).error().code == Errc::conflict);

    Artifact artifact = any.artifact(session);
    artifact.path =
        "room/Stra\xC3\x9F"
        "e/\xC3\x84.mp4";
    REELKEEP_ASSIGN(artifact, catalog.put_artifact(artifact));
    CHECK(catalog.path_taken(artifact.path).value());
    CHECK(catalog.path_taken("ROOM/STRASSE/A\xCC\x88.MP4").value());
    CHECK_FALSE(catalog.path_taken("room/strasse/a.mp4").value());

    Artifact same_identity = any.artifact(session);
    same_identity.identity = artifact.identity;
    CHECK(catalog.put_artifact(same_identity).error().code == Errc::conflict);
    Artifact same_path = any.artifact(session);
    same_path.path = "room/strasse/\xC3\xA4.mp4";
    CHECK(catalog.put_artifact(same_path).error().code == Errc::conflict);
    Artifact same_id = any.artifact(session);
    same_id.id = artifact.id;
    CHECK(catalog.put_artifact(same_id).error().code == Errc::conflict);
    // Many may have no path, and one may keep its own.
    for (int i = 0; i < 2; ++i) {
      Artifact pathless = any.artifact(session);
      pathless.path.clear();
      CHECK(catalog.put_artifact(pathless));
    }
    CHECK_FALSE(catalog.path_taken("").value());
    CHECK(catalog.put_artifact(artifact));

    Artifact gone = any.artifact(session);
    gone.row = ArtifactRow(777);
    CHECK(catalog.put_artifact(gone).error().code == Errc::not_found);
    Artifact orphan = any.artifact(session);
    orphan.session_row = SessionRow(777);
    CHECK(catalog.put_artifact(orphan).error().code == Errc::conflict);
    return {};
  }));
  // A refused write takes nothing else of its transaction with it.
  CHECK(catalog.artifacts(SessionRow(1)).value().size() == 3);
}

void check_clear(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(8);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(catalog.transact([&]() -> Status {
      const Session session = stored_session(catalog, any);
      Artifact artifact = any.artifact(session);
      artifact.path = "room/one";
      REELKEEP_ASSIGN(artifact, catalog.put_artifact(artifact));
      REELKEEP_TRY(catalog.put_replica(artifact.row, any.replica()));
      REELKEEP_TRY(catalog.put_pushed_file(session.row, PushedFile{}));
      REELKEEP_TRY(catalog.put_delivery(any.delivery(Seq(1))));
      REELKEEP_TRY(catalog.set_note("root:local", "id"));
      REELKEEP_TRY(catalog.set_note("poison:1", "2"));
      return catalog.set_position({"journal", Seq(4), any.digest(), 1});
    }));
    const Status undone = catalog.transact([&]() -> Status {
      REELKEEP_TRY(catalog.clear());
      return k_failure;
    });
    CHECK_FALSE(undone);
    CHECK(catalog.delivery(Seq(1)).value().has_value());
    REQUIRE(catalog.transact([&] { return catalog.clear(); }));
    CHECK_FALSE(catalog.position().value().has_value());
    CHECK_FALSE(catalog.delivery(Seq(1)).value().has_value());
    CHECK_FALSE(catalog.session(SessionRow(1)).value().has_value());
    CHECK_FALSE(catalog.path_taken("room/one").value());
    CHECK(catalog.lanes().value().empty());
    CHECK(catalog.notes("").value() == std::map<std::string, std::string>{{"root:local", "id"}});
    CHECK(fixture.open_reader()->figures()->artifacts.empty());
  }
}

}  // namespace reelkeep::testing
