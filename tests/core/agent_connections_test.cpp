#include <doctest/doctest.h>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Connections that were granted, by ticket.
std::vector<std::size_t> granted(House& house) {
  std::lock_guard lock(house.script.mutex);
  std::vector<std::size_t> all;
  for (const auto& [ticket, connections] : house.script.granted) all.push_back(connections);
  return all;
}

void keep_waiting(House& house) {
  std::lock_guard lock(house.script.mutex);
  house.script.held = true;
}

using Counts = std::vector<std::size_t>;

}  // namespace

TEST_CASE("connections that nothing else needs go to what runs, and come back when there is work") {
  House house;
  keep_waiting(house);
  house.start();
  house.deliver(k_offer);
  CHECK(house.eventually([&] { return granted(house) == Counts{4}; }));  // per_host
  const std::string other = "https://media.enablex.io/p/";
  house.deliver(body("recording", ",\"recording\":\"" + other + "1.mov\"", "c2"));
  CHECK(house.eventually([&] { return granted(house) == Counts{4, 4}; }));  // concurrency 8
  house.deliver(
      body("recording", ",\"recording\":[\"" + other + "2.mov\",\"" + other + "3.mov\"]", "c3"));
  CHECK(house.eventually([&] { return granted(house) == Counts{4, 2, 1, 1}; }));
  const SessionView second =
      house.until([](const SessionView& v) { return !v.artifacts.empty(); }, "c2");
  house.command(CancelCommand{.session = second.session.key,
                              .artifacts = {second.artifacts[0].artifact.id},
                              .reason = "test"});
  CHECK(house.eventually([&] { return granted(house) == Counts{4, 2, 2}; }));
}

TEST_CASE("connections are never more than allowed, in all and to one host") {
  House house;
  auto policy = std::make_shared<core::Policy>(*house.policy);
  policy->concurrency = 3;
  policy->per_host = 2;
  house.policy = policy;
  keep_waiting(house);
  house.start();
  house.deliver(k_offer);
  CHECK(house.eventually([&] { return granted(house) == Counts{2}; }));
  house.deliver(body("recording", ",\"recording\":\"https://media.enablex.io/p/1.mov\"", "c2"));
  CHECK(house.eventually([&] { return granted(house) == Counts{2, 1}; }));
}
