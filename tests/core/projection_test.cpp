#include <algorithm>
#include <doctest/doctest.h>
#include <random>

#include "core/artifact_id.hpp"
#include "core/harness.hpp"
#include "core/records.hpp"
#include "crypto/sha256.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

const std::string k_file1 = "https://portal.enablex.io/p/file1.mov";
const std::string k_recording =
    body("recording", R"(,"recording":["https://portal.enablex.io/p/file1.mov",)"
                      R"("https://portal.enablex.io/p/file2.mov"])");

std::string transcoded(const std::string& stage, const std::string& size) {
  return body("transcoded", R"(,"recording":"https://portal.enablex.io/p/t.mov","stage":")" +
                                stage + R"(","file_size":")" + size + "\"");
}

/// All that has to be the same whatever the order was: everything but times of our own and paths.
std::vector<std::string> facts(const SessionView& view) {
  std::vector<std::string> lines;
  const auto time = [](const std::optional<Timestamp>& t) { return t ? to_rfc3339(*t) : "-"; };
  lines.push_back("session " + view.session.room_id.get() + " " + time(view.session.started_at) +
                  " " + time(view.session.ended_at) + (view.session.cdr_ready ? " cdr" : ""));
  for (const ArtifactView& v : view.artifacts) {
    const Artifact& a = v.artifact;
    std::string line = std::string(a.id.get()) + " " + std::string(to_string(a.identity.kind)) +
                       " [" + a.identity.stage + "] " + a.name + " " + a.url + " " +
                       std::string(to_string(a.state)) + " " + time(a.deadline) + " " +
                       (a.declared_size ? std::to_string(a.declared_size->get()) : "-");
    std::vector<std::string> replicas;
    for (const Replica& r : v.replicas)
      replicas.push_back(r.location + "=" + std::string(to_string(r.state)));
    std::ranges::sort(replicas);
    for (const std::string& r : replicas) line += " " + r;
    lines.push_back(line);
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> facts_of(const std::vector<std::string>& bodies) {
  Projection projection;
  std::vector<NewEntry> entries;
  for (const std::string& bytes : bodies) entries.push_back({.received_at = k_noon, .body = bytes});
  REQUIRE(projection.writer->append_all(std::move(entries)).has_value());
  projection.advance();
  return facts(projection.show());
}

Artifact only(const SessionView& view) {
  REQUIRE(view.artifacts.size() == 1);
  return view.artifacts.front().artifact;
}

const std::string k_one = body("recording", ",\"recording\":\"" + k_file1 + "\"");

std::string stored(const Artifact& artifact, const std::string& bytes, const std::string& path) {
  return encode(Outcome(ReplicaStored{.identity = artifact.identity,
                                      .room_id = artifact.room_id,
                                      .store = StoreId("local"),
                                      .path = path,
                                      .location = "/a/" + path,
                                      .size = ByteCount(bytes.size()),
                                      .digest = sha256(bytes),
                                      .verified_at = k_noon}));
}

}  // namespace

TEST_CASE("any order of the same deliveries gives the same catalog") {
  const std::string push =
      body("file_transfer",
           R"(,"destination":{"name":"awss3","host":"","account":"my-bucket"},"files":[)"
           R"({"url":"https://my-bucket.s3.amazonaws.com/r1/c1/file1.mov"},)"
           R"({"url":"https://my-bucket.s3.amazonaws.com/r1/c1/nobody.mov"}])");
  std::vector<std::string> bodies{
      body("session_start"),
      R"({"type":"session_stop","trans_date":1767524400,"app_id":"a1","room_id":"r1","conf_num":"c1"})",
      k_recording, transcoded("2", "100"), push};
  std::ranges::sort(bodies);
  const std::vector<std::string> expected = facts_of(bodies);
  CHECK(expected.size() == 5);
  while (std::ranges::next_permutation(bodies).found) CHECK(facts_of(bodies) == expected);

  // The same with what is rarer: a second file of that name, a stage that comes late, both stages.
  bodies.insert(
      bodies.end(),
      {transcoded("", ""), transcoded("1", "90"),
       body("live_recording", R"(,"url":"https://portal.enablex.io/l/file1.mov")"),
       body("roomdrop"), body("chatdata", R"(,"url":"https://portal.enablex.io/c.json")")});
  const std::vector<std::string> more = facts_of(bodies);
  std::mt19937 random(20260104);
  for (int round = 0; round < 60; ++round) {
    std::ranges::shuffle(bodies, random);
    CHECK(facts_of(bodies) == more);
  }
}

TEST_CASE("any prefix of the journal gives a valid catalog") {
  Projection projection;
  for (const std::string& bytes : {k_recording, transcoded("1", "5"), body("session_stop")}) {
    projection.deliver(bytes);
    projection.advance();
    for (const ArtifactView& view : projection.show().artifacts)
      CHECK(view.artifact.state == ArtifactState::planned);
  }
  CHECK(projection.show().artifacts.size() == 3);
}

TEST_CASE("the deadline counts from the session's end, else from the event") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  CHECK(only(projection.show()).deadline == k_noon + std::chrono::hours(72));
  projection.deliver(
      R"({"type":"session_stop","trans_date":1767517200,"app_id":"a1","room_id":"r1","conf_num":"c1"})");
  projection.advance();
  CHECK(only(projection.show()).deadline == k_noon + std::chrono::hours(71));
}

TEST_CASE("a duplicate delivery is counted and makes what waits due at once") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  projection.advance();
  REQUIRE(projection.catalog
              ->transact([&] {
                Artifact artifact = only(projection.show());
                artifact.state = ArtifactState::waiting;
                artifact.next_attempt_at = k_noon + std::chrono::hours(1);
                return projection.catalog->put_artifact(artifact) ? Status() : Status(Error{});
              })
              .has_value());
  CHECK(projection.deliver(k_one) == seq);
  projection.advance();
  CHECK(only(projection.show()).state == ArtifactState::planned);
  CHECK(projection.catalog->delivery(seq).value()->duplicates == 1);
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
}

TEST_CASE(
    "a row that cannot be understood is quarantined with its reason and the cursor moves on") {
  Projection projection;
  const Seq bad = projection.deliver("not json");
  const Seq unknown = projection.deliver(body("brand_new"));
  projection.deliver(k_one);
  projection.advance();
  CHECK(projection.catalog->delivery(bad).value()->state == DeliveryState::quarantined);
  CHECK(projection.catalog->delivery(bad).value()->reason.has_value());
  CHECK(projection.catalog->delivery(unknown).value()->state == DeliveryState::ignored);
  CHECK(only(projection.show()).state == ArtifactState::planned);
}

TEST_CASE(
    "an event for another app_id than the webhook user's is quarantined until one may say it") {
  Projection projection;
  projection.policy.users["guest"] = {"other"};
  projection.policy.users["host"] = {"a1"};
  const Seq seq = projection.deliver(k_one, "guest");
  projection.advance();
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::quarantined);
  CHECK(projection.show().artifacts.empty());
  projection.deliver(k_one, "host");
  projection.advance();
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
  CHECK(only(projection.show()).state == ArtifactState::planned);
}

TEST_CASE("two artifacts never share a path") {
  Projection projection;
  projection.deliver(body("recording", R"(,"recording":["https://portal.enablex.io/a/F.mov",)"
                                       R"("https://portal.enablex.io/b/f.mov"])"));
  projection.advance();
  const SessionView view = projection.show();
  REQUIRE(view.artifacts.size() == 2);
  std::vector<std::string> paths;
  for (const ArtifactView& v : view.artifacts) paths.push_back(v.artifact.path);
  std::ranges::sort(paths);
  CHECK(paths[0] == "r1/c1/recording/F.mov");
  CHECK(paths[1].starts_with("r1/c1/recording/f~"));
  CHECK(paths[1].ends_with(".mov"));
}

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

TEST_CASE("a journal that was replaced or set back is noticed") {
  Projection projection;
  projection.deliver(k_one);
  projection.writer->checkpoint().value();
  const std::string copy = projection.dir.read("journal.db");
  projection.deliver(body("session_stop"));
  projection.advance();
  CHECK(projection.reopen() == core::Rebuild::none);

  projection.projector.reset();
  projection.writer.reset();
  projection.reader.reset();
  std::filesystem::remove(projection.dir.path("journal.db-wal"));
  std::filesystem::remove(projection.dir.path("journal.db-shm"));
  projection.dir.write("journal.db", copy);
  projection.writer = sqlite::open_journal_writer(projection.dir.path("journal.db"), {}).value();
  projection.reader = sqlite::open_journal_reader(projection.dir.path("journal.db")).value();
  CHECK(projection.reopen() == core::Rebuild::journal_replaced);
  projection.advance();
  CHECK_FALSE(projection.show().session.ended_at.has_value());
}

TEST_CASE("a set-back journal that grew again is noticed by its chain") {
  Projection projection;
  projection.deliver(k_one);
  projection.writer->checkpoint().value();
  const std::string copy = projection.dir.read("journal.db");
  projection.deliver(body("session_stop"));
  projection.advance();
  projection.projector.reset();
  projection.writer.reset();
  projection.reader.reset();
  std::filesystem::remove(projection.dir.path("journal.db-wal"));
  std::filesystem::remove(projection.dir.path("journal.db-shm"));
  projection.dir.write("journal.db", copy);
  projection.writer = sqlite::open_journal_writer(projection.dir.path("journal.db"), {}).value();
  projection.reader = sqlite::open_journal_reader(projection.dir.path("journal.db")).value();
  projection.deliver(body("roomdrop"));
  CHECK(projection.reopen() == core::Rebuild::journal_replaced);
}

TEST_CASE(
    "a repetition of what ended the process twice is counted, not applied; replay applies it") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  const std::string note = "poison:" + std::to_string(seq.get());
  REQUIRE(projection.catalog->transact([&] { return projection.catalog->set_note(note, "2"); })
              .has_value());
  projection.reopen(true);
  projection.advance();
  projection.deliver(k_one);
  projection.reopen(false);
  projection.advance();
  auto record = projection.catalog->delivery(seq).value();
  REQUIRE(record.has_value());
  CHECK(record->state == DeliveryState::quarantined);
  CHECK(record->duplicates == 1);
  CHECK(projection.show().artifacts.empty());

  core::Effects effects;
  REQUIRE(projection.projector->apply_again(projection.policy, {seq}, effects).has_value());
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
  CHECK(projection.show().artifacts.size() == 1);
}

TEST_CASE("a receipt noted at two deaths is counted, not applied") {
  for (const std::string deaths : {"1", "2"}) {
    CAPTURE(deaths);
    Projection projection;
    projection.policy.users["narrow"] = {"another"};
    projection.policy.users["wide"] = {"*"};
    const Seq seq = projection.deliver(k_one, "narrow");
    projection.advance();
    REQUIRE(projection.catalog->delivery(seq).value()->state == DeliveryState::quarantined);
    projection.deliver(k_one, "wide");
    REQUIRE(projection.catalog
                ->transact([&] { return projection.catalog->set_note("poison-receipt:1", deaths); })
                .has_value());
    projection.reopen(true);
    projection.advance();
    const auto record = projection.catalog->delivery(seq).value();
    CHECK(record->duplicates == 1);
    CHECK((record->state == DeliveryState::applied) == (deaths == "1"));
    CHECK_FALSE(projection.catalog->note("poison-receipt:1").value().has_value());
  }
}

TEST_CASE("a row noted at two deaths is quarantined as internal") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  const std::string note = "poison:" + std::to_string(seq.get());
  // What two runs left behind that died while they applied this row.
  REQUIRE(projection.catalog->transact([&] { return projection.catalog->set_note(note, "2"); })
              .has_value());
  projection.reopen(true);
  projection.advance();
  const auto record = projection.catalog->delivery(seq).value();
  REQUIRE(record.has_value());
  CHECK(record->state == DeliveryState::quarantined);
  CHECK(record->reason->find("internal") != std::string::npos);
  // The next start does not hold it against the rows that follow.
  projection.deliver(transcoded("1", "1"));
  projection.advance();
  CHECK(projection.show().artifacts.size() == 1);
}

TEST_CASE("trying a row again in one run is no death") {
  Projection projection;
  const Seq seq = projection.deliver(k_one);
  projection.reopen(true);
  core::Effects effects;
  // The catalog is locked by another connection: applying fails, as on a full disk.
  auto other = sqlite::open_catalog(projection.dir.path("catalog.db")).value();
  CHECK(other
            ->transact([&]() -> Status {
              CHECK_FALSE(
                  projection.projector->advance(projection.policy, effects, 64).has_value());
              return {};
            })
            .has_value());
  for (int run = 0; run < 3; ++run) {
    projection.reopen(false);
  }
  projection.reopen(true);
  projection.advance();
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
}

TEST_CASE("what was archived survives a rebuild after its bodies were erased") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  const Artifact artifact = only(projection.show());
  projection.record(EntryKind::outcome, stored(artifact, "bytes", artifact.path));
  projection.advance();
  CHECK(projection.writer->erase_bodies(k_noon + std::chrono::hours(1)).value() == 1);
  projection.projector.reset();
  projection.catalog.reset();
  REQUIRE(sqlite::remove_catalog(projection.dir.path("catalog.db")).has_value());
  projection.reopen();
  projection.advance();
  const Artifact rebuilt = only(projection.show());
  CHECK(rebuilt.state == ArtifactState::archived);
  CHECK(rebuilt.id == artifact.id);
  CHECK(rebuilt.digest == sha256("bytes"));
}

TEST_CASE("a verdict reaches its artifact although its stage was filled in meanwhile") {
  Projection projection;
  projection.deliver(transcoded("", ""));
  projection.advance();
  const Artifact bare = only(projection.show());
  projection.record(EntryKind::outcome, stored(bare, "bytes", bare.path));
  projection.deliver(transcoded("7", ""));
  projection.record(EntryKind::outcome,
                    encode(Outcome(ReplicaFound{bare.identity, "/a/" + bare.path,
                                                ReplicaState::missing, k_noon, "gone"})));
  projection.record(
      EntryKind::command,
      encode(Command(CancelCommand{bare.identity.session, {bare.id}, "by its old id"})));
  projection.advance();
  const SessionView view = projection.show();
  CHECK(only(view).identity.stage == "7");
  CHECK(only(view).id != bare.id);
  CHECK(view.artifacts.front().replicas.front().state == ReplicaState::missing);
  CHECK(only(view).state == ArtifactState::cancelled);
}

TEST_CASE("a newer offer of the same file revives what had expired") {
  Projection projection;
  projection.deliver(k_one);
  projection.advance();
  projection.record(
      EntryKind::outcome,
      encode(Outcome(Expired{only(projection.show()).identity, Error{Errc::not_found, "404"}})));
  projection.advance();
  CHECK(only(projection.show()).state == ArtifactState::expired);
  projection.deliver(
      R"({"type":"recording","trans_date":1767607200,"app_id":"a1","room_id":"r1","conf_num":"c1","recording":")" +
      k_file1 + "\"}");
  projection.advance();
  CHECK(only(projection.show()).state == ArtifactState::planned);
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
