// What waits for a store lies in the catalog: an outage costs neither memory nor work.
#include "core/house.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

/// A house with a second store, whose disk the test holds.
struct TwoStores {
  TwoStores() {
    house.policy->projects[0].stores = {StoreId("local"), StoreId("far")};
    auto store = std::make_unique<MemoryStore>(StoreId("far"), disk);
    far = store.get();
    house.more_stores.push_back(std::move(store));
  }
  void present(bool there) {
    const std::lock_guard lock(disk.mutex);
    disk.present = there;
  }
  std::size_t far_files() {
    const std::lock_guard lock(disk.mutex);
    return disk.files.size();
  }
  std::int64_t count(ArtifactState state) {
    auto reader = sqlite::open_catalog_reader(house.dir.path("catalog.db"));
    if (!reader) return -1;
    auto figures = (*reader)->figures();
    return figures ? figures->artifacts[state] : -1;
  }
  bool is_open() { return house.agent->status().store_problems.empty(); }

  MemoryDisk disk;
  House house;
  MemoryStore* far = nullptr;
};

std::vector<std::string> many(int count) {
  std::vector<std::string> urls;
  for (int i = 0; i < count; ++i)
    urls.push_back("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  return urls;
}

}  // namespace

TEST_CASE("a store that is away past every deadline gets all that waited, and nothing is lost") {
  TwoStores two;
  House& house = two.house;
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  constexpr int k_files = 300;  // more than a store is handed at a time
  house.offer(many(k_files), {{}, movie("one")});
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::verifying) == k_files; }));
  house.clock.turn(200h);  // past the deadline and the span after it
  SUBCASE("in the same run") {}
  SUBCASE("in the next run") {
    house.stop();
    house.start();
    REQUIRE(house.eventually([&] { return house.agent->status().store_problems.size() == 1; }));
  }
  SUBCASE("with the catalog lost") {
    house.stop();
    REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
    house.start();
    REQUIRE(house.eventually([&] { return house.agent->status().store_problems.size() == 1; }));
  }
  CHECK(two.far_files() == 0);
  two.present(true);
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::archived) == k_files; }, 3s));
  CHECK(two.far_files() == k_files);
  house.until([](const SessionView& v) {
    return session_state(v, k_noon + 300h, 0s) != SessionState::lost;
  });
  house.stop();
  CHECK(house.staging->list().value().empty());
  CHECK(house.requests(many(1)[0]) == 1);
}

TEST_CASE("a store that refuses is tried with one file at a time until it takes one") {
  TwoStores two;
  House& house = two.house;
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.far->fail_puts(Error{Errc::no_space, "the quota is used up"}, 1'000'000);
  house.offer(many(40), {{}, movie("one")});
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::verifying) == 40; }));
  REQUIRE(house.eventually([&] { return two.far->batches().size() >= 3; }, 1s));
  CHECK(two.far->batches().back() == 1);
  CHECK(house.agent->status().store_problems.at("far").find("the quota is used up") !=
        std::string::npos);
  two.far->fail_puts(Error{Errc::no_space, "the quota is used up"}, 0);
  CHECK(house.eventually([&] { return two.count(ArtifactState::archived) == 40; }, 1min));
  CHECK(house.eventually([&] { return house.agent->status().store_problems.empty(); }));
}

TEST_CASE("bytes fetched again that wait for a store are not fetched once more by the next run") {
  TwoStores two;
  House& house = two.house;
  house.reply(k_url, {{{}, movie("old")}, {{}, movie("newer")}});
  house.start();
  house.deliver(k_offer);
  const SessionView old = house.until_state(ArtifactState::archived);
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  house.until([](const SessionView& v) { return first(v).error.has_value(); });
  house.stop();
  two.present(true);
  house.clock.turn(1min);
  house.start();
  const SessionView view = house.until([](const SessionView& v) {
    return !first(v).refetch && first(v).digest == sha256(movie("newer"));
  });
  CHECK(house.requests(k_url) == 2);
  CHECK(first(view).state == ArtifactState::archived);
}

TEST_CASE(
    "what staging lost is copied from a store that has it, when the source gives it no more") {
  TwoStores two;
  House& house = two.house;
  house.reply(k_url, {{{}, movie("one")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  house.deliver(k_offer);
  const SessionView held = house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           view.artifacts[0].replicas.size() == 1;
  });
  const std::string part = "staging/" + first(held).staging_name + ".part";
  SUBCASE("other bytes") {
    house.dir.write(part, movie("two"));
  }
  SUBCASE("nothing at all") {
    std::filesystem::remove(house.dir.path(part));
  }
  house.clock.turn(200h);
  two.present(true);
  REQUIRE(house.eventually([&] {
    house.clock.turn(1min);  // to the next try
    house.agent->wake();
    return two.count(ArtifactState::archived) == 1;
  }));
  CHECK(house.requests(k_url) == 1);
  const std::lock_guard lock(two.disk.mutex);
  CHECK(two.disk.files.at("r1/c1/recording/f.mov") == movie("one"));
}

TEST_CASE("killed between link and unlink, a file is found in the archive, not fetched again") {
  House house;
  house.reply(k_url, {{{}, movie("only once")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/.reelkeep-archive"); }));
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  house.deliver(k_offer);
  const SessionView held = house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           first(view).error;
  });
  house.stop();
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  std::filesystem::create_directories(house.dir.path("archive/r1/c1/recording"));
  std::filesystem::create_hard_link(house.dir.path("staging/" + first(held).staging_name + ".part"),
                                    house.dir.path(k_file));
  house.clock.turn(200h);
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.dir.read(k_file) == movie("only once"));
  CHECK(house.staging->list()->empty());
}
