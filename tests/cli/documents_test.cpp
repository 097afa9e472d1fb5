#include "cli/documents.hpp"

#include "cli/phrases.hpp"
#include "state_fixture.hpp"

namespace reelkeep::cli {
namespace {

using testing::at;
using testing::StateFixture;

const Timestamp k_now = at("2026-01-03T00:00:00Z");

std::string document(StateFixture& fixture, const std::string& conf_num) {
  daemon::Operator state = fixture.state();
  const SessionView view = state.find(ConfNum(conf_num), std::nullopt).value();
  json::Writer writer;
  write_session(writer, view, state, k_now);
  return writer.take();
}

TEST_CASE("show --json has the members of the contract in their order") {
  StateFixture fixture;
  const Session session = fixture.add_session("app", "C1");
  Artifact artifact = fixture.add_artifact(session, "3fa9c1d20b7e", ArtifactState::archived);
  artifact.size = artifact.received = ByteCount(5);
  artifact.digest = Digest{};
  artifact.attempts = 1;
  fixture.update(artifact);
  fixture.add_replica(artifact, Replica{.store = StoreId("local"),
                                        .path = "a.mov",
                                        .location = "/srv/a.mov",
                                        .size = ByteCount(5),
                                        .digest = Digest{},
                                        .verified_at = at("2026-01-02T00:00:00Z")});
  fixture.add_replica(artifact,
                      Replica{.location = "s3://bucket/a.mov", .state = ReplicaState::delivered});
  const std::string zeros(64, '0');
  // Where the store is now, wherever it was when the file came.
  const std::string archive = fixture.state().config().stores.at(0).path;
  CHECK(
      document(fixture, "C1") ==
      R"({"app_id":"app","conf_num":"C1","room_id":"room-1","state":"complete","started_at":null,)"
      R"("ended_at":null,"deadline":"2026-01-04T10:00:00.000Z","artifacts":[{"id":"3fa9c1d20b7e",)"
      R"("kind":"recording","stage":null,"name":"3fa9c1d20b7e.mov",)"
      R"("source":"https://files.example.com/3fa9c1d20b7e.mov?part=1","state":"archived",)"
      R"("disputed":false,"declared_size":null,"size":5,"received":5,"sha256":")" +
          zeros +
          R"(","attempts":1,"deadline":"2026-01-04T10:00:00.000Z","next_attempt_at":null,)"
          R"("error":null,"replicas":[{"store":"local","location":")" +
          archive + R"(/a.mov","size":5,"sha256":")" + zeros +
          R"(","state":"verified","verified_at":"2026-01-02T00:00:00.000Z","read_at":null,)"
          R"("found_at":null,"cause":null},)"
          R"({"store":null,"location":"s3://bucket/a.mov","size":null,"sha256":null,)"
          R"("state":"delivered","verified_at":null,"read_at":null,"found_at":null,"cause":null}]}]})");
}

TEST_CASE("what runs is as large as its file in staging, without a write to the catalog") {
  StateFixture fixture;
  const Session session = fixture.add_session("app", "C1");
  fixture.add_artifact(session, "aaaaaaaaaaaa", ArtifactState::running);
  Artifact waiting = fixture.add_artifact(session, "bbbbbbbbbbbb", ArtifactState::waiting);
  waiting.received = ByteCount(3);
  waiting.error = Error{Errc::timeout, "no byte for 60s"};
  fixture.update(waiting);
  fixture.folder().write("state/archive/.staging/aaaaaaaaaaaa.part", "1234567");
  const std::string text = document(fixture, "C1");
  CHECK(text.find("\"received\":7") != std::string::npos);
  CHECK(text.find("\"received\":3") != std::string::npos);
  CHECK(text.find(R"("error":{"code":"timeout","message":"no byte for 60s"})") !=
        std::string::npos);
}

TEST_CASE("sessions and deliveries have the members of the contract in their order") {
  SessionSummary summary;
  summary.session.key = {AppId("app"), ConfNum("C1")};
  summary.artifacts = 3;
  summary.archived = 2;
  summary.bytes = ByteCount(10);
  json::Writer writer;
  write_summary(writer, summary, k_now, 12);
  CHECK(writer.take() ==
        R"({"app_id":"app","conf_num":"C1","room_id":null,"state":"open","artifacts":3,)"
        R"("archived":2,"bytes":10,"deadline":null,)"
        R"("why":"open: no session_stop has come yet; 2 artifacts archived so far","after":12})");
  json::Writer other;
  write_delivery(other, DeliveryRecord{.seq = Seq(4), .received_at = k_now, .reason = "why"});
  CHECK(other.take() ==
        R"({"seq":4,"received_at":"2026-01-03T00:00:00.000Z","app_id":null,"type":null,)"
        R"("conf_num":null,"state":"pending","reason":"why","duplicates":0})");
}

std::string listed(daemon::Operator& state, const ListFilter& filter) {
  std::string text;
  REQUIRE(state.deliveries(filter, [&](const DeliveryRecord& record) {
    text += std::to_string(record.seq.get()) + ":" + std::string(to_string(record.state)) + " ";
    return true;
  }));
  return text;
}

TEST_CASE("deliveries past the catalog's cursor are pending and come first") {
  StateFixture fixture;
  const Seq first = fixture.deliver(R"({"type":"room","app_id":"a","conf_num":"C1"})");
  REQUIRE(fixture.catalog().transact([&] {
    return fixture.catalog().put_delivery(DeliveryRecord{.seq = first,
                                                         .received_at = at("2026-01-01T11:00:00Z"),
                                                         .app_id = "a",
                                                         .state = DeliveryState::ignored});
  }));
  fixture.take_up();
  for (int i = 0; i < 80; ++i)
    fixture.deliver(R"({"type":"roomdrop","app_id":"b","conf_num":"C)" + std::to_string(i) + "\"}");
  daemon::Operator state = fixture.state();
  const std::string all = listed(state, {});
  CHECK(all.starts_with("81:pending 80:pending "));
  CHECK(all.ends_with("2:pending 1:ignored "));
  CHECK(listed(state, {.limit = 2}) == "81:pending 80:pending ");
  CHECK(listed(state, {.after = 3}) == "2:pending 1:ignored ");
  CHECK(listed(state, {.after = 3, .limit = 1}) == "2:pending ");
  CHECK(listed(state, {.state = "ignored"}) == "1:ignored ");
  CHECK(listed(state, {.app_id = AppId("a")}) == "1:ignored ");
  CHECK(listed(state, {.state = "pending", .limit = 1}) == "81:pending ");
}

TEST_CASE("an unknown session is not found, one of two projects is a conflict that names them") {
  StateFixture fixture;
  fixture.add_session("app-1", "C1");
  fixture.add_session("app-2", "C1");
  fixture.take_up();
  daemon::Operator state = fixture.state();
  CHECK(state.find(ConfNum("C2"), std::nullopt).error().code == Errc::not_found);
  const auto both = state.find(ConfNum("C1"), std::nullopt);
  CHECK(both.error().code == Errc::conflict);
  CHECK(both.error().message.find("app-1, app-2") != std::string::npos);
  CHECK(state.find(ConfNum("C1"), AppId("app-2"))->session.key.app_id == AppId("app-2"));
}

TEST_CASE("an order is a row of the journal that the catalog has not taken up yet") {
  StateFixture fixture;
  const Session session = fixture.add_session("app", "C1");
  const Artifact artifact = fixture.add_artifact(session, "aaaaaaaaaaaa", ArtifactState::archived);
  fixture.take_up();
  daemon::Operator state = fixture.state();
  daemon::Follow follow{.session = session.key, .artifacts = {artifact.id}};
  follow.order = state.order(RedownloadCommand{session.key, {artifact.id}, false}).value();
  CHECK_FALSE(state.look(follow)->settled());
  CHECK(state.follow(follow, [](const daemon::Standing&) {}).value() ==
        daemon::FollowEnd::no_agent);
  fixture.take_up();
  CHECK(state.look(follow)->settled());
  CHECK(state.follow(follow, [](const daemon::Standing&) {}).value() == daemon::FollowEnd::settled);
}

TEST_CASE("a session's state is told with its reason") {
  StateFixture fixture;
  const Session session = fixture.add_session("app", "C1");
  fixture.add_artifact(session, "aaaaaaaaaaaa", ArtifactState::planned);
  fixture.add_artifact(session, "bbbbbbbbbbbb", ArtifactState::cancelled);
  daemon::Operator state = fixture.state();
  const SessionView view = state.find(ConfNum("C1"), std::nullopt).value();
  CHECK(describe(view, SessionState::overdue, at("2026-01-04T07:00:00Z")) ==
        "overdue: 1 of 1 artifact not archived, first deadline in 3h; 1 cancelled");
}

TEST_CASE("an error is told with its code once and with the way out") {
  Artifact artifact;
  artifact.id = ArtifactId("3fa9c1d20b7e");
  artifact.identity.session.conf_num = ConfNum("C1");
  artifact.state = ArtifactState::cancelled;
  artifact.error = Error{Errc::cancelled, "cancelled: test call"};
  CHECK(describe_error({artifact, {}}) == "cancelled: test call");
  artifact.state = ArtifactState::expired;
  artifact.error = Error{Errc::not_found, "404\x1b[2J"};
  const std::string told = describe_error({artifact, {}});
  CHECK(told.starts_with("not_found: 404"));
  CHECK(told.find('\x1b') == std::string::npos);
  CHECK(told.find("reelkeep redownload C1 --artifact 3fa9c1d20b7e") != std::string::npos);
  artifact.state = ArtifactState::quarantined;
  artifact.bad_digest = Digest{};
  CHECK(describe_error({artifact, {}}).ends_with("reelkeep accept --artifact 3fa9c1d20b7e"));
}

}  // namespace
}  // namespace reelkeep::cli
