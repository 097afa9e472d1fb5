// Pushed files that are moved into our layout at their destination.
#include "core/pushed_house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("an organised file moves into our layout, and the record names where it is") {
  PushedHouse house(DestinationAction::organise);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(body("recording", ",\"recording\":\"" + k_url + "\""));
  house.deliver(push());
  const std::string place = "s3://bucket/r1/c1/recording/f.mov";
  const auto organised = [&](const SessionView& view) {
    return replica_is(ReplicaState::verified)(view) &&
           at(view.artifacts[0], "there")->location == place;
  };
  SUBCASE("and stays there") {
    house.until(organised);
    CHECK(house.there.bytes(place) == movie("film"));
    CHECK_FALSE(house.there.bytes(k_pushed).has_value());
    house.stop();
    REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
    const int requests = house.there.requests();
    house.restart();
    house.until(organised);
    CHECK(house.there.requests() == requests);
    house.deliver(push());  // a repetition: it is where it has to be
    house.deliver(body("session_stop"));
    house.until([](const SessionView& view) { return view.session.ended_at.has_value(); });
    CHECK(house.there.requests() == requests);
  }
  SUBCASE("never over another file") {
    house.there.put(place, "something else");
    const SessionView view = house.until([&](const SessionView& seen) {
      return replica_is(ReplicaState::verified)(seen) &&
             at(seen.artifacts[0], "there")->location != k_pushed;
    });
    const std::string own = at(view.artifacts[0], "there")->location;
    CHECK(own.starts_with("s3://bucket/r1/c1/recording/f~"));
    CHECK(house.there.bytes(own) == movie("film"));
    CHECK(house.there.bytes(place) == "something else");
  }
}

TEST_CASE("nothing is moved out of an archive or into one, whoever it belongs to") {
  PushedHouse house(DestinationAction::organise);
  house.there.put(k_pushed, movie("film"));
  SUBCASE("the destination is one") {
    house.there.put("s3://bucket/.reelkeep-archive", "id");
  }
  SUBCASE("the pushed file lies in one") {
    house.there.put("s3://bucket/r1/.reelkeep-archive", "id");
  }
  house.start();
  house.deliver(body("recording", ",\"recording\":\"" + k_url + "\""));
  house.deliver(push());
  // It is good where it is, and told why it stays there.
  const auto is_told = [](const SessionView& view) {
    const Replica* replica = at(view.artifacts.at(0), "there");
    return replica != nullptr && replica->state == ReplicaState::verified &&
           replica->location == k_pushed &&
           replica->cause.starts_with("it stays where it was pushed to: ") &&
           replica->cause.find("is an archive of reelkeep") != std::string::npos;
  };
  REQUIRE(house.eventually([&] { return holds_now(house, is_told); }, Duration(1000)));
  CHECK(house.there.bytes(k_pushed) == movie("film"));
  CHECK_FALSE(house.there.bytes("s3://bucket/r1/c1/recording/f.mov").has_value());
  CHECK(holds_now(house, is_told));
}

TEST_CASE("what another artifact has its copy in is not moved away, whoever names it") {
  PushedHouse house(DestinationAction::organise);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(body("recording", ",\"recording\":\"" + k_url + "\""));
  house.deliver(push());
  const std::string place = "s3://bucket/r1/c1/recording/f.mov";
  const SessionView owner = house.until([&](const SessionView& view) {
    return replica_is(ReplicaState::verified)(view) &&
           at(view.artifacts[0], "there")->location == place;
  });
  house.deliver(push(place, "c2"));
  const SessionView other = house.until(
      [&](const SessionView& view) {
        return replica_is(ReplicaState::verified)(view) &&
               !at(view.artifacts[0], "there")->cause.empty();
      },
      "c2");
  CHECK(at(other.artifacts[0], "there")->cause == "it stays where it was pushed to: artifact " +
                                                      first(owner).id.get() +
                                                      " has its copy there");
  CHECK(at(other.artifacts[0], "there")->location == place);
  CHECK(house.there.bytes(place) == movie("film"));
}

namespace {

const std::string k_place = "s3://bucket/r1/c1/recording/f.mov";

/// A pushed file that was looked at and is moved next; `offered`: what its source gives, or 404.
struct AboutToMove : PushedHouse {
  explicit AboutToMove(const std::optional<std::string>& offered)
      : PushedHouse(DestinationAction::verify) {
    there.put(k_pushed, movie("film"));
    if (offered) reply(k_url, {{std::nullopt, *offered}});
    start();
    deliver(k_offer);
    deliver(push());
    until([&](const SessionView& view) {
      const bool is_known = !offered || first(view).state == ArtifactState::archived;
      return is_known && replica_is(ReplicaState::verified)(view);
    });
    stop();
    there.restart();
  }
  void go_on() {
    policy->destinations[0].action = DestinationAction::organise;
    start();
  }
  bool comes_to(const std::function<bool(const SessionView&)>& expected) {
    return eventually([&] { return holds_now(*this, expected); }, Duration(1000));
  }
};

bool is_at_its_place(const SessionView& view) {
  return replica_is(ReplicaState::verified)(view) &&
         at(view.artifacts[0], "there")->location == k_place;
}

}  // namespace

TEST_CASE("killed between the move and its record, an organised file is read and believed") {
  AboutToMove house(movie("film"));
  REQUIRE(house.there.move(k_pushed, k_place, ByteCount(movie("film").size())).has_value());
  house.go_on();
  REQUIRE(house.comes_to(is_at_its_place));
  CHECK(holds_now(house, [](const SessionView& view) {
    const Replica& replica = *at(view.artifacts[0], "there");
    return replica.digest == sha256(movie("film")) && replica.read_at.has_value();
  }));
}

TEST_CASE("other bytes of the same size are not what an interrupted move left") {
  AboutToMove house(movie("film"));
  house.there.remove(k_pushed);
  house.there.put(k_place, movie("fame"));
  house.go_on();
  REQUIRE(house.comes_to([](const SessionView& view) {
    return replica_is(ReplicaState::missing)(view) &&
           at(view.artifacts[0], "there")->location == k_pushed;
  }));
  CHECK(house.there.bytes(k_place) == movie("fame"));
}

TEST_CASE("what nobody knows the bytes of is not verified by its size after an interrupted move") {
  AboutToMove house(std::nullopt);
  REQUIRE(house.there.move(k_pushed, k_place, ByteCount(movie("film").size())).has_value());
  house.go_on();
  REQUIRE(house.comes_to([](const SessionView& view) {
    return replica_is(ReplicaState::delivered)(view) &&
           at(view.artifacts[0], "there")->location == k_pushed &&
           at(view.artifacts[0], "there")->cause.find("nobody knows the SHA-256") !=
               std::string::npos;
  }));
  SUBCASE("not by a rebuild either") {
    house.stop();
    REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
    house.restart();
    house.until(replica_is(ReplicaState::delivered));
    const int requests = house.there.requests();
    REQUIRE(
        house.eventually([&] { return house.there.requests() > requests + 8; }, Duration(1000)));
    CHECK(holds_now(house, replica_is(ReplicaState::delivered)));
  }
  SUBCASE("but once its bytes are known") {
    house.reply(k_url, {{std::nullopt, movie("film")}});
    REQUIRE(house.comes_to(is_at_its_place));
  }
}
