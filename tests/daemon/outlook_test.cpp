#include <doctest/doctest.h>

#include "daemon/agent_report.hpp"
#include "daemon/obstacles.hpp"

using namespace reelkeep;
using namespace reelkeep::daemon;

namespace {

const Timestamp k_now{std::chrono::hours(480'000)};

ArtifactView view_of(ArtifactState state, const std::string& url = "https://a.enablex.io/f.mov") {
  ArtifactView view;
  view.artifact.identity.session = {AppId("a1"), ConfNum("c1")};
  view.artifact.url = url;
  view.artifact.deadline = k_now + std::chrono::hours(1);
  view.artifact.state = state;
  return view;
}

Config config_of() {
  Config config;
  config.projects.push_back({.app_id = AppId("*"),
                             .hosts = {HostPattern::parse("*.enablex.io").value()},
                             .stores = {StoreId("local"), StoreId("cloud")}});
  return config;
}

/// What holds it up, one after the other.
std::string told(const ArtifactView& view, const Config& config, const AgentState& agent) {
  std::string all;
  for (const Obstacle& one : obstacles_of(view, config, agent, k_now))
    all += (all.empty() ? "" : " | ") + one.what;
  return all;
}

}  // namespace

TEST_CASE("what a running agent says comes back from its JSON") {
  const AgentReport report{
      .pid = 42,
      .version = "1",
      .catching_up = true,
      .catalog_problem = "locked",
      .staging_problem = "gone",
      .disk_paused = true,
      .store_problems = {{"cloud", "no \"answer\""}},
      .destination_problems = {{"there", "cannot connect"}},
      .breakers = {{.app_id = "*", .since = k_now, .next_probe = k_now + Duration(5)}},
      .unconfigured = {"other", "third"},
      .running = 3,
      .received_bytes = 1'000'000'000'000,
      .bytes_per_second = 2.5,
      .forecast = Forecast{.artifacts = 2,
                           .bytes = ByteCount(7),
                           .past = 1,
                           .near = 1,
                           .missed = 1,
                           .first_missed = k_now,
                           .done_at = k_now + Duration(9)}};
  CHECK((decode_agent_report(encode(report)).value() == report));
  CHECK((decode_agent_report(encode(AgentReport{})).value() == AgentReport{}));
  CHECK((decode_agent_report("{\"pid\": \"x\", \"breakers\": 3}").value() == AgentReport{}));
  for (const char* other : {"", "[]", "ok\n", "<html>"})
    CHECK(decode_agent_report(other).error().code == Errc::corrupt);
}

TEST_CASE("a push that is awaited, is not there or differs is told in words, with the way out") {
  Config config = config_of();
  config.projects[0].stores = {StoreId("local"), StoreId("there")};
  config.destinations.push_back({.id = StoreId("there"), .action = DestinationAction::adopt});
  AgentState agent{.runs = true, .report = AgentReport{}};
  ArtifactView view = view_of(ArtifactState::verifying);
  view.replicas.push_back({.store = StoreId("local"), .state = ReplicaState::verified});
  CHECK(told(view, config, agent) ==
        "the provider's push to destination \"there\" is awaited: no file_transfer named this file "
        "yet");
  CHECK(next_of(view, config, agent, k_now) ==
        "its bytes are complete; a push of the provider is awaited");

  view.replicas.push_back(
      {.store = StoreId("there"), .location = "s3://b/f.mov", .state = ReplicaState::delivered});
  CHECK(told(view, config, agent) ==
        "what the provider pushed to destination \"there\" was not looked at yet: s3://b/f.mov");
  agent.report->destination_problems["there"] = "cannot connect";
  CHECK(told(view, config, agent) == "destination \"there\" does not work now: cannot connect");

  view.replicas[1].state = ReplicaState::missing;
  view.replicas[1].cause = "does not exist";
  CHECK(told(view, config, agent) ==
        "what the provider says it pushed to destination \"there\" is not there: s3://b/f.mov: "
        "does not exist");
  view.replicas[1].state = ReplicaState::corrupt;
  view.replicas[1].cause = "its SHA-256 is b instead of a";
  view.artifact.error = Error{Errc::corrupt, "differs"};
  CHECK(told(view, config, agent) ==
        "what the provider pushed to destination \"there\" is not what was downloaded: "
        "s3://b/f.mov: its SHA-256 is b instead of a");
  CHECK(obstacles_of(view, config, agent, k_now).back().way_out ==
        "have the provider push it again, or leave destination \"there\" out of stores of its "
        "[[project]]");
  CHECK(next_of(view, config, agent, k_now) == "nothing by itself: a copy is missing or differs");
}

TEST_CASE("everything that holds an artifact up is told at once, and nothing else") {
  const AgentState fine{.runs = true, .report = AgentReport{}};
  const Config config = config_of();
  CHECK(told(view_of(ArtifactState::planned), config, fine) == "");
  CHECK(told(view_of(ArtifactState::planned), config, {}) == "no agent runs");
  CHECK(told(view_of(ArtifactState::planned), Config{}, fine) ==
        "no [[project]] block is for app_id a1");
  CHECK(told(view_of(ArtifactState::waiting, "http://evil.example/f"), config, fine) ==
        "it is offered by plain http, which is not allowed | host evil.example is not in hosts of "
        "its [[project]]");
  ArtifactView late = view_of(ArtifactState::waiting);
  late.artifact.deadline = k_now - std::chrono::hours(2);
  CHECK(told(late, config, fine) ==
        "its deadline passed 2h ago: the provider may not offer it any more; it is still tried");

  AgentState held = fine;
  held.report->disk_paused = true;
  held.report->breakers.push_back(
      {.app_id = "*", .since = k_now - Duration(60'000), .next_probe = k_now});
  held.report->store_problems["cloud"] = "timeout";
  CHECK(told(view_of(ArtifactState::planned), config, held) ==
        "the staging filesystem is full: downloads are paused | the provider refuses the file "
        "credentials of [[project]] \"*\" (first 1m ago); one probe at a time goes on, the next "
        "now | store \"cloud\" is not available: timeout");
  // Complete bytes need no source any more.
  ArtifactView complete = view_of(ArtifactState::verifying);
  complete.replicas.push_back({.store = StoreId("local"), .state = ReplicaState::verified});
  CHECK(told(complete, config, held) ==
        "store \"cloud\" is not available: timeout | no verified copy yet in store \"cloud\"");
  for (const ArtifactState state :
       {ArtifactState::archived, ArtifactState::expired, ArtifactState::quarantined,
        ArtifactState::cancelled, ArtifactState::delivered})
    CHECK(told(view_of(state), Config{}, held) == "");
  CHECK(project_obstacle(AppId("a1"), config, held, k_now).starts_with("the provider refuses"));
  CHECK(project_obstacle(AppId("a1"), config, fine, k_now) == "");
}

TEST_CASE("what is next is said for every state") {
  for (const ArtifactState state :
       {ArtifactState::planned, ArtifactState::running, ArtifactState::verifying,
        ArtifactState::waiting, ArtifactState::archived, ArtifactState::quarantined,
        ArtifactState::expired, ArtifactState::cancelled, ArtifactState::delivered})
    CHECK_FALSE(next_of(view_of(state), config_of(), {}, k_now).empty());
  ArtifactView waiting = view_of(ArtifactState::waiting);
  waiting.artifact.next_attempt_at = k_now + std::chrono::minutes(3);
  CHECK(next_of(waiting, config_of(), {.runs = true}, k_now) == "the next try comes in 3m");
}
