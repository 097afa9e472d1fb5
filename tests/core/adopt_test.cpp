// A file that the provider pushed stands for one of the replicas that a project asks for.
#include "core/pushed_house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("an adopted file is the replica that the project asks for, and nothing is downloaded") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(push());
  const SessionView pushed = house.until(is_archived_with(ReplicaState::verified));
  CHECK(first(pushed).digest == sha256(movie("film")));
  // The recording's own event comes later: the same file.
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until([&](const SessionView& view) {
    return is_archived_with(ReplicaState::verified)(view) &&
           first(view).identity.kind == ArtifactKind::recording;
  });
  CHECK(house.requests(k_url) == 0);
}

TEST_CASE("beside a store of ours an adopted file is the second replica") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("local"), StoreId("there")};
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until(replica_is(ReplicaState::verified, "local"));
  house.deliver(push());
  house.until(is_archived_with(ReplicaState::verified));
  CHECK(house.requests(k_url) == 1);
  CHECK(house.staging->list()->empty());
}

TEST_CASE("what is no recording is not adopted") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.there.put(k_pushed, "<!DOCTYPE html><html>login</html>");
  house.start();
  house.deliver(push());
  const SessionView view = house.until(replica_is(ReplicaState::corrupt));
  CHECK(first(view).state == ArtifactState::delivered);
}

TEST_CASE("other bytes than were received are not adopted") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("local"), StoreId("there")};
  house.there.put(k_pushed, movie("another film"));
  house.start();
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until(replica_is(ReplicaState::verified, "local"));
  house.deliver(push());
  const SessionView view = house.until(replica_is(ReplicaState::corrupt));
  CHECK(first(view).state == ArtifactState::verifying);
}

namespace {

/// Downloaded before the push is told: the local store has it, the destination holds `pushed`.
struct Disagreement : PushedHouse {
  Disagreement() : PushedHouse(DestinationAction::adopt) {
    policy->projects[0].stores = {StoreId("local"), StoreId("there")};
  }
  /// The artifact waits with an error that names the destination.
  static bool says_why(const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           first(view).error && first(view).error->code == Errc::corrupt &&
           first(view).error->message.find("destination \"there\"") != std::string::npos;
  }
};

}  // namespace

TEST_CASE(
    "a destination with other bytes than came is told in time and cause, whichever was first") {
  Disagreement house;
  bool pushed_again = false;
  house.there.put(k_pushed, movie("another film"));
  house.start();
  SUBCASE("the download, and the push comes again") {
    pushed_again = true;
    house.offer({k_url}, {std::nullopt, movie("film")});
    house.until(replica_is(ReplicaState::verified, "local"));
    house.deliver(push());
  }
  SUBCASE("the download") {
    house.offer({k_url}, {std::nullopt, movie("film")});
    house.until(replica_is(ReplicaState::verified, "local"));
    house.deliver(push());
  }
  SUBCASE("the push") {
    house.deliver(push());
    house.until(replica_is(ReplicaState::verified));
    house.offer({k_url}, {std::nullopt, movie("film")});
  }
  const SessionView view = house.until(Disagreement::says_why);
  CHECK(session_state(view, house.clock.now(), Duration(0)) == SessionState::overdue);
  CHECK(at(view.artifacts[0], "there")->state == ReplicaState::corrupt);
  CHECK(at(view.artifacts[0], "there")->found_at.has_value());
  CHECK(at(view.artifacts[0], "there")->cause.find(" instead of ") != std::string::npos);
  CHECK(at(view.artifacts[0], "local")->state == ReplicaState::verified);
  CHECK(house.dir.read(k_file) == movie("film"));
  CHECK(house.requests(k_url) == 1);
  CHECK(house.eventually([&] { return house.staging->list()->empty(); }));

  // The journal alone says the same, and nothing is fetched again.
  house.stop();
  const int requests = house.there.requests();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  house.restart();
  house.until(Disagreement::says_why);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.there.requests() == requests);

  // A way out: the provider pushes it again.
  if (pushed_again) {
    house.there.put(k_pushed, movie("film"));
    std::string later = push();
    const std::string told_at = "1767520800";
    house.deliver(later.replace(later.find(told_at), told_at.size(), "1767520900"));
    house.until(is_archived_with(ReplicaState::verified));
    CHECK(house.requests(k_url) == 1);
    return;
  }
  // Another: the project does not ask for that destination any more.
  auto without = std::make_shared<core::Policy>(*house.policy);
  without->projects[0].stores = {StoreId("local")};
  house.agent->set_policy(without);
  house.until_state(ArtifactState::archived);
}

TEST_CASE("a destination without a store beside it keeps what was downloaded in staging") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.start();
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.until_state(ArtifactState::verifying);
  house.there.put(k_pushed, movie("another film"));
  house.deliver(push());
  house.until(Disagreement::says_why);
  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  house.restart();
  house.until(Disagreement::says_why);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.staging->list()->size() == 1);
  house.stop();

  // Staging was lost too: nobody has what was downloaded. The source gives it again; what lies at
  // the destination is known to be something else.
  const std::vector<std::string> names = house.staging->list().value();
  for (const std::string& name : names) REQUIRE(house.staging->remove(name).has_value());
  house.restart();
  REQUIRE(house.eventually([&] { return house.requests(k_url) == 2; }));
  house.until(Disagreement::says_why);
}

TEST_CASE("fetching again what the destination holds otherwise ends, and both versions are kept") {
  Disagreement house;
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.reply(k_url, {{std::nullopt, movie("film")}, {std::nullopt, movie("newer film")}});
  house.deliver(k_offer);
  house.deliver(push());
  const SessionView old = house.until(is_archived_with(ReplicaState::verified));
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  const SessionView ended = house.until([](const SessionView& view) {
    return first(view).state == ArtifactState::archived && !first(view).refetch &&
           !first(view).in_hand && first(view).error.has_value();
  });
  CHECK(first(ended).digest == sha256(movie("film")));
  CHECK(first(ended).error->message.find("are kept at ") != std::string::npos);
  CHECK(std::ranges::any_of(ended.artifacts[0].replicas, [](const Replica& replica) {
    return replica.store == StoreId("local") && replica.state == ReplicaState::verified &&
           replica.digest == sha256(movie("newer film"));
  }));
  CHECK(house.dir.read(k_file) == movie("film"));
  house.stop();
  house.restart();
  house.deliver(body("session_stop"));
  house.until([](const SessionView& view) { return view.session.ended_at.has_value(); });
  CHECK(house.requests(k_url) == 2);
}

TEST_CASE("what the destination vouches for is read before it is adopted") {
  PushedHouse house(DestinationAction::verify);
  const std::string bytes = movie("film");
  house.there.put(k_pushed, bytes);
  house.there.vouch(k_pushed, sha256(movie("fiLm")));
  house.start();
  house.deliver(push());
  const SessionView seen = house.until(replica_is(ReplicaState::verified));
  CHECK(at(seen.artifacts[0], "there")->digest == sha256(movie("fiLm")));
  CHECK_FALSE(at(seen.artifacts[0], "there")->read_at.has_value());

  auto adopting = std::make_shared<core::Policy>(*house.policy);
  adopting->destinations[0].action = DestinationAction::adopt;
  adopting->projects[0].stores = {StoreId("there")};
  SUBCASE("and is not what it says") {
    house.agent->set_policy(adopting);
    const SessionView view = house.until(replica_is(ReplicaState::corrupt));
    CHECK(first(view).state == ArtifactState::delivered);
  }
  SUBCASE("and is good") {
    house.there.vouch(k_pushed, sha256(bytes));
    house.agent->set_policy(adopting);
    const SessionView view = house.until(is_archived_with(ReplicaState::verified));
    CHECK(at(view.artifacts[0], "there")->read_at.has_value());
    CHECK(first(view).digest == sha256(bytes));
  }
}

TEST_CASE("a project that asks for a destination later adopts what lies there") {
  PushedHouse house(DestinationAction::adopt);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(push());
  house.until(replica_is(ReplicaState::verified));
  auto asking = std::make_shared<core::Policy>(*house.policy);
  asking->projects[0].stores = {StoreId("there")};
  house.agent->set_policy(asking);
  house.until(is_archived_with(ReplicaState::verified));
}

TEST_CASE("an adopted file is read again, and what it became is told") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.policy->audit_every = std::chrono::hours(24);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.deliver(push());
  const SessionView adopted = house.until(is_archived_with(ReplicaState::verified));
  const auto read_first = at(adopted.artifacts[0], "there")->read_at;
  REQUIRE(read_first.has_value());

  house.clock.turn(std::chrono::hours(25));
  house.until([&](const SessionView& view) {
    return is_archived_with(ReplicaState::verified)(view) &&
           at(view.artifacts[0], "there")->read_at > read_first;
  });
  ReplicaState expected = ReplicaState::corrupt;
  SUBCASE("other bytes of the same size") {
    house.there.put(k_pushed, movie("fiLm"));
  }
  SUBCASE("no recording at all") {
    house.there.put(k_pushed, "<!DOCTYPE html><html>login</html>");
  }
  SUBCASE("gone") {
    house.there.remove(k_pushed);
    expected = ReplicaState::missing;
  }
  SUBCASE("an outage says nothing") {
    house.there.set_outage(Error{Errc::unavailable, "cannot connect"});
    expected = ReplicaState::verified;
    const int requests = house.there.requests();
    house.clock.turn(std::chrono::hours(25));
    REQUIRE(house.eventually([&] { return house.there.requests() > requests; }));
    house.there.set_outage(std::nullopt);
  }
  house.clock.turn(std::chrono::hours(25));
  const SessionView view = house.until(replica_is(expected));
  if (expected == ReplicaState::verified) return;
  CHECK(at(view.artifacts[0], "there")->found_at.has_value());
  CHECK_FALSE(at(view.artifacts[0], "there")->cause.empty());
  house.until([](const SessionView& seen) {
    return first(seen).state != ArtifactState::archived && first(seen).error.has_value();
  });
}

TEST_CASE("while an adopted file is read back, what is pushed meanwhile is looked at") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.policy->audit_every = std::chrono::hours(24);
  house.there.put(k_pushed, movie("film"));
  house.there.put("s3://bucket/r1/c2/g.mov", movie("other"));
  house.start();
  house.deliver(push());
  house.until(is_archived_with(ReplicaState::verified));
  const std::size_t reads = house.there.reads().size();
  house.there.hold_reads(k_pushed);
  REQUIRE(
      house.eventually([&] { return house.there.reads().size() > reads; }, std::chrono::hours(1)));
  house.deliver(push("s3://bucket/r1/c2/g.mov", "c2"));
  house.until(is_archived_with(ReplicaState::verified), "c2");
  house.there.let_reads_go();
}

TEST_CASE("beside a good copy of ours an adopted file that went bad is no reason to fetch again") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("local"), StoreId("there")};
  house.policy->audit_every = std::chrono::hours(24);
  house.there.put(k_pushed, movie("film"));
  house.start();
  house.offer({k_url}, {std::nullopt, movie("film")});
  house.deliver(push());
  house.until(is_archived_with(ReplicaState::verified));
  house.there.put(k_pushed, movie("fiLm"));
  house.clock.turn(std::chrono::hours(25));
  house.until(Disagreement::says_why);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.dir.read(k_file) == movie("film"));
}

TEST_CASE("what was downloaded of a file goes from staging when the pushed one is adopted") {
  PushedHouse house(DestinationAction::adopt);
  house.policy->projects[0].stores = {StoreId("there")};
  house.start();
  house.offer({k_url}, {std::nullopt, "<!DOCTYPE html><html>login</html>"});
  house.until_state(ArtifactState::waiting);
  CHECK(house.staging->list()->size() == 1);
  house.there.put(k_pushed, movie("film"));
  house.deliver(push());
  house.until(is_archived_with(ReplicaState::verified));
  CHECK(house.eventually([&] { return house.staging->list()->empty(); }));
}
