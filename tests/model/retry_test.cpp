#include "reelkeep/model/retry.hpp"

#include <array>
#include <doctest/doctest.h>
#include <limits>

using namespace reelkeep;
using namespace std::chrono_literals;

namespace {

const Timestamp k_deadline{Duration(1'000'000'000'000)};
const Timestamp k_give_up_at = k_deadline + 72h;
const RetryPolicy k_policy;  // 2 s to 15 min

constexpr std::array k_codes{Errc::invalid,     Errc::not_found, Errc::unauthorized, Errc::conflict,
                             Errc::unavailable, Errc::timeout,   Errc::no_space,     Errc::corrupt,
                             Errc::internal,    Errc::cancelled};

/// The first failure, ten hours before the deadline.
FailedAttempt failed(Errc code) {
  return {.code = code,
          .retry_after = std::nullopt,
          .attempts = 1,
          .credential_works_elsewhere = false,
          .now = k_deadline - 10h,
          .deadline = k_deadline,
          .give_up_at = k_give_up_at,
          .jitter = 0.5};
}

Duration wait_of(const FailedAttempt& attempt, const RetryPolicy& policy = k_policy) {
  const NextStep step = next_step(attempt, policy);
  REQUIRE(step.verdict == Verdict::retry);
  REQUIRE(step.at.has_value());
  return *step.at - attempt.now;
}

Verdict verdict_of(const FailedAttempt& attempt) {
  const NextStep step = next_step(attempt, k_policy);
  CHECK(step.at.has_value() == (step.verdict == Verdict::retry));
  return step.verdict;
}

}  // namespace

TEST_CASE("nothing is terminal before the deadline, whatever the code") {
  for (const Errc code : k_codes)
    for (const bool works : {false, true})
      for (const std::int64_t attempts : {1, 2, 100, 1'000'000}) {
        CAPTURE(to_string(code));
        FailedAttempt attempt = failed(code);
        attempt.credential_works_elsewhere = works;
        attempt.attempts = attempts;
        CHECK(verdict_of(attempt) == Verdict::retry);
        attempt.now = k_deadline - 1ms;
        CHECK(verdict_of(attempt) == Verdict::retry);
      }
}

TEST_CASE("the longest wait doubles with each attempt up to the maximum") {
  FailedAttempt attempt = failed(Errc::unavailable);
  attempt.jitter = 1.0;
  const std::array expected{2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 512s, 900s, 900s};
  for (const auto wait : expected) {
    CHECK(wait_of(attempt) == wait);
    ++attempt.attempts;
  }
  attempt.attempts = std::numeric_limits<std::int64_t>::max();
  CHECK(wait_of(attempt) == 15min);
  attempt.attempts = 0;
  CHECK(wait_of(attempt) == 2s);
}

TEST_CASE("jitter spreads a wait evenly between the minimum and its longest") {
  FailedAttempt attempt = failed(Errc::timeout);
  attempt.attempts = 4;  // 2 s to 16 s
  const std::array<std::pair<double, Duration>, 5> table{
      {{0.0, 2000ms}, {0.25, 5500ms}, {0.5, 9000ms}, {0.75, 12500ms}, {1.0, 16000ms}}};
  for (const auto& [jitter, wait] : table) {
    attempt.jitter = jitter;
    CHECK(wait_of(attempt) == wait);
  }
}

TEST_CASE("a policy of one value always waits that long") {
  FailedAttempt attempt = failed(Errc::timeout);
  attempt.attempts = 9;
  CHECK(wait_of(attempt, {.minimum = 5s, .maximum = 5s}) == 5s);
  CHECK(wait_of(attempt, {.minimum = 5s, .maximum = 1s}) == 5s);
  CHECK(wait_of(attempt, {.minimum = 0s, .maximum = 1s}) == 0s);
}

TEST_CASE("the other side's wish makes a wait longer, never shorter, and by an hour at most") {
  FailedAttempt attempt = failed(Errc::unavailable);
  attempt.retry_after = 30s;
  CHECK(wait_of(attempt) == 30s);
  attempt.retry_after = 5h;
  CHECK(wait_of(attempt) == 1h);
  attempt.retry_after = std::chrono::seconds::max();
  CHECK(wait_of(attempt) == 1h);
  attempt.attempts = 20;
  attempt.jitter = 1.0;
  for (const auto wish : {std::chrono::seconds(3), std::chrono::seconds(0),
                          std::chrono::seconds::min(), std::chrono::seconds(-5)}) {
    attempt.retry_after = wish;
    CHECK(wait_of(attempt) == 15min);
  }
}

TEST_CASE("a retry that would miss the deadline comes one minute before it") {
  FailedAttempt attempt = failed(Errc::unavailable);
  attempt.attempts = 20;
  attempt.jitter = 1.0;
  attempt.now = k_deadline - 10min;
  CHECK(wait_of(attempt) == 9min);
  attempt.retry_after = 1h;
  CHECK(wait_of(attempt) == 9min);
  attempt.now = k_deadline - 15min;
  attempt.retry_after.reset();
  CHECK(wait_of(attempt) == 15min);  // exactly at it
}

TEST_CASE("within the last minute the wait is kept and ends past the deadline") {
  FailedAttempt attempt = failed(Errc::unavailable);
  attempt.attempts = 20;
  attempt.jitter = 1.0;
  for (const Duration before : {Duration(62s), Duration(61s), Duration(60s), Duration(1s)}) {
    attempt.now = k_deadline - before;
    CHECK(wait_of(attempt) == 15min);
  }
  attempt.now = k_deadline - 63s;
  CHECK(wait_of(attempt) == 3s);
}

TEST_CASE("past the deadline proven absence is the end") {
  FailedAttempt attempt = failed(Errc::not_found);
  for (const Duration past : {Duration(0), Duration(1ms), Duration(72h), Duration(1000h)}) {
    attempt.now = k_deadline + past;
    CHECK(verdict_of(attempt) == Verdict::expired);
  }
}

TEST_CASE("past the deadline a refused credential is the end only if it works elsewhere") {
  FailedAttempt attempt = failed(Errc::unauthorized);
  attempt.now = k_deadline + 1h;
  CHECK(verdict_of(attempt) == Verdict::retry);
  attempt.credential_works_elsewhere = true;
  CHECK(verdict_of(attempt) == Verdict::expired);
}

TEST_CASE("past the deadline everything else is tried at the longest interval to the span's end") {
  for (const Errc code : k_codes) {
    if (code == Errc::not_found) continue;
    CAPTURE(to_string(code));
    FailedAttempt attempt = failed(code);
    for (const Timestamp now : {k_deadline, k_deadline + 1h, k_give_up_at - 1ms}) {
      attempt.now = now;
      attempt.retry_after.reset();
      CHECK(wait_of(attempt) == 15min);
      attempt.retry_after = 30min;
      CHECK(wait_of(attempt) == 30min);
      attempt.retry_after = 24h;
      CHECK(wait_of(attempt) == 1h);
    }
    for (const Timestamp now : {k_give_up_at, k_give_up_at + 1000h}) {
      attempt.now = now;
      CHECK(verdict_of(attempt) ==
            (code == Errc::corrupt ? Verdict::quarantined : Verdict::expired));
    }
  }
}

TEST_CASE("a span that ended before the deadline forbids nothing before it") {
  FailedAttempt attempt = failed(Errc::corrupt);
  attempt.give_up_at = k_deadline - 100h;
  CHECK(verdict_of(attempt) == Verdict::retry);
  attempt.now = k_deadline;
  CHECK(verdict_of(attempt) == Verdict::quarantined);
}
