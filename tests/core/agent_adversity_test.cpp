#include <doctest/doctest.h>
#include <filesystem>
#include <thread>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

const Reply k_refused{Error{Errc::unauthorized, "403"}, ""};

std::vector<std::string> numbered(const std::string& host, int count) {
  std::vector<std::string> urls;
  for (int i = 0; i < count; ++i)
    urls.push_back("https://" + host + "/p/" + std::to_string(i) + ".mov");
  return urls;
}

void hold(House& house, bool held) {
  std::lock_guard lock(house.script.mutex);
  house.script.held = held;
}

bool breaker_is_open(House& house) {
  return !house.agent->status().open_breakers.empty();
}

}  // namespace

TEST_CASE("a store that never held anything may be given another place, one that did may not") {
  House house;
  const auto opened = [&] {
    return house.eventually([&] { return house.agent->status().store_problems.empty(); });
  };
  const auto move_to = [&](const char* place) {
    house.stop();
    house.store = fs::make_local_store(StoreId("local"), house.dir.path(place),
                                       {.staging_dir = house.dir.path("staging")});
    house.start();
  };
  house.start();
  REQUIRE(opened());
  move_to("elsewhere");
  REQUIRE(opened());
  house.offer({k_url}, Reply{{}, movie("x")});
  house.until_state(ArtifactState::archived);
  CHECK(std::filesystem::exists(house.dir.path("elsewhere/r1/c1/recording/f.mov")));

  move_to("third");
  REQUIRE(house.eventually([&] {
    const auto problems = house.agent->status().store_problems;
    return problems.contains("local") &&
           problems.at("local").find("expected archive") != std::string::npos;
  }));
  CHECK_FALSE(std::filesystem::exists(house.dir.path("third/.reelkeep-archive")));
  // Moved there with all that it holds, it is the same archive.
  house.stop();
  std::filesystem::rename(house.dir.path("elsewhere"), house.dir.path("third"));
  house.start();
  CHECK(opened());
}

TEST_CASE("refused files of one host do not keep the probes from a good one of another") {
  House house;
  house.start();
  house.offer(numbered("a.enablex.io", 3), k_refused);
  REQUIRE(house.eventually([&] { return breaker_is_open(house); }));
  house.offer({"https://b.enablex.io/good.mov"}, {{}, movie("ok")}, "c2");
  CHECK(house.eventually([&] { return house.requests("https://b.enablex.io/good.mov") > 0; }, 61s));
}

TEST_CASE("forty refused files do not keep the probes from the good one behind them") {
  House house;
  house.start();
  house.offer(numbered("a.enablex.io", 40), k_refused);
  house.offer({"https://a.enablex.io/good.mov"}, {{}, movie("ok")}, "c2");
  CHECK(house.eventually([&] { return house.requests("https://a.enablex.io/good.mov") > 0; }, 61s));
}

TEST_CASE("a cancelled probe does not end the probing") {
  House house;
  house.start();
  const std::vector<std::string> urls = numbered("a.enablex.io", 4);
  house.offer(urls, k_refused);
  REQUIRE(house.eventually([&] { return breaker_is_open(house); }));
  hold(house, true);
  REQUIRE(house.eventually([&] { return house.agent->status().running > 0; }, 61s));
  const SessionView view = house.until([](const SessionView& v) {
    return std::ranges::any_of(v.artifacts,
                               [](const ArtifactView& a) { return a.artifact.in_hand; });
  });
  for (const ArtifactView& v : view.artifacts)
    if (v.artifact.in_hand)
      house.command(CancelCommand{v.artifact.identity.session, {v.artifact.id}, "x"});
  REQUIRE(house.eventually([&] { return house.agent->status().running == 0; }));
  hold(house, false);
  const auto asked = [&] {
    int sum = 0;
    for (const std::string& url : urls) sum += house.requests(url);
    return sum;
  };
  const int before = asked();
  CHECK(house.eventually([&] { return asked() > before; }, 61s));
}

TEST_CASE("absurd declared sizes neither block the queue nor are given up unseen") {
  House house;
  for (int i = 0; i < 4; ++i) {
    const std::string url = "https://portal.enablex.io/p/t" + std::to_string(i) + ".mov";
    house.reply(url, {{{}, movie("t")}});
    house.deliver(
        body("transcoded", ",\"recording\":\"" + url + "\",\"file_size\":\"900000000000000\""));
  }
  house.offer({k_url}, {{}, movie("one")}, "c2");
  house.start();
  CHECK(house.eventually([&] { return house.requests(k_url) > 0; }));
  CHECK(house.eventually([&] { return house.requests("https://portal.enablex.io/p/t3.mov") > 0; },
                         61s));
}

TEST_CASE("a store that a project does not need any more is not waited for") {
  House house;
  house.policy->projects[0].stores = {StoreId("local"), StoreId("gone")};
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  house.until([](const SessionView& v) {
    return !v.artifacts.empty() && first(v).error.has_value() && !v.artifacts[0].replicas.empty();
  });
  auto mended = std::make_shared<core::Policy>(*house.policy);
  mended->projects[0].stores = {StoreId("local")};
  SUBCASE("after a reload") {
    house.agent->set_policy(mended);
  }
  SUBCASE("after a restart") {
    house.stop();
    house.policy = mended;
    house.start();
  }
  house.until_state(ArtifactState::archived);
  house.stop();
  CHECK(house.staging->list().value().empty());
}

TEST_CASE("a cancelled refetch on its way into a store can be asked for again") {
  House house;
  house.reply(k_url, {{{}, movie("old")}, {{}, movie("newer")}});
  house.start();
  house.deliver(k_offer);
  const SessionView old = house.until_state(ArtifactState::archived);
  const auto fetch_again = [&] {
    house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  };
  std::filesystem::rename(house.dir.path("archive/.reelkeep-archive"), house.dir.path("marker"));
  fetch_again();
  house.until([](const SessionView& v) { return first(v).error.has_value(); });
  house.command(CancelCommand{first(old).identity.session, {first(old).id}, "x"});
  house.until([](const SessionView& v) { return !first(v).refetch && !first(v).in_hand; });
  std::filesystem::rename(house.dir.path("marker"), house.dir.path("archive/.reelkeep-archive"));
  REQUIRE(house.eventually([&] { return house.agent->status().store_problems.empty(); }, 11s));
  fetch_again();
  CHECK(house.eventually([&] { return house.requests(k_url) == 3; }, 61s));
}

TEST_CASE("bytes that a store does not find in staging are fetched again with pauses") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  REQUIRE(house.eventually([&] { return house.agent->status().store_problems.empty(); }));
  // As if a filesystem had been mounted over it.
  std::filesystem::rename(house.dir.path("staging"), house.dir.path("hidden"));
  std::filesystem::create_directory(house.dir.path("staging"));
  house.deliver(k_offer);
  const SessionView view = house.until_state(ArtifactState::waiting);
  CHECK(first(view).next_attempt_at > house.clock.now());
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("a lost catalog and an archive that is not mounted leave what is archived archived") {
  House house;
  house.reply(k_url, {{{}, movie("one")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  house.stop();
  house.clock.turn(100h);
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  std::filesystem::create_directory(house.dir.path("archive"));
  house.store = fs::make_local_store(StoreId("local"), house.dir.path("archive"),
                                     {.staging_dir = house.dir.path("staging")});
  house.start();
  REQUIRE(house.eventually([&] {
    const auto problems = house.agent->status().store_problems;
    return problems.contains("local") && problems.at("local").find("expected") != std::string::npos;
  }));
  CHECK_FALSE(house.dir.exists("archive/.reelkeep-archive"));
  CHECK(first(house.until_state(ArtifactState::archived)).digest == sha256(movie("one")));
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("complete bytes in staging outlive the catalog when their store is away") {
  House house;
  house.reply(k_url, {{{}, movie("only once")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/.reelkeep-archive"); }));
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  house.deliver(k_offer);
  house.until([](const SessionView& v) {
    return !v.artifacts.empty() && first(v).state == ArtifactState::verifying && first(v).error;
  });
  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  house.clock.turn(100h);
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.dir.read(k_file) == movie("only once"));
}

TEST_CASE("staged bytes that changed after they were received are never published") {
  House house;
  house.reply(k_url, {{{}, movie("right")}, {{}, movie("right")}});
  house.start();
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/.reelkeep-archive"); }));
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  house.deliver(k_offer);
  const SessionView held = house.until([](const SessionView& v) {
    return !v.artifacts.empty() && first(v).state == ArtifactState::verifying && first(v).error;
  });
  house.stop();
  house.dir.write("staging/" + first(held).staging_name + ".part", movie("wrong"));
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  house.clock.turn(1min);
  house.start();
  house.until_state(ArtifactState::waiting);
  CHECK_FALSE(house.dir.exists(k_file));
  house.clock.turn(20min);
  house.until_state(ArtifactState::archived);
  CHECK(house.dir.read(k_file) == movie("right"));
}

TEST_CASE("the agent stops although the catalog cannot be written") {
  House house;
  hold(house, true);
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::running);
  auto other = sqlite::open_catalog(house.dir.path("catalog.db")).value();
  std::thread stopper;
  // The write lock is held until the agent has stopped.
  CHECK(other
            ->transact([&]() -> Status {
              house.agent->checkpointed(Checkpoint{1, ResumePoint{ByteCount(1), "x", {}, {}}});
              stopper = std::thread([&] { house.agent->stop(); });
              stopper.join();
              return {};
            })
            .has_value());
}

TEST_CASE("bytes accepted while no agent runs are archived by the next one") {
  House house;
  const std::string page = "<!doctype html><html><body>log in</body></html>";
  house.reply(k_url, {{{}, page}});
  house.start();
  house.deliver(k_offer);
  const SessionView refused = house.until_state(ArtifactState::waiting);
  house.stop();
  // A later attempt that got nothing left an empty file.
  house.dir.write("staging/" + first(refused).staging_name + ".part", "");
  house.command(AcceptCommand{first(refused).identity.session, first(refused).id});
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.dir.read(k_file) == page);
}
