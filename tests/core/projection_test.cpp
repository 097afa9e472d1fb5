#include <algorithm>
#include <doctest/doctest.h>
#include <random>

#include "core/artifact_id.hpp"
#include "core/projected.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

const std::string k_recording =
    body("recording", R"(,"recording":["https://portal.enablex.io/p/file1.mov",)"
                      R"("https://portal.enablex.io/p/file2.mov"])");

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

/// transcoded() with a URL that was signed anew.
std::string signed_anew(const std::string& stage, const std::string& query) {
  std::string bytes = transcoded(stage, "");
  const auto replace = [&](const std::string& what, const std::string& with) {
    REQUIRE(bytes.find(what) != std::string::npos);
    bytes.replace(bytes.find(what), what.size(), with);
  };
  replace(".mov\"", ".mov?" + query + "\"");
  return bytes;
}

std::vector<std::string> facts_of(const std::vector<std::string>& bodies) {
  Projection projection;
  std::vector<NewEntry> entries;
  for (const std::string& bytes : bodies) entries.push_back({.received_at = k_noon, .body = bytes});
  REQUIRE(projection.writer->append_all(std::move(entries)).has_value());
  projection.advance();
  return facts(projection.show());
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
  bodies.insert(bodies.end(),
                {transcoded("", ""), transcoded("1", "90"),
                 body("live_recording", R"(,"url":"https://portal.enablex.io/l/file1.mov")"),
                 body("roomdrop"), body("chatdata", R"(,"url":"https://portal.enablex.io/c.json")"),
                 signed_anew("", "Expires=3"), signed_anew("2", "Expires=2")});
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
