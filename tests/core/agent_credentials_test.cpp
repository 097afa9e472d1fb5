#include <doctest/doctest.h>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("wrong credentials cost a handful of requests, and a reload lets the work go on") {
  House house;
  std::string urls;
  for (int i = 0; i < 200; ++i) {
    const std::string url = "https://portal.enablex.io/p/" + std::to_string(i) + ".mov";
    urls += (i == 0 ? "\"" : ",\"") + url + "\"";
    house.reply(url, {{Error{Errc::unauthorized, "403"}, ""}});
  }
  house.start();
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
  while (house.agent->status().open_breakers.empty() && std::chrono::steady_clock::now() < hang)
    house.agent->wake();
  REQUIRE(house.agent->status().open_breakers.size() == 1);
  CHECK(house.agent->status().open_breakers[0].key == "*");
  house.clock.turn(std::chrono::minutes(10));
  house.until(
      [&](const SessionView&) { return house.agent->status().failures[Errc::unauthorized] > 3; });
  int requests = 0;
  for (int i = 0; i < 200; ++i)
    requests += house.requests("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  CHECK(requests < 20);
  // No attempt was burned by the artifacts that found the breaker open.
  std::int64_t attempts = 0;
  for (const ArtifactView& v : house.until([](const SessionView&) { return true; }).artifacts)
    attempts += v.artifact.attempts;
  CHECK(attempts <= 2);

  for (int i = 0; i < 200; ++i)
    house.reply("https://portal.enablex.io/p/" + std::to_string(i) + ".mov", {{{}, movie("ok")}});
  auto mended = std::make_shared<core::Policy>(*house.policy);
  mended->projects[0].credential = Credential{"u", Secret("right")};
  house.agent->set_policy(mended);
  house.clock.turn(std::chrono::minutes(20));
  house.until_state(ArtifactState::archived);
}

TEST_CASE(
    "10,000 files behind a wrong password cost a handful, and go on once it is mended there") {
  House house;
  constexpr int k_files = 10'000;
  const auto url = [](int i) { return "https://portal.enablex.io/p/" + std::to_string(i); };
  std::string urls;
  for (int i = 0; i < k_files; ++i) {
    urls += (i == 0 ? "\"" : ",\"") + url(i) + "\"";
    house.reply(url(i), {{Error{Errc::unauthorized, "403"}, ""}});
  }
  const auto requests = [&] {
    int sum = 0;
    for (int i = 0; i < k_files; ++i) sum += house.requests(url(i));
    return sum;
  };
  house.start();
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  REQUIRE(house.eventually([&] { return !house.agent->status().open_breakers.empty(); }));
  // Ten minutes, minute by minute: one probe each at most, and the first ones more often.
  for (int minute = 0; minute < 10; ++minute) {
    const auto before = house.agent->status().failures[Errc::unauthorized];
    house.clock.turn(std::chrono::minutes(1));
    CHECK(house.eventually(
        [&] { return house.agent->status().failures[Errc::unauthorized] > before; }));
  }
  CHECK(house.agent->status().open_breakers.size() == 1);
  const int spent = requests();
  MESSAGE("requests for 10,000 files in ten minutes: ", spent);
  CHECK(spent < 40);

  for (int i = 0; i < k_files; ++i) house.reply(url(i), {{{}, movie("ok")}});
  house.clock.turn(std::chrono::minutes(1));
  CHECK(house.eventually(
      [&] { return house.agent->status().open_breakers.empty() && requests() > spent + 10; }));
}

TEST_CASE("of 100 files the one with the earliest deadline is refused for ever: 99 are archived") {
  House house;
  std::string urls;
  for (int i = 0; i < 99; ++i) {
    const std::string url = "https://portal.enablex.io/p/" + std::to_string(i) + ".mov";
    urls += (i == 0 ? "\"" : ",\"") + url + "\"";
    house.reply(url, {{{}, movie(std::to_string(i))}});
  }
  house.reply(k_url, {{Error{Errc::unauthorized, "403"}, ""}});
  house.deliver(
      R"({"type":"recording","trans_date":1767510000,"app_id":"a1","room_id":"r1","conf_num":"c1","recording":")" +
      k_url + "\"}");
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  house.start();
  const SessionView view = house.until([](const SessionView& v) {
    return std::ranges::count_if(v.artifacts, [](const ArtifactView& a) {
             return a.artifact.state == ArtifactState::archived;
           }) == 99;
  });
  CHECK(std::ranges::count_if(view.artifacts, [](const ArtifactView& a) {
          return a.artifact.state == ArtifactState::waiting;
        }) == 1);
  CHECK(house.agent->status().open_breakers.empty());
}
