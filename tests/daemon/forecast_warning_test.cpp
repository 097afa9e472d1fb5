// That a recording will come too late is said while something can still be done about it.
#include <doctest/doctest.h>

#include "core/projected.hpp"
#include "core/rate_meter.hpp"
#include "daemon/metrics.hpp"
#include "daemon/outlook.hpp"
#include "support/heard.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using std::chrono::hours;

namespace {

/// An hour's look at the queue, as the service takes it; what it says, and what /metrics says.
struct Watch {
  Projection projection;
  daemon::OutlookTeller teller;
  Timestamp now = k_noon;
  Forecast forecast;

  std::string look(std::optional<double> bytes_per_second) {
    const auto reader = sqlite::open_catalog_reader(projection.dir.path("catalog.db")).value();
    const auto pace = daemon::pace_of(*reader, now, hours(12), bytes_per_second).value();
    forecast = daemon::make_forecast(*reader, pace).value();
    return heard([&] { teller.tell(forecast, bytes_per_second, now); });
  }
  [[nodiscard]] std::string metrics() const {
    return daemon::render_metrics({.forecast = forecast, .now = now});
  }
};

constexpr const char* k_will_miss = "will miss their deadline at the present pace";
constexpr const char* k_near = "recordings are overdue: not archived yet";

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a rate that falls is warned of long before the deadline that it will miss") {
  Watch watch;
  // Two days' work at a megabyte a second, with three days' time.
  watch.projection.deliver(transcoded("1", std::to_string(48 * 3'600'000'000LL)));
  watch.projection.advance();
  const Timestamp deadline = only(watch.projection.show()).deadline;
  REQUIRE(deadline == k_noon + hours(72));

  core::RateMeter meter;
  MonotonicTime clock{};
  std::uint64_t received = 0;
  const auto run_for_an_hour = [&](std::uint64_t bytes_per_second) {
    for (int minute = 0; minute < 60; ++minute) {
      clock += std::chrono::minutes(1);
      meter.sample(clock, received += 60 * bytes_per_second, core::RateMeter::Load::full);
    }
    watch.now += hours(1);
    return watch.look(meter.bytes_per_second());
  };
  for (int hour = 0; hour < 6; ++hour) CHECK(run_for_an_hour(1'000'000).empty());
  CHECK(has(watch.metrics(), "reelkeep_forecast_missed_artifacts 0\n"));

  const std::string said = run_for_an_hour(100'000);
  CHECK(has(said, k_will_miss));
  CHECK(has(said, "artifacts=1"));
  CHECK(has(said, "first_deadline=\"in 2d 17h\""));  // and not when it is too late
  CHECK(has(watch.metrics(), "reelkeep_forecast_missed_artifacts 1\n"));
  CHECK(watch.forecast.first_missed == deadline);
  CHECK(run_for_an_hour(100'000).empty());  // once, and not every hour
  CHECK(has(run_for_an_hour(2'000'000), "no recording is expected to miss its deadline any more"));
  CHECK(has(watch.metrics(), "reelkeep_forecast_missed_artifacts 0\n"));
}

TEST_CASE("without any rate, or with a host that gives nothing, the nearness of a deadline warns") {
  Watch watch;
  watch.projection.deliver(transcoded("1", "1000"));
  watch.projection.advance();
  std::optional<double> rate;
  SUBCASE("nothing was ever received") {}
  SUBCASE("others are fast, this one is refused or paused") {
    rate = 1e9;
  }
  watch.now = k_noon + hours(59);
  CHECK(watch.look(rate).empty());
  CHECK(has(watch.metrics(), "reelkeep_forecast_missed_artifacts 0\n"));
  watch.now = k_noon + hours(61);  // [agent] warn_before = 12h
  CHECK(has(watch.look(rate), k_near));
  CHECK(has(watch.metrics(), "reelkeep_overdue_artifacts 1\n"));
  watch.now = k_noon + hours(73);
  CHECK(watch.forecast.near == 1);
  (void)watch.look(rate);
  CHECK(watch.forecast.past == 1);
  CHECK(
      has(watch.metrics(), "reelkeep_overdue_artifacts 1\n"));  // until it is archived or given up
}
