#include <doctest/doctest.h>
#include <fstream>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a full disk pauses downloads without burning attempts and resumes by itself") {
  House house;
  house.reply(k_url, {{Error{Errc::no_space, "disk full"}, ""}, {{}, movie("fits now")}});
  house.start();
  house.deliver(k_offer);
  house.until([](const SessionView& view) { return first(view).error.has_value(); });
  CHECK(house.agent->status().disk_paused);
  house.clock.turn(std::chrono::seconds(30));
  const SessionView archived = house.until_state(ArtifactState::archived);
  CHECK(first(archived).attempts == 1);
  REQUIRE(house.attempts(first(archived)).size() == 1);
  CHECK(house.attempts(first(archived))[0].error->code == Errc::no_space);
  CHECK(house.attempts(first(archived))[0].number == 0);
}

TEST_CASE(
    "a body without a length that fills the disk is thrown away, costs a try and lets others "
    "pass") {
  House house;
  const Error full{Errc::no_space, "no space left"};
  house.reply(k_url, {{full, "endless", 200}, {{}, movie("whole")}});
  house.start();
  house.deliver(k_offer);
  const SessionView waiting = house.until_state(ArtifactState::waiting);
  CHECK(first(waiting).error == full);
  CHECK(first(waiting).attempts == 1);
  CHECK(first(waiting).received == ByteCount(0));
  CHECK_FALSE(first(waiting).resume.has_value());
  CHECK(house.eventually([&] { return house.staging->list()->empty(); }));
  CHECK_FALSE(house.agent->status().disk_paused);
  house.offer({"https://portal.enablex.io/p/other.mov"}, {{}, movie("other")}, "c2");
  house.until(
      [](const SessionView& v) {
        return !v.artifacts.empty() && first(v).state == ArtifactState::archived;
      },
      "c2");
  CHECK(house.requests(k_url) == 1);
  house.clock.turn(std::chrono::minutes(20));
  CHECK(first(house.until_state(ArtifactState::archived)).attempts == 2);
}

TEST_CASE("what is larger than all the room keeps its bytes, costs no try and lets others pass") {
  House house;
  const Error full{Errc::no_space, "no space left"};
  const ByteCount huge(std::uint64_t{1} << 60U);
  house.reply(k_url, {{full, "the first bytes", 200, huge}, {{}, movie("fits now")}});
  house.start();
  house.deliver(k_offer);
  const SessionView waiting = house.until_state(ArtifactState::waiting);
  CHECK(first(waiting).error == full);
  CHECK(first(waiting).attempts == 0);
  CHECK(first(waiting).received == ByteCount(std::string("the first bytes").size()));
  CHECK(first(waiting).resume.has_value());
  CHECK(first(waiting).next_attempt_at <= house.clock.now() + std::chrono::minutes(1));
  CHECK(house.staging->list()->size() == 1);
  CHECK_FALSE(house.agent->status().disk_paused);
  CHECK(house.eventually([&] { return house.agent->status().without_room == 1; }));
  house.offer({"https://portal.enablex.io/p/other.mov"}, {{}, movie("other")}, "c2");
  house.until(
      [](const SessionView& v) {
        return !v.artifacts.empty() && first(v).state == ArtifactState::archived;
      },
      "c2");
  CHECK(house.requests(k_url) == 1);
  house.clock.turn(std::chrono::seconds(61));
  CHECK(first(house.until_state(ArtifactState::archived)).attempts == 1);
}

TEST_CASE("a missing store keeps complete bytes in staging until it is back") {
  House house;
  house.reply(k_url, {{{}, movie("kept")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  const std::string second = "https://portal.enablex.io/p/g.mov";
  house.reply(second, {{{}, movie("second")}});
  house.deliver(body("recording", ",\"recording\":\"" + second + "\""));
  house.until([](const SessionView& view) {
    return std::ranges::any_of(view.artifacts, [](const ArtifactView& v) {
      return v.artifact.state == ArtifactState::verifying && v.artifact.error.has_value();
    });
  });
  CHECK_FALSE(house.dir.exists("archive"));
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  house.clock.turn(std::chrono::minutes(20));
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(second) == 1);
}

TEST_CASE("a store that goes away is told without anything to publish, and so is its return") {
  House house;
  house.reply(k_url, {{{}, movie("there")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  const auto told = [&](std::size_t problems) {
    const Patience patience;
    while (house.agent->status().store_problems.size() != problems) {
      REQUIRE_FALSE(patience.ended());
      house.clock.turn(std::chrono::seconds(10));
      house.agent->wake();
      (void)::poll(nullptr, 0, 10);
    }
  };
  told(0);
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  told(1);
  CHECK_FALSE(house.dir.exists("archive"));
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  told(0);
}

TEST_CASE("complete bytes that were there at two deaths are held back, then published") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  const ArtifactRow row = first(house.until_state(ArtifactState::archived)).row;
  house.stop();
  {
    // What a run left behind that died while it published, as one before it did.
    auto catalog = sqlite::open_catalog(house.dir.path("catalog.db")).value();
    auto artifact = catalog->artifact(row).value().value();
    artifact.state = ArtifactState::verifying;
    artifact.deaths = 1;
    auto replica = catalog->replicas(row).value().at(0);
    replica.state = ReplicaState::missing;
    REQUIRE(catalog
                ->transact([&]() -> Status {
                  REELKEEP_TRY(catalog->put_replica(row, replica));
                  REELKEEP_TRY(catalog->put_artifact(artifact));
                  REELKEEP_TRY(catalog->put_pending({.artifact = row,
                                                     .store = StoreId("local"),
                                                     .digest = *artifact.digest,
                                                     .size = *artifact.size,
                                                     .due_at = house.clock.now()}));
                  return catalog->set_note("running", "1");
                })
                .has_value());
  }
  house.start();
  const SessionView held = house.until([&](const SessionView& view) {
    return first(view).error.has_value() && house.agent->status().store_problems.empty();
  });
  CHECK(first(held).state == ArtifactState::verifying);
  CHECK(first(held).error->code == Errc::internal);
  CHECK(first(held).next_attempt_at > house.clock.now());
  house.clock.turn(std::chrono::minutes(20));
  CHECK_FALSE(first(house.until_state(ArtifactState::archived)).error.has_value());
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("a catalog that is damaged while in use ends the agent, and the next start rebuilds it") {
  House house;
  house.reply(k_url, {{{}, movie("kept")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  house.stop();
  {
    // A page in the middle, not the header: opening does not see it.
    std::fstream file(house.dir.path("catalog.db"),
                      std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 40; ++page) {
      file.seekp(page * 4096);
      file << std::string(4096, '\xee');
    }
  }
  house.start();
  const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
  house.deliver(body("session_stop"));
  while (!house.agent->status().ended && std::chrono::steady_clock::now() < hang) {
    house.agent->wake();
    if (!house.agent->status().catching_up && house.dir.exists("catalog.db")) break;
  }
  house.stop();
  house.start();
  const SessionView view = house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
  CHECK(view.session.ended_at.has_value());
}

TEST_CASE("files of an app_id without a project are told at once, and fetched when it has one") {
  House house;
  house.policy->projects[0].app_id = AppId("somebody-else");
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  REQUIRE(house.eventually([&] { return house.agent->status().unconfigured.size() == 1; }));
  CHECK(house.requests(k_url) == 0);
  auto mended = std::make_shared<core::Policy>(*house.policy);
  mended->projects[0].app_id = AppId("*");
  house.agent->set_policy(mended);
  house.until_state(ArtifactState::archived);
  CHECK(house.eventually([&] { return house.agent->status().unconfigured.empty(); }));
}
