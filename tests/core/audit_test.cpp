// Replicas are read back, and what is not what it was is repaired from wherever a good one is.
#include <doctest/doctest.h>

#include "core/house.hpp"
#include "core/read_pace.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

const Replica& replica_in(const SessionView& view, const std::string& store) {
  for (const Replica& replica : view.artifacts.at(0).replicas)
    if (replica.store == StoreId(store) && replica.state == ReplicaState::verified) return replica;
  static const Replica k_none{};
  return k_none;
}

bool has_bad(const SessionView& view, ReplicaState state) {
  return !view.artifacts.empty() &&
         std::ranges::any_of(view.artifacts[0].replicas,
                             [&](const Replica& r) { return r.state == state; });
}

/// Archived, with a verified replica in each of the stores.
bool is_whole(const SessionView& view, const std::vector<std::string>& stores) {
  return !view.artifacts.empty() && first(view).state == ArtifactState::archived &&
         !first(view).refetch && std::ranges::all_of(stores, [&](const std::string& store) {
           return replica_in(view, store).store.has_value();
         });
}

void rot(House& house, const std::string& path) {
  std::string bytes = house.dir.read(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::filesystem::permissions(house.dir.path(path), std::filesystem::perms::owner_all);
  house.dir.write(path, bytes);
}

/// A house with a second store, whose disk the test holds, and one archived artifact.
struct TwoCopies {
  TwoCopies() {
    house.policy->projects[0].stores = {StoreId("local"), StoreId("far")};
    house.policy->audit_every = 30 * 24h;
    auto store = std::make_unique<MemoryStore>(StoreId("far"), disk);
    far = store.get();
    house.more_stores.push_back(std::move(store));
    house.reply(k_url, {{{}, movie("one")}, {Error{Errc::not_found, "404"}, ""}});
    house.start();
    house.deliver(k_offer);
    house.until([](const SessionView& v) { return is_whole(v, {"local", "far"}); });
  }
  void spoil_far() {
    const std::lock_guard lock(disk.mutex);
    for (auto& [path, bytes] : disk.files) bytes.back() = static_cast<char>(bytes.back() ^ 1);
  }
  MemoryDisk disk;
  House house;
  MemoryStore* far = nullptr;
};

}  // namespace

TEST_CASE("a budget of bytes per second is kept over any run of readings, and saves nothing up") {
  core::ReadPace pace;
  pace.set_rate(1_MiB);
  MonotonicTime now{1h};
  const MonotonicTime begin = now;
  for (int i = 0; i < 100; ++i) now += pace.take(256_KiB, now);
  CHECK(now - begin >= 24'500ms);
  CHECK(now - begin <= 25'500ms);
  now += 1h;
  CHECK(pace.take(1_MiB, now) >= 999ms);
  pace.set_rate(ByteCount(0));
  CHECK(pace.take(1_GiB, now) == 0ms);
}

TEST_CASE("the first reading comes half-way to the deadline, or an hour after it is past") {
  CHECK(first_audit(k_noon, k_noon + 72h) == k_noon + 36h);
  CHECK(first_audit(k_noon, k_noon - 1h) == k_noon + 1h);
}

TEST_CASE("every replica is read back before its deadline and then again and again") {
  TwoCopies two;
  House& house = two.house;
  CHECK(two.far->inspected().empty());
  house.clock.turn(37h);
  const SessionView once = house.until([&](const SessionView& v) {
    return replica_in(v, "local").verified_at >= k_noon + 37h &&
           replica_in(v, "far").verified_at >= k_noon + 37h;
  });
  CHECK(once.artifacts[0].artifact.deadline > house.clock.now());
  CHECK(two.far->inspected().size() == 1);
  house.clock.turn(31 * 24h);
  house.until([&](const SessionView& v) {
    return replica_in(v, "local").verified_at >= k_noon + 31 * 24h &&
           replica_in(v, "far").verified_at >= k_noon + 31 * 24h;
  });
  CHECK(house.agent->status().audited_bytes >= 4 * movie("one").size());
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("what is due longest is read first") {
  House house;
  MemoryDisk disk;
  auto store = std::make_unique<MemoryStore>(StoreId("far"), disk);
  MemoryStore* far = store.get();
  house.more_stores.push_back(std::move(store));
  house.policy->projects[0].stores = {StoreId("far")};
  house.start();
  const auto archived = [&](const std::string& name, const std::string& conf) {
    house.offer({"https://portal.enablex.io/p/" + name}, {{}, movie(name)}, conf);
    house.until(
        [](const SessionView& v) {
          return !v.artifacts.empty() && first(v).state == ArtifactState::archived;
        },
        conf);
    house.clock.turn(1h);
  };
  archived("third.mov", "c1");
  archived("second.mov", "c2");
  archived("first.mov", "c3");
  house.stop();
  {
    auto catalog = sqlite::open_catalog(house.dir.path("catalog.db")).value();
    REQUIRE(catalog
                ->transact([&]() -> Status {
                  for (int row = 1; row <= 3; ++row) {
                    const ArtifactRow artifact(row);
                    const auto replica = catalog->replicas(artifact).value().at(0);
                    REELKEEP_TRY(catalog->put_audit(artifact, replica.location, std::nullopt,
                                                    k_noon + 10h - row * 1h));
                  }
                  return {};
                })
                .has_value());
  }
  house.clock.turn(20h);
  house.start();
  REQUIRE(house.eventually([&] { return far->inspected().size() >= 3; }));
  const auto order = far->inspected();
  CHECK(order[0].ends_with("first.mov"));
  CHECK(order[1].ends_with("second.mov"));
  CHECK(order[2].ends_with("third.mov"));
}

TEST_CASE("bit rot is found, read again, told with time and cause, and repaired by a copy") {
  TwoCopies two;
  House& house = two.house;
  SUBCASE("in the local store") {
    rot(house, k_file);
    house.clock.turn(37h);
    const SessionView view = house.until([](const SessionView& v) {
      return has_bad(v, ReplicaState::corrupt) && is_whole(v, {"local", "far"});
    });
    const std::string path = replica_in(view, "local").location;
    CHECK(path != house.dir.path(k_file));
  }
  SUBCASE("in the other store") {
    two.spoil_far();
    house.clock.turn(37h);
    house.until([](const SessionView& v) {
      return has_bad(v, ReplicaState::corrupt) && is_whole(v, {"local", "far"});
    });
    // The bad one and the good one beside it.
    CHECK(two.far->inspected().size() >= 2);
  }
  const SessionView view = house.until([](const SessionView&) { return true; });
  const auto& replicas = view.artifacts[0].replicas;
  const auto bad = std::ranges::find(replicas, ReplicaState::corrupt, &Replica::state);
  REQUIRE(bad != replicas.end());
  CHECK(bad->found_at >= k_noon + 37h);
  CHECK(bad->cause.find("SHA-256") != std::string::npos);
  CHECK_FALSE(first(view).error.has_value());
  CHECK(house.requests(k_url) == 1);
  house.stop();
  CHECK(house.staging->list().value().empty());
}

TEST_CASE("a file that was removed is copied back to its place, also after a kill and a rebuild") {
  TwoCopies two;
  House& house = two.house;
  std::filesystem::remove(house.dir.path(k_file));
  house.clock.turn(37h);
  SUBCASE("in one run") {}
  SUBCASE("by the next run, which also finds what a killed one left half copied") {
    {
      const std::lock_guard lock(two.disk.mutex);
      two.disk.present = false;
    }
    const SessionView view = house.until([](const SessionView& v) {
      return has_bad(v, ReplicaState::missing) && first(v).state == ArtifactState::verifying;
    });
    house.stop();
    house.dir.write("staging/" + first(view).staging_name + ".part", "half");
    {
      const std::lock_guard lock(two.disk.mutex);
      two.disk.present = true;
    }
    house.clock.turn(1h);
    house.start();
  }
  SUBCASE("with the catalog lost") {
    house.until([](const SessionView& v) {
      return has_bad(v, ReplicaState::missing) || is_whole(v, {"local", "far"});
    });
    house.stop();
    REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
    std::filesystem::remove(house.dir.path(k_file));
    house.start();
  }
  REQUIRE(house.eventually([&] { return house.dir.exists(k_file); }, 1s));
  house.until([](const SessionView& v) { return is_whole(v, {"local", "far"}); });
  CHECK(house.dir.read(k_file) == movie("one"));
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("a single copy that rotted is fetched again while the provider offers it") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  rot(house, k_file);
  house.clock.turn(37h);
  house.until([](const SessionView& v) {
    return has_bad(v, ReplicaState::corrupt) && is_whole(v, {"local"});
  });
  CHECK(house.requests(k_url) == 2);
}

TEST_CASE("with both copies bad and the source gone the session is lost and nothing pretends") {
  TwoCopies two;
  House& house = two.house;
  rot(house, k_file);
  two.spoil_far();
  house.clock.turn(100h);
  REQUIRE(house.eventually(
      [&] {
        const auto view = house.until([](const SessionView&) { return true; });
        return first(view).state == ArtifactState::expired;
      },
      1h));
  const SessionView view = house.until([](const SessionView&) { return true; });
  CHECK(session_state(view, house.clock.now(), 0s) == SessionState::lost);
  CHECK(std::ranges::none_of(view.artifacts[0].replicas, [](const Replica& replica) {
    return replica.state == ReplicaState::verified;
  }));
}

TEST_CASE("a disk that is not mounted proves nothing, and keeps no other store from being read") {
  TwoCopies two;
  House& house = two.house;
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  REQUIRE(house.eventually([&] { return !house.agent->status().store_problems.empty(); }, 6s));
  house.clock.turn(37h);
  const SessionView view = house.until(
      [&](const SessionView& v) { return replica_in(v, "far").verified_at >= k_noon + 37h; });
  CHECK(first(view).state == ArtifactState::archived);
  CHECK(replica_in(view, "local").state == ReplicaState::verified);
  CHECK_FALSE(has_bad(view, ReplicaState::missing));
}

TEST_CASE("after a rebuild presence is looked at first, then the bytes are read") {
  TwoCopies two;
  House& house = two.house;
  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  house.start();
  REQUIRE(house.eventually([&] { return two.far->inspected().size() == 1; }));
  // Both were looked at and have a time for their reading, before that time comes.
  house.until([&](const SessionView& v) {
    return replica_in(v, "far").audit_at > k_noon && replica_in(v, "local").audit_at > k_noon;
  });
  CHECK(house.agent->status().audited_bytes == 0);
  house.clock.turn(72h);
  house.until([&](const SessionView& v) {
    return replica_in(v, "far").verified_at >= k_noon + 72h &&
           replica_in(v, "local").verified_at >= k_noon + 72h;
  });
  CHECK(two.far->inspected().size() == 2);
}

TEST_CASE("a replica that was stored while the clock was years ahead is read back soon after") {
  House house;
  house.policy->audit_every = 30 * 24h;
  constexpr auto k_ahead = 5 * 365 * 24h;
  house.clock.turn(k_ahead);
  house.start();
  house.offer({k_url}, {{}, movie("one")});
  house.until([](const SessionView& v) { return is_whole(v, {"local"}); });
  SUBCASE("while it runs") {
    house.clock.turn(-k_ahead);
  }
  SUBCASE("before the next start") {
    house.stop();
    house.clock.turn(-k_ahead);
    house.start();
  }
  CHECK(house.eventually([&] { return house.agent->status().audited_bytes > 0; }));
}

TEST_CASE("a deadline that an event puts years away puts off no reading") {
  CHECK(first_audit(k_noon, k_noon + 72h) == k_noon + 36h);
  CHECK(first_audit(k_noon, k_noon - 1h) == k_noon + 1h);
  CHECK(first_audit(k_noon, k_noon + 5 * 365 * 24h) == k_noon + k_latest_first_audit);
}

TEST_CASE("with every = 0 nothing is read back") {
  House house;
  house.policy->audit_every = 0s;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  rot(house, k_file);
  house.clock.turn(1000h);
  house.offer({"https://portal.enablex.io/p/other.mov"}, {{}, movie("two")}, "c2");
  house.until([](const SessionView& v) { return first(v).state == ArtifactState::archived; }, "c2");
  CHECK(house.agent->status().audited_bytes == 0);
}

TEST_CASE("a replica that is found missing while a cancelled refetch ends is fetched again") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  const SessionView view = house.until_state(ArtifactState::archived);
  {
    const std::lock_guard lock(house.script.mutex);
    house.script.held = true;
  }
  house.command(RedownloadCommand{first(view).identity.session, {first(view).id}, false});
  house.until([](const SessionView& seen) { return first(seen).in_hand; });
  std::filesystem::remove(house.dir.path(k_file));
  const Timestamp now = house.clock.now();
  std::vector<NewEntry> both;
  both.push_back({.kind = EntryKind::command,
                  .received_at = now,
                  .body = encode(Command(
                      CancelCommand{first(view).identity.session, {first(view).id}, "x"}))});
  both.push_back({.kind = EntryKind::outcome,
                  .received_at = now,
                  .body = encode(Outcome(ReplicaFound{first(view).identity,
                                                      view.artifacts[0].replicas[0].location,
                                                      ReplicaState::missing, now, "gone"}))});
  {
    // The one in hand stays held; what follows it is not.
    const std::lock_guard lock(house.script.mutex);
    house.script.held = false;
  }
  REQUIRE(house.writer->append_all(std::move(both)));
  REQUIRE(house.eventually([&] { return house.dir.exists(k_file); }));
  house.until_state(ArtifactState::archived);
}
