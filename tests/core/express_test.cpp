// Short files that go straight from their transfer into their store.
#include <fstream>
#include <iterator>
#include <thread>

#include "core/house.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

const std::string k_first = "https://portal.enablex.io/p/first.mov";

/// A house with one store, whose disk the test holds; another one is there and not wanted yet.
struct OneStore : House {
  OneStore() {
    policy->projects[0].stores = {StoreId("one")};
    for (auto& [id, disk] : disks) {
      more_stores.push_back(std::make_unique<MemoryStore>(StoreId(id), disk));
      stores_by_id[id] = static_cast<MemoryStore*>(more_stores.back().get());
    }
  }
  ~OneStore() { stop(); }

  /// With a file that is archived already: the store is open and has nothing else to do.
  void begin() {
    start();
    REQUIRE(eventually([&] { return agent->status().store_problems.empty(); }));
    offer({k_first}, {{}, movie("first")}, "c0");
    until([](const SessionView& view) { return first(view).state == ArtifactState::archived; },
          "c0");
  }
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(disks["one"].mutex); }
  std::size_t files(const std::string& id) {
    const std::lock_guard lock(disks[id].mutex);
    return disks[id].files.size();
  }
  std::vector<PendingPut> waiting(const Artifact& artifact) {
    return sqlite::open_catalog(dir.path("catalog.db")).value()->pending(artifact.row).value();
  }

  std::map<std::string, MemoryDisk> disks = [] {
    std::map<std::string, MemoryDisk> made;
    made["one"];
    made["other"];
    return made;
  }();
  std::map<std::string, MemoryStore*> stores_by_id;
};

}  // namespace

TEST_CASE("a short file is archived without having waited for its store in the catalog") {
  OneStore house;
  house.begin();
  {
    const auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    REQUIRE(house.eventually([&] { return house.requests(k_url) == 1; }));
    const SessionView view =
        house.until([](const SessionView& v) { return first(v).state != ArtifactState::planned; });
    CHECK(first(view).state == ArtifactState::running);
  }
  const Artifact archived = first(house.until_state(ArtifactState::archived));
  CHECK(archived.attempts == 1);
  CHECK_FALSE(archived.in_hand);
  CHECK(archived.received == ByteCount(movie("one").size()));
  house.stop();
  CHECK(house.staging->list().value().empty());
  CHECK(house.waiting(archived).empty());
}

TEST_CASE("what a store holds up is written down, and fetched once") {
  OneStore house;
  house.begin();
  {
    const auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    const Artifact artifact = first(house.until_state(ArtifactState::verifying));
    CHECK(artifact.attempts == 1);
    CHECK_FALSE(artifact.in_hand);
  }
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("a store that refuses a short file gets it later, from staging") {
  OneStore house;
  house.begin();
  house.stores_by_id["one"]->fail_puts(Error{Errc::internal, "not today"});
  house.offer({k_url}, {{}, movie("one")});
  REQUIRE(house.eventually([&] { return house.files("one") == 2; }, 1s));
  const Artifact artifact = first(house.until_state(ArtifactState::archived));
  CHECK(artifact.attempts == 1);
  CHECK_FALSE(artifact.error);
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("what a store refused is read back before it is given it again") {
  OneStore house;
  house.begin();
  house.stores_by_id["one"]->fail_puts(Error{Errc::internal, "not today"});
  house.offer({k_url}, {{}, movie("one")});
  const SessionView view = house.until([](const SessionView& v) {
    return first(v).state == ArtifactState::verifying && first(v).error;
  });
  house.stop();
  CHECK(house.waiting(first(view)).at(0).run == core::k_no_run);
}

TEST_CASE("a short file whose staged bytes are gone is fetched again") {
  OneStore house;
  house.begin();
  {
    const auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    REQUIRE(house.eventually([&] {
      const auto names = house.staging->list().value();
      return house.requests(k_url) == 1 && names.size() == 1 &&
             house.staging->stat(names[0]).value() == ByteCount(movie("one").size());
    }));
    REQUIRE(house.staging->remove(house.staging->list().value().at(0)).has_value());
  }
  REQUIRE(house.eventually([&] { return house.requests(k_url) == 2; }, 1min));
  CHECK(first(house.until_state(ArtifactState::archived)).attempts == 2);
}

TEST_CASE("a stop keeps short files that their store did not take yet") {
  OneStore house;
  house.begin();
  const std::string second = "https://portal.enablex.io/p/second.mov";
  {
    auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    house.until_state(ArtifactState::running);
    house.offer({second}, {{}, movie("two")}, "c2");
    REQUIRE(house.eventually([&] { return house.requests(second) == 1; }));
    std::thread stopping([&] { house.stop(); });
    while (!house.stores_by_id["one"]->was_interrupted()) std::this_thread::yield();
    held.unlock();
    stopping.join();
  }
  house.start();
  house.until_state(ArtifactState::archived);
  house.until([](const SessionView& view) { return first(view).state == ArtifactState::archived; },
              "c2");
  CHECK(house.requests(k_url) == 1);
  CHECK(house.requests(second) == 1);
  CHECK(house.files("one") == 3);
}

TEST_CASE("a store that is wanted meanwhile gets a short file too") {
  OneStore house;
  house.begin();
  {
    const auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    REQUIRE(house.eventually([&] { return house.requests(k_url) == 1; }));
    auto changed = std::make_shared<core::Policy>(*house.policy);
    changed->projects[0].stores = {StoreId("one"), StoreId("other")};
    house.agent->set_policy(changed);
  }
  REQUIRE(house.eventually([&] { return house.files("other") == 1; }, 1s));
  const Artifact archived = first(house.until_state(ArtifactState::archived));
  CHECK_FALSE(archived.in_hand);
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("cancelled on its way into the store, a short file is not left in hand") {
  OneStore house;
  house.begin();
  {
    const auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    const SessionView view =
        house.until([](const SessionView& v) { return first(v).state == ArtifactState::running; });
    REQUIRE(house.eventually([&] { return house.requests(k_url) == 1; }));
    house.command(CancelCommand{view.session.key, {first(view).id}, "not wanted"});
    house.until_state(ArtifactState::cancelled);
  }
  house.until([](const SessionView& v) {
    return first(v).state == ArtifactState::cancelled && !first(v).in_hand;
  });
  CHECK(house.staging->list().value().empty());
}

TEST_CASE("what could not be fetched again is written down before a store has it") {
  OneStore house;
  house.begin();
  Reply reply{{}, movie("one")};
  SUBCASE("its deadline is near") {
    house.clock.turn(71h + 30min);
  }
  SUBCASE("it is long") {
    reply.bytes = movie(std::string(2 << 20, 'x'));
  }
  const auto held = house.hold();
  house.offer({k_url}, reply);
  house.until([](const SessionView& v) { return first(v).state == ArtifactState::verifying; });
}

TEST_CASE("what a stop has no time to read back is read by the next run before it is published") {
  OneStore house;
  house.begin();
  const std::string second = "https://portal.enablex.io/p/second.mov";
  const std::string third = "https://portal.enablex.io/p/third.mov";
  {
    auto held = house.hold();
    house.offer({k_url}, {{}, movie("one")});
    house.until_state(ArtifactState::running);
    house.offer({second}, {{}, movie("two")}, "c2");
    house.offer({third}, {{}, movie("three")}, "c3");
    REQUIRE(house.eventually(
        [&] { return house.requests(second) == 1 && house.requests(third) == 1; }));
    std::thread stopping([&] { house.stop(); });
    while (!house.stores_by_id["one"]->was_interrupted()) std::this_thread::yield();
    house.clock.turn_steady(1min);
    held.unlock();
    stopping.join();
  }
  std::size_t changed = 0;
  const std::vector<std::string> staged_names = house.staging->list().value();
  for (const std::string& name : staged_names) {
    std::fstream staged(house.staging->path_of(name), std::ios::in | std::ios::out);
    const std::string bytes{std::istreambuf_iterator<char>(staged), {}};
    if (bytes != movie("two")) continue;
    staged.seekp(-1, std::ios::end);
    staged.put('?');
    ++changed;
  }
  REQUIRE(changed == 1);
  house.start();
  REQUIRE(house.eventually([&] { return house.requests(second) == 2; }, 1min));
  for (const std::string conf : {"c1", "c2", "c3"})
    house.until(
        [](const SessionView& view) { return first(view).state == ArtifactState::archived; }, conf);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.requests(second) == 2);
  CHECK(house.requests(third) == 1);
}

TEST_CASE("files are fetched although their store hangs, however quick it was before") {
  OneStore house;
  house.begin();
  const auto is_archived = [](const SessionView& view) {
    return std::ranges::all_of(view.artifacts, [](const ArtifactView& one) {
      return one.artifact.state == ArtifactState::archived;
    });
  };
  for (int i = 0; i < 25; ++i) {
    const std::string number = std::to_string(i);
    house.offer({"https://portal.enablex.io/q/" + number + ".mov"}, {{}, movie("q")}, "q" + number);
    house.until(is_archived, "q" + number);
  }
  std::vector<std::string> urls;
  for (int i = 0; i < 600; ++i)
    urls.push_back("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  {
    const auto held = house.hold();
    house.offer(urls, {{}, movie("x")}, "c2");
    REQUIRE(house.eventually([&] {
      return std::ranges::all_of(urls, [&](const auto& url) { return house.requests(url) == 1; });
    }));
  }
  house.until(is_archived, "c2");
  for (const std::string& url : urls) CHECK(house.requests(url) == 1);
}
