// What is said of a session in each state, and what would unblock it.
#include <doctest/doctest.h>

#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "state_fixture.hpp"

namespace reelkeep::cli {
namespace {

using testing::at;
using testing::StateFixture;

const Timestamp k_now = at("2026-01-02T00:00:00Z");

/// A session, what all commands call its state, and why in the words of `show` and `why`.
struct Case {
  StateFixture fixture;
  Session session = fixture.add_session("app", "C1");
  Timestamp now = k_now;

  Artifact add(ArtifactState state, const std::string& id = "aaaaaaaaaaaa") {
    return fixture.add_artifact(session, id, state);
  }
  void change(const std::function<void(Session&)>& edit) {
    edit(session);
    REQUIRE(fixture.catalog().transact([&]() -> Status {
      REELKEEP_TRY(fixture.catalog().put_session(session));
      return {};
    }));
  }
  std::string words() {
    daemon::Operator state = fixture.state();
    const SessionView view = state.find(ConfNum("C1"), {}).value();
    const Duration warn_before = state.config().agent.warn_before;
    const SessionState verdict = session_state(view, now, warn_before);
    // `sessions` and `show` never say another thing.
    std::string listed;
    std::string listed_why;
    REQUIRE(state.sessions({}, now, [&](const SessionSummary& summary, std::int64_t) {
      listed = to_string(summary.state);
      listed_why = describe(summary, now);
      return true;
    }));
    CHECK(listed == to_string(verdict));
    json::Writer writer;
    write_session(writer, view, state, now);
    CHECK(json::parse(writer.take()).value()["state"].string() == to_string(verdict));
    const std::string told = describe(view, verdict, now);
    CHECK(told.starts_with(std::string(to_string(verdict)) + ": "));
    if (verdict == SessionState::lost)
      CHECK(listed_why == "lost: something was given up without a good copy");
    else
      CHECK(told.starts_with(listed_why));
    return told;
  }
  /// Next, and all that holds it up with the way out, of the first artifact.
  std::string way_on() {
    daemon::Operator state = fixture.state();
    const ArtifactView view = state.find(ConfNum("C1"), {}).value().artifacts.at(0);
    std::string all = daemon::next_of(view, state.config(), {}, now);
    for (const daemon::Obstacle& one : daemon::obstacles_of(view, state.config(), {}, now))
      all += " | " + one.what + " -> " + one.way_out;
    const std::string way_out = describe_way_out(view);
    return all + (way_out.empty() ? "" : " | " + way_out);
  }
};

bool has(const std::string& text, const std::string& words) {
  if (text.find(words) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

TEST_CASE("open: nothing is known to archive yet, or the session has not ended") {
  Case one;
  CHECK(one.words() == "open: nothing to archive is known yet");
  one.change([](Session& session) { session.started_at = k_now; });
  CHECK(one.words() == "open: nothing to archive is known yet");
  one.add(ArtifactState::archived);
  CHECK(one.words() == "open: no session_stop has come yet; 1 artifact archived so far");
}

TEST_CASE("waiting: what is left, until when, and what it waits for") {
  Case one;
  Artifact artifact = one.add(ArtifactState::waiting);
  artifact.next_attempt_at = k_now + std::chrono::minutes(3);
  artifact.error = Error{Errc::unauthorized, "403"};
  one.fixture.update(artifact);
  one.add(ArtifactState::archived, "bbbbbbbbbbbb");
  CHECK(one.words() == "waiting: 1 of 2 artifacts not archived, first deadline in 2d 10h");
  const std::string way_on = one.way_on();
  CHECK(has(way_on, "nothing, until a [[project]] block is for its app_id"));
  CHECK(has(way_on, "no agent runs -> systemctl start reelkeep"));
  CHECK(has(way_on, "no [[project]] block is for app_id app -> add one"));
  CHECK(has(way_on, "compare the pair of its [[project]] with the provider's portal"));
  one.fixture.configure_project();
  CHECK(has(one.way_on(), "the next try comes in 3m, as soon as an agent runs"));
}

TEST_CASE("overdue: the deadline is near, or past and still tried") {
  Case one;
  one.add(ArtifactState::planned);
  one.now = at("2026-01-04T07:00:00Z");
  CHECK(one.words() == "overdue: 1 of 1 artifact not archived, first deadline in 3h");
  one.now = at("2026-01-04T12:00:00Z");
  CHECK(one.words() == "overdue: 1 of 1 artifact not archived, first deadline 2h ago");
  CHECK(has(one.way_on(), "its deadline passed 2h ago"));
  CHECK(has(one.way_on(), "offer it any more -> ask the provider whether the file can be had"));
  one.fixture.configure_project();
  CHECK(has(one.way_on(), "it is still tried -> ask the provider whether the file can be had"));
}

TEST_CASE("complete: all is archived, whatever was cancelled or only delivered") {
  Case one;
  one.add(ArtifactState::archived);
  one.add(ArtifactState::cancelled, "bbbbbbbbbbbb");
  one.add(ArtifactState::delivered, "cccccccccccc");
  CHECK(one.words() == "complete: 1 artifact archived; 1 cancelled");
  CHECK(one.way_on() == "nothing: it is archived");
}

TEST_CASE("complete bytes that wait for a store are neither overdue nor lost") {
  Case one;
  Artifact artifact = one.add(ArtifactState::verifying);
  artifact.size = artifact.received = ByteCount(5);
  artifact.digest = Digest{};
  artifact.error = Error{Errc::unauthorized, "store \"cloud\": correct secret_access_key"};
  one.fixture.update(artifact);
  one.now = at("2026-01-09T00:00:00Z");
  CHECK(one.words().starts_with("waiting: 1 of 1 artifact not archived"));
  CHECK(has(one.way_on(), "it goes on by itself when the store takes them"));
  CHECK(one.way_on().find("provider's portal") == std::string::npos);
}

TEST_CASE("overdue at once: a copy that is asked for is missing or differs") {
  Case one;
  Artifact artifact = one.add(ArtifactState::verifying);
  artifact.size = artifact.received = ByteCount(5);
  artifact.digest = Digest{};
  artifact.error = Error{Errc::corrupt, "destination \"there\": other bytes; push it again"};
  one.fixture.update(artifact);
  CHECK(one.words().starts_with("waiting: "));  // a store of ours is repaired
  one.fixture.add_replica(artifact, Replica{.store = StoreId("there"),
                                            .location = "s3://b/f.mov",
                                            .state = ReplicaState::corrupt});
  CHECK(one.words() ==
        "overdue: 1 of 1 artifact not archived, 1 stuck because a copy is missing or differs");
  CHECK(has(one.way_on(), "nothing by itself"));
  CHECK(one.way_on().find("goes on by itself when") == std::string::npos);
  one.add(ArtifactState::planned, "bbbbbbbbbbbb");
  CHECK(one.words() ==
        "overdue: 2 of 2 artifacts not archived, 1 stuck because a copy is missing or differs, "
        "first deadline in 2d 10h");
  artifact.state = ArtifactState::archived;
  artifact.error.reset();
  one.fixture.update(artifact);
  CHECK(one.words() == "waiting: 1 of 2 artifacts not archived, first deadline in 2d 10h");
}

TEST_CASE("lost: how many have no good copy, and how each is tried once more") {
  Case one;
  Artifact expired = one.add(ArtifactState::expired);
  expired.error = Error{Errc::not_found, "404"};
  one.fixture.update(expired);
  const Artifact kept = one.add(ArtifactState::expired, "bbbbbbbbbbbb");
  one.fixture.add_replica(kept, Replica{.store = StoreId("local"), .location = "/srv/b.mov"});
  one.add(ArtifactState::archived, "cccccccccccc");
  CHECK(one.words() == "lost: 1 of 3 artifacts given up without a good copy");
  CHECK(has(one.way_on(), "nothing: the provider does not offer it any more"));
  CHECK(
      has(one.way_on(), "to try once more: reelkeep redownload C1 --artifact aaaaaaaaaaaa --wait"));

  expired.state = ArtifactState::quarantined;
  expired.error = Error{Errc::corrupt, "HTML"};
  expired.bad_digest = Digest{};
  one.fixture.update(expired);
  CHECK(has(one.way_on(), "only wrong bytes came"));
  CHECK(has(one.way_on(),
            "to keep those bytes as they are: reelkeep accept --artifact aaaaaaaaaaaa"));
}

}  // namespace
}  // namespace reelkeep::cli
