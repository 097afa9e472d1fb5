// What the provider pushes to the customer's storage: looked at and fetched.
#include "contract/destination_contract.hpp"
#include "core/pushed_house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

class MemoryPlace final : public contract::DestinationPlace {
 public:
  std::unique_ptr<Destination> make() override {
    auto made = std::make_unique<MemoryDestination>(StoreId("there"));
    m_made = made.get();
    return made;
  }
  std::string location(const std::string& path) override { return "s3://bucket/" + path; }
  void put(const std::string& path, const std::string& bytes) override {
    m_made->put(location(path), bytes);
  }
  std::optional<std::string> bytes(const std::string& path) override {
    return m_made->bytes(location(path));
  }

 private:
  MemoryDestination* m_made = nullptr;
};

}  // namespace

TEST_CASE("the fake is a destination") {
  MemoryPlace place;
  contract::destination_contract(place);
}

TEST_CASE("a destination that only records is not asked, and its id is told") {
  PushedHouse house(DestinationAction::record);
  house.start();
  house.deliver(push());
  house.until(replica_is(ReplicaState::delivered));
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until(is_archived_with(ReplicaState::delivered));
  CHECK(house.there.requests() == 0);
}

TEST_CASE("what is not in source_prefix is left alone and says why, until it is widened") {
  PushedHouse house(DestinationAction::fetch);
  house.policy->destinations[0].source_prefix = "pushed/";
  house.there.put(k_pushed, movie("film"));
  house.there.put("s3://bucket/pushed/g.mov", movie("other"));
  house.start();
  house.deliver(push());
  house.deliver(push("s3://bucket/pushed/g.mov", "c2"));
  house.until([](const SessionView& view) { return first(view).state == ArtifactState::archived; },
              "c2");
  const SessionView view =
      house.until([](const SessionView& seen) { return !seen.artifacts.empty(); });
  CHECK(first(view).state == ArtifactState::delivered);
  const Replica& replica = view.artifacts[0].replicas.at(0);
  CHECK(replica.state == ReplicaState::delivered);
  CHECK_FALSE(replica.store.has_value());
  CHECK(replica.cause.starts_with("it is not in source_prefix \"pushed/\" of destination"));
  CHECK(std::ranges::none_of(house.there.asked(),
                             [](const std::string& location) { return location == k_pushed; }));

  house.stop();
  house.policy->destinations[0].source_prefix = "";
  house.restart();
  const SessionView after = house.until(is_archived_with(ReplicaState::verified));
  CHECK(at(after.artifacts[0], "there")->cause.empty());
}

TEST_CASE("a pushed file that is there is verified, with its size") {
  PushedHouse house(DestinationAction::verify);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(push());
  const SessionView view = house.until(replica_is(ReplicaState::verified));
  CHECK(at(view.artifacts[0], "there")->size == ByteCount(movie("film").size()));
  CHECK(at(view.artifacts[0], "there")->location == k_pushed);
  CHECK(first(view).state == ArtifactState::delivered);

  // Known again after the catalog was lost, without a request.
  house.stop();
  const int requests = house.there.requests();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  house.restart();
  house.until(replica_is(ReplicaState::verified));
  CHECK(house.there.requests() == requests);
}

TEST_CASE("a pushed file that is not there is missing, and verified once it is") {
  PushedHouse house(DestinationAction::verify);
  house.start();
  house.deliver(push());
  REQUIRE(house.eventually([&] { return house.there.requests() >= 2; }, Duration(2000)));
  house.until(replica_is(ReplicaState::missing));
  house.there.put(k_pushed, movie("film"));
  REQUIRE(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return replica_is(ReplicaState::verified)(view);
        });
      },
      Duration(60'000)));
}

TEST_CASE("a destination that is away says nothing of its files, and holds up nothing else") {
  MemoryDestination other(StoreId("other"), "s3://second/");
  PushedHouse house(DestinationAction::verify);
  house.policy->destinations.push_back({.id = StoreId("other"),
                                        .name = "awss3",
                                        .account = "second",
                                        .action = DestinationAction::verify});
  house.destinations.push_back(&other);
  house.there.put(k_pushed, movie("film"));
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  other.put("s3://second/g.mov", movie("other"));
  house.start();
  house.deliver(push());
  house.deliver(body("file_transfer",
                     R"(,"destination":{"name":"awss3","account":"second"},)"
                     R"("files":[{"url":"s3://second/g.mov"}])",
                     "c2"));
  house.until(replica_is(ReplicaState::verified, "other"), "c2");
  REQUIRE(house.eventually([&] { return house.there.requests() >= 4; }, Duration(60'000)));
  house.until(replica_is(ReplicaState::delivered));
  house.there.set_outage(std::nullopt);
  REQUIRE(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return replica_is(ReplicaState::verified)(view);
        });
      },
      Duration(60'000)));
}

TEST_CASE("a clock that was ahead while a destination was away does not keep it waiting") {
  PushedHouse house(DestinationAction::verify);
  house.there.put(k_pushed, movie("film"));
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  constexpr Duration k_ahead{std::chrono::hours(1000)};
  house.clock.turn(k_ahead);
  house.start();
  house.deliver(push());
  REQUIRE(house.eventually([&] { return house.there.requests() >= 3; }, Duration(60'000)));
  house.clock.turn(-k_ahead);
  house.there.set_outage(std::nullopt);
  CHECK(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return replica_is(ReplicaState::verified)(view);
        });
      },
      Duration(1000)));
}

TEST_CASE("a file that may not be read holds up no other at the same destination") {
  PushedHouse house(DestinationAction::verify);
  house.there.put(k_pushed, movie("film"));
  house.there.put("s3://bucket/r1/c2/g.mov", movie("other"));
  house.there.forbid(k_pushed);
  house.start();
  house.deliver(push());
  house.deliver(push("s3://bucket/r1/c2/g.mov", "c2"));
  const auto other_is_verified = [&] {
    auto reader = sqlite::open_catalog_reader(house.dir.path("catalog.db"));
    if (!reader) return false;
    const auto found = (*reader)->find(ConfNum("c2"), {});
    return found && !found->empty() && replica_is(ReplicaState::verified)(found->front());
  };
  REQUIRE(house.eventually(other_is_verified, Duration(2000)));
  CHECK(holds_now(house, replica_is(ReplicaState::delivered)));
}

TEST_CASE("a copy that is not as long as what was archived is corrupt, whichever came first") {
  PushedHouse house(DestinationAction::verify);
  house.there.put(k_pushed, movie("film").substr(0, 10));
  SUBCASE("the push") {
    house.start();
    house.deliver(push());
    house.until(replica_is(ReplicaState::verified));
    house.offer({k_url}, {std::nullopt, movie("film")});
  }
  SUBCASE("the recording") {
    house.start();
    house.offer({k_url}, {std::nullopt, movie("film")});
    house.until_state(ArtifactState::archived);
    house.deliver(push());
  }
  house.until(is_archived_with(ReplicaState::corrupt));
}

TEST_CASE("a file that was only pushed is fetched into the project's stores") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(push());
  const SessionView view = house.until(is_archived_with(ReplicaState::verified));
  REQUIRE(at(view.artifacts[0], "local") != nullptr);
  CHECK(at(view.artifacts[0], "local")->state == ReplicaState::verified);
  CHECK(house.dir.read("archive/r1/c1/delivered/f.mov") == movie("film"));
}

TEST_CASE("when the provider does not offer a file any more, the destination gives it") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
  SUBCASE("pushed while it waits") {
    house.deliver(push());
  }
  SUBCASE("pushed after it expired") {
    REQUIRE(house.eventually(
        [&] {
          return holds_now(house, [](const SessionView& view) {
            return first(view).state == ArtifactState::expired;
          });
        },
        Duration(std::chrono::hours(8))));
    house.deliver(push());
  }
  REQUIRE(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return first(view).state == ArtifactState::archived;
        });
      },
      Duration(std::chrono::hours(8))));
  CHECK(house.dir.read(k_file) == movie("film"));

  // The journal alone says the same.
  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  const int requests = house.there.requests();
  house.restart();
  house.until(is_archived_with(ReplicaState::verified));
  CHECK(house.there.requests() == requests);
}

TEST_CASE(
    "what the provider does not have is fetched from the destination long before the deadline") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie("film"));
  house.start();
  SUBCASE("the push is told first") {
    house.deliver(push());
    house.until(is_archived_with(ReplicaState::verified));
    return;
  }
  SUBCASE("the push is told last") {
    house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
    house.until_state(ArtifactState::waiting);
    house.deliver(push());
  }
  SUBCASE("the destination did not have it either, and the source is asked in between") {
    house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
    house.deliver(body("session_start"));
    house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
    house.until_state(ArtifactState::waiting);
    house.deliver(push());
    REQUIRE(
        house.eventually([&] { return house.requests(k_url) >= 3 && house.there.requests() >= 3; },
                         Duration(5'000)));
    house.there.set_outage(std::nullopt);
  }
  const auto archived = [&] {
    return holds_now(house, [](const SessionView& view) {
      return !view.artifacts.empty() && first(view).state == ArtifactState::archived;
    });
  };
  REQUIRE(house.eventually(archived, Duration(5'000)));
  CHECK(house.clock.now() < k_noon + std::chrono::hours(72));
  CHECK(house.dir.read(k_file) == movie("film"));
}

TEST_CASE("a cancelled fetch from a destination ends while it runs") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie(std::string(100'000, 'x')));
  house.there.hold_reads();
  house.start();
  house.deliver(push());
  const SessionView running = house.until_state(ArtifactState::running);
  REQUIRE(house.eventually([&] { return house.there.reads().size() == 1; }));
  house.command(CancelCommand{first(running).identity.session, {first(running).id}, "not wanted"});
  house.until_state(ArtifactState::cancelled);
  // The first bytes after that end it.
  house.there.let_reads_go();
  REQUIRE(house.eventually([&] { return house.agent->status().running == 0; }));
  CHECK(house.there.given() < 100'000);
  CHECK(house.eventually([&] { return house.staging->list()->empty(); }));
}

TEST_CASE("what neither the provider nor the destination has is expired, once") {
  PushedHouse house(DestinationAction::fetch);
  house.start();
  house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
  house.deliver(push());
  const auto expired_there = [&] {
    return holds_now(house, [](const SessionView& view) {
      return first(view).state == ArtifactState::expired &&
             first(view).error->message.find("destination \"there\"") != std::string::npos;
    });
  };
  REQUIRE(house.eventually(expired_there, Duration(std::chrono::hours(8))));
  const int requests = house.requests(k_url);
  house.deliver(body("session_stop"));
  house.until([](const SessionView& view) { return view.session.ended_at.has_value(); });
  CHECK(expired_there());
  CHECK(house.requests(k_url) == requests);
}

TEST_CASE("wrong bytes at the destination are judged like any other") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, "<!DOCTYPE html><html>login</html>");
  house.start();
  house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
  house.deliver(push());
  REQUIRE(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return first(view).state == ArtifactState::quarantined;
        });
      },
      Duration(std::chrono::hours(8))));
}

TEST_CASE("a fetch that broke off goes on where it was") {
  PushedHouse house(DestinationAction::fetch);
  const std::string bytes = movie(std::string(100'000, 'x'));
  house.there.put(k_pushed, bytes);
  house.there.cut_after(50'000);
  house.start();
  house.deliver(push());
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/r1/c1/delivered/f.mov"); },
                           Duration(2000)));
  CHECK(house.dir.read("archive/r1/c1/delivered/f.mov") == bytes);
  CHECK(house.there.reads() == std::vector<std::uint64_t>{0, 50'000});
}

TEST_CASE("why a pushed file could not be looked at is told with its location") {
  PushedHouse house(DestinationAction::verify);
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  house.start();
  house.deliver(push());
  const auto is_told = [](const SessionView& view) {
    const Replica* replica = at(view.artifacts.at(0), "there");
    return replica != nullptr && replica->state == ReplicaState::delivered &&
           replica->cause == "cannot connect";
  };
  house.until([&](const SessionView& view) { return !view.artifacts.empty() && is_told(view); });
  house.there.put(k_pushed, movie("film"));
  house.there.set_outage(std::nullopt);
  REQUIRE(house.eventually([&] { return holds_now(house, replica_is(ReplicaState::verified)); },
                           Duration(1000)));
  CHECK(holds_now(house, [](const SessionView& view) {
    return at(view.artifacts.at(0), "there")->cause.empty();
  }));
}

TEST_CASE("a destination that is configured later takes up what was pushed before") {
  PushedHouse house(DestinationAction::verify);
  house.there.put(k_pushed, movie("film"));
  const auto with = house.policy;
  auto without = std::make_shared<core::Policy>(*with);
  without->destinations.clear();
  house.policy = without;
  house.start();
  house.deliver(push());
  house.until([](const SessionView& view) { return view.artifacts.size() == 1; });
  house.agent->set_policy(with);
  house.until(replica_is(ReplicaState::verified));
}
