#include "core/forecast.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "core/rate_meter.hpp"

using namespace reelkeep;
using core::Forecaster;

namespace {

const Timestamp k_now{std::chrono::hours(480'000)};

Timestamp in(std::chrono::seconds seconds) {
  return k_now + seconds;
}

struct Row {
  const char* what;
  std::optional<double> rate;
  std::vector<QueuedSource> queue;
  Forecast expected;
};

QueuedSource declared(std::chrono::seconds deadline, std::uint64_t size) {
  return {.deadline = in(deadline), .declared_size = ByteCount(size)};
}
QueuedSource of_kind(std::chrono::seconds deadline, ArtifactKind kind) {
  return {.deadline = in(deadline), .kind = kind};
}

}  // namespace

TEST_CASE("a forecast says what comes too late at the measured pace, and what is near or past") {
  using std::chrono::seconds;
  constexpr auto k_far = std::chrono::hours(72);
  const std::vector<Row> rows{
      {"nothing to do", 100.0, {}, {}},
      {"all in time",
       100.0,
       {declared(k_far, 1000), declared(k_far, 2000)},
       {.artifacts = 2, .bytes = ByteCount(3000), .done_at = in(seconds(30))}},
      {"no pace measured yet: only what is near is told",
       std::nullopt,
       {declared(seconds(60), 1000), declared(k_far, 2000)},
       {.artifacts = 2, .bytes = ByteCount(3000), .near = 1}},
      {"the last of three misses",
       100.0,
       {declared(seconds(7200), 1000), declared(seconds(7300), 1000),
        declared(seconds(7400), 800'000)},
       {.artifacts = 3,
        .bytes = ByteCount(802'000),
        .missed = 1,
        .first_missed = in(seconds(7400)),
        .done_at = in(seconds(8020))}},
      {"just in time is in time",
       10.0,
       {declared(seconds(7200), 72'000)},
       {.artifacts = 1, .bytes = ByteCount(72'000), .done_at = in(seconds(7200))}},
      {"what is past comes first, delays the others and is told apart",
       1.0,
       {declared(seconds(-5), 4000), declared(seconds(3700), 100)},
       {.artifacts = 2,
        .bytes = ByteCount(4100),
        .past = 1,
        .missed = 1,
        .first_missed = in(seconds(3700)),
        .done_at = in(seconds(4100))}},
      {"an undeclared size is the typical one of its kind, else a guess",
       1024.0,
       {of_kind(k_far, ArtifactKind::recording), of_kind(k_far, ArtifactKind::chatdata)},
       {.artifacts = 2,
        .bytes = 1_MiB + 64_KiB,
        .done_at = in(seconds((1024 * 1024 + 64 * 1024) / 1024))}},
      {"what has come already is not to come, and the source knows its length best",
       100.0,
       {{.deadline = in(k_far),
         .declared_size = ByteCount(10),
         .length = ByteCount(9000),
         .received = ByteCount(4000)},
        {.deadline = in(k_far), .declared_size = ByteCount(10), .received = ByteCount(4000)}},
       {.artifacts = 2, .bytes = ByteCount(5000), .done_at = in(seconds(50))}},
      {"sizes that nobody can have do not wrap round",
       1.0,
       {declared(k_far, ~std::uint64_t{0}), declared(k_far, ~std::uint64_t{0})},
       {.artifacts = 2,
        .bytes = ByteCount(~std::uint64_t{0}),
        .missed = 2,
        .first_missed = in(k_far),
        .done_at = in(std::chrono::hours(100 * 365 * 24))}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Forecaster forecaster({.now = k_now,
                           .warn_before = std::chrono::hours(1),
                           .bytes_per_second = row.rate,
                           .typical = {{ArtifactKind::recording, 1_MiB}}});
    std::optional<Timestamp> last;
    for (const QueuedSource& source : row.queue) last = forecaster.add(source);
    CHECK(forecaster.forecast() == row.expected);
    CHECK(last == row.expected.done_at);
  }
}

TEST_CASE("the measured rate follows full load, rises with part load and ignores idleness") {
  using Load = core::RateMeter::Load;
  const auto second = [](int n) { return MonotonicTime(std::chrono::seconds(n)); };
  core::RateMeter meter;
  CHECK_FALSE(meter.bytes_per_second().has_value());
  meter.sample(second(0), 0, Load::idle);
  meter.sample(second(10), 0, Load::full);  // nothing has come yet
  CHECK_FALSE(meter.bytes_per_second().has_value());
  meter.sample(second(20), 10'000, Load::partly);
  CHECK(meter.bytes_per_second().value() == doctest::Approx(1000));
  meter.sample(second(21), 10'001, Load::partly);  // few bytes were wanted
  CHECK(meter.bytes_per_second().value() == doctest::Approx(1000));
  meter.sample(second(5000), 10'001, Load::idle);
  CHECK(meter.bytes_per_second().value() == doctest::Approx(1000));
  std::uint64_t bytes = 10'001;
  for (int i = 1; i <= 300; ++i) meter.sample(second(5000 + i), bytes += 5000, Load::partly);
  CHECK(meter.bytes_per_second().value() > 4900);
  for (int i = 1; i <= 600; ++i) meter.sample(second(5300 + i), bytes += 100, Load::full);
  CHECK(meter.bytes_per_second().value() < 110);
  // A stall under full load is a pace, too.
  for (int i = 1; i <= 600; ++i) meter.sample(second(5900 + i), bytes, Load::full);
  CHECK(meter.bytes_per_second().value() < 1);
}
