#include <array>
#include <doctest/doctest.h>

#include "curl/buffer_pool.hpp"
#include "curl/peer_address.hpp"
#include "curl/rate_bucket.hpp"
#include "curl/stall_watch.hpp"
#include "curl/target_rules.hpp"

using namespace reelkeep;
using namespace reelkeep::curl;

TEST_CASE("only public unicast addresses are public, in whatever dress they come") {
  constexpr std::array k_private{"0.0.0.0",
                                 "0.1.2.3",
                                 "10.0.0.1",
                                 "100.64.0.1",
                                 "100.127.255.255",
                                 "127.0.0.1",
                                 "127.255.255.255",
                                 "169.254.169.254",
                                 "172.16.0.1",
                                 "172.31.255.255",
                                 "192.0.0.8",
                                 "192.168.1.1",
                                 "198.18.0.1",
                                 "198.19.255.255",
                                 "224.0.0.1",
                                 "239.255.255.255",
                                 "240.0.0.1",
                                 "255.255.255.255",
                                 "::",
                                 "::1",
                                 "::ffff:10.0.0.1",
                                 "::ffff:127.0.0.1",
                                 "::127.0.0.1",
                                 "64:ff9b::10.0.0.1",
                                 "64:ff9b:1::1",
                                 "fe80::1",
                                 "fec0::1",
                                 "fc00::1",
                                 "fdff::1",
                                 "ff02::1",
                                 "2001:db8::1",
                                 "2001::1",
                                 "2002:a00:1::",
                                 "2002:7f00:1::",
                                 "100::1",
                                 "fe80::1%eth0",
                                 "not an address",
                                 "",
                                 "3fff::1",
                                 "192.0.2.1"};
  for (const char* address : k_private) {
    CAPTURE(address);
    CHECK(is_private_address(address));
  }
  constexpr std::array k_public{
      "1.1.1.1",         "9.255.255.255",   "100.63.255.255", "100.128.0.1",      "172.15.255.255",
      "172.32.0.1",      "192.167.255.255", "198.17.255.255", "198.20.0.1",       "223.255.255.255",
      "2606:4700::1111", "2a00:1450::1",    "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::"};
  for (const char* address : k_public) {
    CAPTURE(address);
    CHECK_FALSE(is_private_address(address));
  }
}

TEST_CASE("a stall is a whole window under 1 KiB/s") {
  MonotonicTime now{};
  const auto pass = [&now](StallWatch& watch, int slices, std::uint64_t bytes_each,
                           StallWatch::Wanting wanting = StallWatch::Wanting::yes) {
    bool stalled = false;
    for (int i = 0; i < slices; ++i) {
      watch.received(bytes_each);
      now += watch.slice();
      stalled = watch.turn(now, wanting) || stalled;
    }
    return stalled;
  };
  SUBCASE("nothing at all") {
    StallWatch watch(Duration(8000), now);
    CHECK_FALSE(pass(watch, 7, 0));
    CHECK(pass(watch, 1, 0));
  }
  SUBCASE("just under and just over the limit") {
    StallWatch under(Duration(8000), now);
    CHECK(pass(under, 8, 1023));
    StallWatch over(Duration(8000), now);
    CHECK_FALSE(pass(over, 100, 1024));
    CHECK(pass(over, 8, 1000));
  }
  SUBCASE("a burst counts for one window only") {
    StallWatch watch(Duration(8000), now);
    watch.received(1U << 30U);
    CHECK_FALSE(pass(watch, 8, 0));
    CHECK(pass(watch, 1, 0));
  }
  SUBCASE("time in which we did not want bytes does not count") {
    StallWatch watch(Duration(8000), now);
    CHECK_FALSE(pass(watch, 7, 0));
    CHECK_FALSE(pass(watch, 100, 0, StallWatch::Wanting::no));
    CHECK(pass(watch, 1, 0));
  }
  SUBCASE("a process that was stopped for an hour does not blame the server") {
    StallWatch watch(Duration(8000), now);
    now += std::chrono::hours(1);
    CHECK_FALSE(watch.turn(now, StallWatch::Wanting::yes));
  }
}

TEST_CASE("the rate limit holds over time, with bounded bursts and debts") {
  MonotonicTime now{};
  RateBucket bucket(100'000, now);
  std::uint64_t taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += Duration(1);
    while (bucket.take(16'384, now)) taken += 16'384;
  }
  CHECK(taken >= 1'000'000 - 20'000);
  CHECK(taken <= 1'000'000 + 30'000);
  now += std::chrono::hours(1);
  std::uint64_t burst = 0;
  while (bucket.take(1000, now)) burst += 1000;
  CHECK(burst <= 11'000);
  const Duration wait = bucket.wait(now);
  CHECK(wait > Duration(0));
  CHECK(wait <= Duration(70));
  CHECK(bucket.wait(now + wait) == Duration(0));
  bucket.set_rate(0, now);
  CHECK(bucket.wait(now) == Duration(0));
  CHECK(bucket.take(1U << 30U, now));
}

TEST_CASE("the pool gives no more buffers than it has, and tells when one comes back") {
  int returned = 0;
  BufferPool pool(2, 100, [&returned] { ++returned; });
  Buffer one = pool.take();
  Buffer two = pool.take();
  CHECK(one);
  CHECK(two.space() == 100);
  CHECK_FALSE(pool.take());
  CHECK_FALSE(pool.has_free());
  const std::array<std::byte, 3> bytes{};
  two.append(bytes);
  pool.give_back(std::move(two));
  CHECK(returned == 1);
  Buffer again = pool.take();
  CHECK(again.space() == 100);
  pool.give_back(std::move(again));
  pool.give_back(std::move(one));
  pool.trim();
  CHECK(pool.take());
}

TEST_CASE("where a request and its pair may go") {
  const auto url = [](const char* text) { return Url::parse(text).value(); };
  HostRules rules;
  rules.hosts = {HostPattern::parse("*.enablex.io").value()};
  rules.redirect_hosts = {HostPattern::parse("storage.example").value()};
  CHECK(check_target(url("https://portal.enablex.io/f"), rules, Hop::first));
  CHECK_FALSE(check_target(url("http://portal.enablex.io/f"), rules, Hop::first));
  CHECK_FALSE(check_target(url("http://portal.enablex.io/f"), rules, Hop::redirect));
  CHECK_FALSE(check_target(url("https://storage.example/f"), rules, Hop::first));
  CHECK(check_target(url("https://storage.example/f"), rules, Hop::redirect));
  CHECK_FALSE(check_target(url("https://enablex.io/f"), rules, Hop::first));
  CHECK_FALSE(check_target(url("https://evil-enablex.io/f"), rules, Hop::redirect));
  CHECK_FALSE(check_target(url("ftp://portal.enablex.io/f"), rules, Hop::first));

  const Url first = url("https://portal.enablex.io/f");
  CHECK(may_send_pair(first, first, rules));
  CHECK(may_send_pair(url("https://portal.enablex.io:443/g"), first, rules));
  CHECK_FALSE(may_send_pair(url("https://portal.enablex.io:8443/g"), first, rules));
  CHECK_FALSE(may_send_pair(url("http://portal.enablex.io/g"), first, rules));
  CHECK_FALSE(may_send_pair(url("https://media.enablex.io/g"), first, rules));
  const Url outside = url("https://storage.example/f");
  CHECK_FALSE(may_send_pair(outside, outside, rules));
}
