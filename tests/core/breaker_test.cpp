#include "core/breaker.hpp"

#include <doctest/doctest.h>

using namespace reelkeep;
using namespace reelkeep::core;
using namespace std::chrono_literals;

namespace {
const Timestamp k_now{std::chrono::seconds(1'700'000'000)};
const std::string k_key = "*";
}  // namespace

TEST_CASE("three different artifacts refused in a row open the breaker") {
  Breakers breakers(RetryPolicy{2000ms, 900s});
  CHECK(breakers.refused(k_key, ArtifactRow(1), k_now));
  CHECK(breakers.refused(k_key, ArtifactRow(2), k_now));
  CHECK_FALSE(breakers.is_open(k_key));
  CHECK_FALSE(breakers.refused(k_key, ArtifactRow(3), k_now));
  CHECK(breakers.is_open(k_key));
}

TEST_CASE("one dead URL among good ones never opens the breaker") {
  Breakers breakers(RetryPolicy{});
  for (int round = 0; round < 100; ++round) {
    CHECK(breakers.refused(k_key, ArtifactRow(1), k_now));
    CHECK_FALSE(breakers.is_open(k_key));
  }
}

TEST_CASE("a success between refusals keeps the breaker closed") {
  Breakers breakers(RetryPolicy{});
  for (int round = 0; round < 100; ++round) {
    CHECK(breakers.refused(k_key, ArtifactRow(round), k_now));
    breakers.succeeded(k_key);
  }
  CHECK_FALSE(breakers.is_open(k_key));
  CHECK(breakers.works(k_key));
}

TEST_CASE("an open breaker lets one probe at a time go, ever less often up to a minute") {
  Breakers breakers(RetryPolicy{2000ms, 900s});
  for (int row = 1; row <= 3; ++row) (void)breakers.refused(k_key, ArtifactRow(row), k_now);
  CHECK_FALSE(breakers.may_probe(k_key, k_now));
  Timestamp now = k_now;
  Duration longest{};
  for (int row = 4; row < 20; ++row) {
    const auto next = breakers.next_probe();
    REQUIRE(next.has_value());
    longest = std::max(longest, *next - now);
    now = *next;
    REQUIRE(breakers.may_probe(k_key, now));
    CHECK_FALSE(breakers.was_probed(k_key, ArtifactRow(row)));
    breakers.probe_started(k_key, ArtifactRow(row));
    CHECK_FALSE(breakers.may_probe(k_key, now));
    CHECK_FALSE(breakers.refused(k_key, ArtifactRow(row), now));
    CHECK(breakers.was_probed(k_key, ArtifactRow(row)));
  }
  CHECK(longest == 60s);
}

TEST_CASE("a probe that ends without a verdict makes room for the next") {
  Breakers breakers(RetryPolicy{});
  for (int row = 1; row <= 3; ++row) (void)breakers.refused(k_key, ArtifactRow(row), k_now);
  breakers.probe_started(k_key, ArtifactRow(4));
  CHECK_FALSE(breakers.next_probe().has_value());
  breakers.probe_ended(k_key, ArtifactRow(4), k_now);
  CHECK(breakers.next_probe().has_value());
  CHECK(breakers.is_open(k_key));
}

TEST_CASE("any success closes the breaker, and so does a changed credential") {
  Breakers breakers(RetryPolicy{});
  for (int row = 1; row <= 3; ++row) (void)breakers.refused(k_key, ArtifactRow(row), k_now);
  breakers.succeeded(k_key);
  CHECK_FALSE(breakers.is_open(k_key));
  for (int row = 1; row <= 3; ++row) (void)breakers.refused(k_key, ArtifactRow(row), k_now);
  REQUIRE(breakers.open().size() == 1);
  CHECK(breakers.open()[0].key == k_key);
  CHECK(breakers.open()[0].next_probe == breakers.next_probe());
  breakers.reset(k_key);
  CHECK(breakers.open().empty());
}

TEST_CASE("one that opens again and again is told every ten minutes, or after a change") {
  Breakers breakers(RetryPolicy{});
  const auto open = [&](Timestamp now) {
    for (int row = 1; row <= 3; ++row) breakers.refused(k_key, ArtifactRow(row), now);
  };
  CHECK_FALSE(breakers.take_news(k_key, k_now));  // it is closed
  open(k_now);
  CHECK(breakers.take_news(k_key, k_now));
  CHECK(breakers.was_told(k_key));
  CHECK_FALSE(breakers.take_news(k_key, k_now + 60min));  // once for one opening
  breakers.succeeded(k_key);
  CHECK_FALSE(breakers.was_told(k_key));

  open(k_now + 5min);
  CHECK_FALSE(breakers.take_news(k_key, k_now + 5min));
  CHECK_FALSE(breakers.was_told(k_key));  // so that nobody is told that it works again
  // It stays open: the refusal of a probe tells it as soon as ten minutes are over.
  CHECK_FALSE(breakers.take_news(k_key, k_now + 9min));
  CHECK(breakers.take_news(k_key, k_now + 10min));

  breakers.reset(k_key);
  open(k_now + 11min);
  CHECK(breakers.take_news(k_key, k_now + 11min));
  breakers.succeeded(k_key);
  open(k_now - 1min);  // the clock was set back
  CHECK(breakers.take_news(k_key, k_now - 1min));
}

TEST_CASE("credentials do not share a breaker, app_ids of one block do") {
  Policy policy;
  policy.projects.push_back({.app_id = AppId("*")});
  policy.projects.push_back({.app_id = AppId("own")});
  CHECK(Breakers::credential_key(policy, AppId("a")) == "*");
  CHECK(Breakers::credential_key(policy, AppId("b")) == "*");
  CHECK(Breakers::credential_key(policy, AppId("own")) == "own");
}
