#include "core/backlog.hpp"

#include <doctest/doctest.h>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;
using core::Backlog;

namespace {

const Backlog::Moment k_begin{};

core::ReadyTransfer ready(std::uint64_t ticket, const std::string& host, int deadline) {
  core::ReadyTransfer transfer{.host = host,
                               .deadline = Timestamp(Duration(deadline)),
                               .artifact = ArtifactRow(static_cast<std::int64_t>(ticket)),
                               .request = {}};
  transfer.request.ticket = ticket;
  return transfer;
}

std::vector<std::uint64_t> tickets(const std::vector<FetchRequest>& requests) {
  std::vector<std::uint64_t> all;
  for (const FetchRequest& request : requests) all.push_back(request.ticket);
  return all;
}

using Tickets = std::vector<std::uint64_t>;

/// Everything in the catalog that is in hand.
std::size_t in_hand(const SessionView& view) {
  return static_cast<std::size_t>(std::ranges::count_if(
      view.artifacts, [](const ArtifactView& v) { return v.artifact.in_hand; }));
}

std::vector<std::string> short_files(int count) {
  std::vector<std::string> urls;
  for (int i = 0; i < count; ++i)
    urls.push_back("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  return urls;
}

void hold(House& house, bool held) {
  std::lock_guard lock(house.script.mutex);
  house.script.held = held;
}

std::size_t asked_for(House& house) {
  std::lock_guard lock(house.script.mutex);
  return house.script.requests.size();
}

}  // namespace

TEST_CASE("what is claimed ahead begins in the order of deadlines, also what comes later") {
  Backlog backlog;
  backlog.set_limits({.in_all = 1, .per_host = 1});
  backlog.add(ready(1, "a", 30));
  backlog.add(ready(2, "a", 10));
  CHECK(tickets(backlog.begin(k_begin)) == Tickets{2});
  backlog.add(ready(3, "a", 20));
  CHECK(backlog.ended(2, Backlog::Ended::well, k_begin)->ticket == 3);
  CHECK(backlog.ended(3, Backlog::Ended::well, k_begin)->ticket == 1);
  CHECK_FALSE(backlog.ended(1, Backlog::Ended::well, k_begin).has_value());
}

TEST_CASE("no host has more transfers than it may, nor have all of them together") {
  Backlog backlog;
  backlog.set_limits({.in_all = 3, .per_host = 2});
  for (std::uint64_t ticket = 1; ticket <= 4; ++ticket) backlog.add(ready(ticket, "a", 1));
  backlog.add(ready(5, "b", 2));
  backlog.add(ready(6, "b", 2));
  CHECK(tickets(backlog.begin(k_begin)) == Tickets{1, 2, 5});
  CHECK(backlog.begin(k_begin).empty());
  // "a" is full: what comes earliest has to wait for one of its own.
  CHECK(backlog.ended(5, Backlog::Ended::well, k_begin)->ticket == 6);
  CHECK(backlog.ended(1, Backlog::Ended::well, k_begin)->ticket == 3);
}

TEST_CASE("after a failure nothing begins by itself") {
  Backlog backlog;
  backlog.set_limits({.in_all = 1, .per_host = 1});
  backlog.add(ready(1, "a", 1));
  backlog.add(ready(2, "a", 2));
  REQUIRE(backlog.begin(k_begin).size() == 1);
  CHECK_FALSE(backlog.ended(1, Backlog::Ended::badly, k_begin).has_value());
  CHECK(tickets(backlog.begin(k_begin)) == Tickets{2});
}

TEST_CASE("what was taken back or comes after the end never begins") {
  Backlog backlog;
  backlog.set_limits({.in_all = 1, .per_host = 1});
  backlog.add(ready(1, "a", 1));
  backlog.add(ready(2, "a", 2));
  backlog.add(ready(3, "a", 3));
  REQUIRE(backlog.begin(k_begin).size() == 1);
  CHECK_FALSE(backlog.take_back(1));
  CHECK(backlog.take_back(2));
  CHECK(backlog.waiting() == Tickets{3});
  backlog.close();
  CHECK_FALSE(backlog.ended(1, Backlog::Ended::well, k_begin).has_value());
}

TEST_CASE("only where files are short it is worth claiming ahead") {
  Backlog backlog;
  backlog.set_limits({.in_all = 4, .per_host = 4});
  CHECK(backlog.worth_ahead("short") == 0);
  backlog.add(ready(1, "short", 1));
  backlog.add(ready(2, "long", 1));
  REQUIRE(backlog.begin(k_begin).size() == 2);
  (void)backlog.ended(1, Backlog::Ended::well, k_begin + 2ms);
  (void)backlog.ended(2, Backlog::Ended::well, k_begin + 10s);
  CHECK(backlog.worth_ahead("short") > 4);
  CHECK(backlog.worth_ahead("long") == 0);
}

TEST_CASE("a restart begins again with what was claimed ahead, and no attempt is burnt") {
  House house;
  house.start();
  house.offer({k_url}, {{}, movie("first")}, "c0");
  (void)house.until([](const SessionView& v) { return first(v).state == ArtifactState::archived; },
                    "c0");
  // Short ones were seen: more are claimed than may run.
  hold(house, true);
  house.offer(short_files(20), {{}, movie("x")});
  const SessionView claimed = house.until([](const SessionView& v) { return in_hand(v) > 4; });
  CHECK(asked_for(house) == 5);  // per_host, and the first
  REQUIRE(house.agent->status().running <= 4);
  for (int crash = 0; crash < 3; ++crash) {
    house.stop();
    // As a kill would leave them: nobody noted the stop, and nothing of them is in staging.
    {
      auto catalog = sqlite::open_catalog(house.dir.path("catalog.db")).value();
      REQUIRE(catalog
                  ->transact([&]() -> Status {
                    for (const ArtifactView& v : claimed.artifacts) {
                      Artifact artifact = catalog->artifact(v.artifact.row).value().value();
                      artifact.in_hand = true;
                      artifact.state = ArtifactState::running;
                      REELKEEP_TRY(catalog->put_progress(artifact));
                    }
                    return catalog->set_note("running", "1");
                  })
                  .has_value());
    }
    if (crash == 2) hold(house, false);
    house.start();
  }
  const SessionView after = house.until_state(ArtifactState::archived);
  for (const ArtifactView& v : after.artifacts) {
    CHECK(v.artifact.attempts == 1);
    CHECK_FALSE(v.artifact.error.has_value());
  }
}

TEST_CASE("what is claimed ahead is given back when the operator cancels it or changes the rules") {
  House house;
  house.start();
  house.offer({k_url}, {{}, movie("first")}, "c0");
  (void)house.until([](const SessionView& v) { return first(v).state == ArtifactState::archived; },
                    "c0");
  hold(house, true);
  house.offer(short_files(12), {{}, movie("x")});
  const SessionView claimed = house.until([](const SessionView& v) { return in_hand(v) == 12; });
  const Artifact& last = claimed.artifacts.back().artifact;
  house.command(
      CancelCommand{.session = claimed.session.key, .artifacts = {last.id}, .reason = "test"});
  (void)house.until([](const SessionView& v) {
    const Artifact& one = v.artifacts.back().artifact;
    return one.state == ArtifactState::cancelled && !one.in_hand;
  });
  // A project that goes away takes what did not begin out of hand.
  auto without = std::make_shared<core::Policy>(*house.policy);
  without->projects.clear();
  house.agent->set_policy(without);
  (void)house.until([](const SessionView& v) { return in_hand(v) == 4; });
  CHECK(asked_for(house) == 5);
}

TEST_CASE(
    "a cancel that comes while a free connection takes up the transfer ends it all the same") {
  House house;
  std::string taken_up;  // its URL; constant once it is to be taken up
  std::optional<CancelCommand> wish;
  house.script.on_submit = [&](const FetchRequest& request) {
    if (!wish || request.url.display() != taken_up) return;
    house.command(*wish);
    REQUIRE(house.eventually([&] {
      const std::lock_guard lock(house.script.mutex);
      return house.script.cancels[request.ticket] > 0;
    }));
  };
  house.start();
  house.offer({k_url}, {{}, movie("first")}, "c0");
  (void)house.until([](const SessionView& v) { return first(v).state == ArtifactState::archived; },
                    "c0");
  hold(house, true);
  house.offer(short_files(5), {{}, movie("x")});  // one more than have a connection
  const SessionView claimed = house.until([](const SessionView& v) { return in_hand(v) == 5; });
  REQUIRE(house.eventually([&] { return asked_for(house) == 5; }));
  std::string running;
  for (const ArtifactView& v : claimed.artifacts) {
    const std::string url = v.artifact.url;
    const bool has_begun = house.requests(url) > 0;
    (has_begun ? running : taken_up) = url;
    if (has_begun) continue;
    wish = CancelCommand{
        .session = claimed.session.key, .artifacts = {v.artifact.id}, .reason = "test"};
  }
  REQUIRE(wish);
  house.fetcher.load()->release(running, movie("x"));
  (void)house.until([&](const SessionView& v) {
    return std::ranges::any_of(v.artifacts, [](const ArtifactView& one) {
      return one.artifact.state == ArtifactState::cancelled && !one.artifact.in_hand;
    });
  });
}
