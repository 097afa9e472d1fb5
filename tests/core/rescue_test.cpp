// What the source does not give, although it is offered, is brought from where it was pushed to.
#include "core/pushed_house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

const Error k_refused{Errc::unauthorized, "403"};

/// A house whose project asks for `stores`, with the pushed file in its place.
struct Rescue : PushedHouse {
  explicit Rescue(DestinationAction action) : PushedHouse(action) {
    if (action == DestinationAction::adopt)
      policy->projects[0].stores = {StoreId("local"), StoreId("there")};
    there.put(k_pushed, movie("film"));
  }
  /// The pair is refused for three other files: the breaker is open.
  void refuse_the_pair() {
    for (const char* conf : {"x1", "x2", "x3"})
      offer({"https://portal.enablex.io/p/" + std::string(conf) + ".mov"}, {k_refused, ""}, conf);
    REQUIRE(eventually([this] { return !agent->status().open_breakers.empty(); }, Duration(1000)));
  }
  bool comes_to_be_archived(Duration step = Duration(1000)) {
    const bool archived = eventually(
        [this] {
          return holds_now(*this, [](const SessionView& view) {
            return view.artifacts.size() == 1 && first(view).state == ArtifactState::archived;
          });
        },
        step);
    return archived && clock.now() < k_noon + std::chrono::hours(72);
  }
};

}  // namespace

TEST_CASE("while the provider refuses the pair, files come from where they were pushed to") {
  for (const DestinationAction action : {DestinationAction::fetch, DestinationAction::adopt})
    for (const bool is_pushed_before : {true, false}) {
      CAPTURE(to_string(action));
      CAPTURE(is_pushed_before);
      Rescue house(action);
      house.start();
      if (is_pushed_before) {
        house.offer({k_url}, {k_refused, ""});
        house.deliver(push());
        house.until(replica_is(ReplicaState::verified));
        house.refuse_the_pair();
      } else {
        house.refuse_the_pair();
        house.offer({k_url}, {k_refused, ""});
        house.until([](const SessionView& view) { return !view.artifacts.empty(); });
        house.deliver(push());
      }
      CHECK(house.comes_to_be_archived());
      CHECK(house.dir.read(k_file) == movie("film"));
      CHECK_FALSE(house.agent->status().open_breakers.empty());
    }
}

TEST_CASE("after three failures of the source a file comes from where it was pushed to") {
  for (const Errc code : {Errc::unavailable, Errc::timeout, Errc::corrupt})
    for (const DestinationAction action : {DestinationAction::fetch, DestinationAction::adopt}) {
      CAPTURE(to_string(code));
      Rescue house(action);
      house.start();
      house.offer({k_url}, {Error{code, "it does not give it"}, ""});
      house.until([](const SessionView& view) { return !view.artifacts.empty(); });
      house.deliver(push());
      CHECK(house.comes_to_be_archived());
      CHECK(house.requests(k_url) == 3);
      CHECK(house.dir.read(k_file) == movie("film"));
    }
}

TEST_CASE("a source that comes back is asked again when the destination does not give it either") {
  Rescue house(DestinationAction::fetch);
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  house.start();
  std::deque<Reply> replies(7, {Error{Errc::unavailable, "502"}, ""});
  replies.push_back({std::nullopt, movie("film")});
  house.reply(k_url, replies);
  house.deliver(k_offer);
  house.until([](const SessionView& view) { return !view.artifacts.empty(); });
  house.deliver(push());
  CHECK(house.comes_to_be_archived(Duration(60'000)));  // the tries lie ever further apart
  CHECK(house.requests(k_url) == 8);
}

TEST_CASE("what the provider does not have is copied from the adopted file into the other stores") {
  Rescue house(DestinationAction::adopt);
  house.start();
  house.offer({k_url}, {Error{Errc::not_found, "404"}, ""});
  SUBCASE("pushed while it waits") {
    house.until_state(ArtifactState::waiting);
    house.deliver(push());
    CHECK(house.comes_to_be_archived());
  }
  SUBCASE("pushed after it expired") {
    const auto is = [&](ArtifactState state) {
      return holds_now(house, [&](const SessionView& view) { return first(view).state == state; });
    };
    REQUIRE(house.eventually([&] { return is(ArtifactState::expired); },
                             Duration(std::chrono::hours(8))));
    house.deliver(push());
    REQUIRE(house.eventually([&] { return is(ArtifactState::archived); },
                             Duration(std::chrono::hours(8))));
  }
  house.until(is_archived_with(ReplicaState::verified));
  house.until(replica_is(ReplicaState::verified, "local"));
  CHECK(house.dir.read(k_file) == movie("film"));
}

TEST_CASE("an outage of the destination costs nothing of what was fetched from it") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie(std::string(100'000, 'x')));
  house.there.cut_after(50'000);
  house.there.hold_reads();
  house.start();
  house.deliver(push());
  REQUIRE(house.eventually([&] { return house.there.reads().size() == 1; }));
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  house.there.let_reads_go();
  const int before = house.there.requests();
  REQUIRE(house.eventually([&] { return house.there.requests() >= before + 2; }, Duration(2000)));
  house.there.set_outage(std::nullopt);
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/r1/c1/delivered/f.mov"); },
                           Duration(2000)));
  CHECK(house.there.reads() == std::vector<std::uint64_t>{0, 50'000});
}

TEST_CASE("a push that is not known at its destination any more costs nothing of the file") {
  PushedHouse house(DestinationAction::fetch);
  house.there.put(k_pushed, movie("film"));
  house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
  house.start();
  house.deliver(push());
  house.until([](const SessionView& view) { return first(view).error.has_value(); });
  house.stop();
  house.there.set_outage(std::nullopt);
  house.there.restart();
  const std::size_t asked = house.there.asked().size();
  // It waits for that destination, whose files may lie elsewhere only from now on.
  house.policy->destinations[0].source_prefix = "elsewhere/";
  house.start();
  REQUIRE(house.eventually(
      [&] {
        return holds_now(house, [](const SessionView& view) {
          return first(view).error &&
                 first(view).error->message.find("is not known any more") != std::string::npos;
        });
      },
      Duration(60'000)));
  CHECK(house.there.asked().size() == asked);
  house.stop();
  house.there.restart();
  house.policy->destinations[0].source_prefix = "";
  house.start();
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/r1/c1/delivered/f.mov"); },
                           Duration(60'000)));
}
