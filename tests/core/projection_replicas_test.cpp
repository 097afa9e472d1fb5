#include <algorithm>
#include <doctest/doctest.h>

#include "core/projected.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("an outcome archives its artifact, and a rebuild from the journal gives the same") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  projection.advance();
  const Artifact archived = only(projection.show());
  CHECK(archived.state == ArtifactState::archived);
  CHECK(archived.digest == sha256("bytes"));

  projection.record(
      EntryKind::command,
      encode(Command(RedownloadCommand{artifact.identity.session, {artifact.id}, false})));
  projection.advance();
  CHECK(only(projection.show()).refetch);

  projection.catalog.reset();
  REQUIRE(sqlite::remove_catalog(projection.dir.path("catalog.db")).has_value());
  CHECK(projection.reopen() == core::Rebuild::first_start);
  projection.advance();
  const Artifact rebuilt = only(projection.show());
  CHECK(rebuilt.state == ArtifactState::archived);
  CHECK_FALSE(rebuilt.refetch);  // a command older than the rebuild starts nothing
  CHECK(rebuilt.digest == archived.digest);
  CHECK(rebuilt.path == archived.path);
  CHECK(rebuilt.id == archived.id);
}

TEST_CASE("other bytes supersede the old replica, which is removed only on demand") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "old", artifact.path));
  projection.record(EntryKind::outcome, stored(artifact, "new", artifact.path + "2"));
  projection.advance();
  SessionView view = projection.show();
  REQUIRE(view.artifacts.front().replicas.size() == 2);
  CHECK(only(view).digest == sha256("new"));
  CHECK(std::ranges::count(view.artifacts.front().replicas, ReplicaState::superseded,
                           &Replica::state) == 1);
  projection.record(EntryKind::outcome,
                    encode(Outcome(ReplicaRemoved{artifact.identity, "/a/" + artifact.path})));
  projection.advance();
  CHECK(projection.show().artifacts.front().replicas.size() == 1);
}

TEST_CASE("a replica that is gone makes its artifact work again") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  projection.record(EntryKind::outcome,
                    encode(Outcome(ReplicaFound{artifact.identity, "/a/" + artifact.path,
                                                ReplicaState::missing, k_noon, "no such file"})));
  projection.advance();
  CHECK(only(projection.show()).state == ArtifactState::planned);
  CHECK_FALSE(only(projection.show()).digest.has_value());
}

TEST_CASE(
    "a cancelled artifact is a tombstone: neither a repeated event nor a redownload revives it") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  const SessionKey session = artifact.identity.session;
  projection.record(EntryKind::command,
                    encode(Command(CancelCommand{session, {artifact.id}, "no"})));
  const core::Effects effects = projection.advance();
  CHECK(std::ranges::any_of(effects, [](const core::Effect& e) {
    return std::holds_alternative<core::DropTransfer>(e);
  }));
  projection.deliver(k_one);
  projection.record(EntryKind::command,
                    encode(Command(RedownloadCommand{session, {artifact.id}, false})));
  projection.advance();
  CHECK(only(projection.show()).state == ArtifactState::cancelled);
}

TEST_CASE("a copy that its store did not find good is not called verified any more") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path + "~new"));
  projection.advance();
  const SessionView view = projection.show();
  CHECK(only(view).state == ArtifactState::archived);
  for (const Replica& replica : view.artifacts.front().replicas)
    CHECK(replica.state ==
          (replica.path == artifact.path ? ReplicaState::corrupt : ReplicaState::verified));
}

TEST_CASE("a row of several replicas does for each what a row of its own would") {
  Projection p;
  p.deliver(body("recording",
                 ",\"recording\":[\"" + k_file1 + "\",\"https://portal.enablex.io/p/file2.mov\"]"));
  p.advance();
  const SessionView offered = p.show();
  REQUIRE(offered.artifacts.size() == 2);
  ReplicasStored row;
  for (const ArtifactView& view : offered.artifacts)
    row.replicas.push_back(std::get<ReplicaStored>(
        decode_outcome(stored(view.artifact, "bytes", view.artifact.path)).value()));
  SUBCASE("all of them can be applied") {}
  SUBCASE("one of them cannot") {
    // It is not known yet, and cannot be given a place.
    p.policy.layout = "{nonsense}";
    row.replicas.insert(row.replicas.begin() + 1, row.replicas.front());
    row.replicas[1].identity.source_key = SourceKey("elsewhere/f.mov");
  }
  const Seq seq = p.record(EntryKind::outcome, encode(Outcome(row)));
  p.advance();
  CHECK(p.projector->cursor() == seq);
  const SessionView view = p.show();
  REQUIRE(view.artifacts.size() == 2);
  for (const ArtifactView& one : view.artifacts) {
    CHECK(one.artifact.state == ArtifactState::archived);
    REQUIRE(one.replicas.size() == 1);
    CHECK(one.replicas[0].path == one.artifact.path);
  }
}

TEST_CASE("a push that names a place of ours takes no replica of ours away") {
  const std::string place = "s3://bucket/r1/c1/file1.mov";
  const std::string push =
      body("file_transfer",
           R"(,"destination":{"name":"awss3","host":"","account":"bucket"},"files":[{"url":")" +
               place + "\"}]");
  Projection p;
  bool is_push_first = false;
  bool is_ambiguous = false;
  SUBCASE("after it was stored") {}
  SUBCASE("before") {
    is_push_first = true;
  }
  SUBCASE("with two files of that name") {
    is_ambiguous = true;
  }
  p.deliver(k_one);
  if (is_push_first) p.deliver(push);
  p.advance();
  const Artifact artifact = only(p.show());
  p.record(EntryKind::outcome, encode(Outcome(ReplicaStored{.identity = artifact.identity,
                                                            .room_id = artifact.room_id,
                                                            .store = StoreId("local"),
                                                            .path = "r1/c1/file1.mov",
                                                            .location = place,
                                                            .size = ByteCount(5),
                                                            .digest = sha256("bytes"),
                                                            .verified_at = k_noon})));
  if (!is_push_first) p.deliver(push);
  if (is_ambiguous)
    p.deliver(body("live_recording", R"(,"url":"https://portal.enablex.io/l/file1.mov")"));
  p.advance();
  const SessionView view = p.show();
  const auto found = std::ranges::find_if(
      view.artifacts, [&](const ArtifactView& v) { return v.artifact.id == artifact.id; });
  REQUIRE(found != view.artifacts.end());
  CHECK(found->artifact.state == ArtifactState::archived);
  REQUIRE(found->replicas.size() == 1);
  CHECK(found->replicas[0].state == ReplicaState::verified);
  CHECK(found->replicas[0].path == "r1/c1/file1.mov");
  CHECK(found->replicas[0].audit_at.has_value());
}

TEST_CASE("news of complete bytes that were thrown away meanwhile plan nothing") {
  Projection p;
  p.deliver(k_one);
  p.advance();
  Artifact artifact = only(p.show());
  const std::string news = encode(Outcome(
      BytesReceived{artifact.identity, artifact.room_id, ByteCount(5), sha256("bytes"), false}));
  SUBCASE("they wait to be fetched again") {
    artifact.state = ArtifactState::waiting;
    artifact.next_attempt_at = k_noon + std::chrono::seconds(2);
    REQUIRE(p.catalog
                ->transact([&] {
                  return Status(p.catalog->put_artifact(artifact)
                                    ? Status()
                                    : Status(Error{Errc::internal, ""}));
                })
                .has_value());
    p.record(EntryKind::outcome, news);
    p.advance();
    CHECK(only(p.show()).state == ArtifactState::waiting);
    CHECK(only(p.show()).next_attempt_at == artifact.next_attempt_at);
  }
  SUBCASE("nobody knew of them: they go to the stores") {
    p.record(EntryKind::outcome, news);
    const core::Effects effects = p.advance();
    CHECK(only(p.show()).state == ArtifactState::verifying);
    CHECK(std::ranges::any_of(effects, [](const core::Effect& effect) {
      return std::holds_alternative<core::Publish>(effect);
    }));
  }
}
