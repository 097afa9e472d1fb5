#include "daemon/outlook.hpp"

#include <string>

#include "reelkeep/base/log.hpp"

namespace reelkeep::daemon {
namespace {

enum class Change { none, worse, gone };

Change change_of(std::int64_t& told, std::int64_t now) {
  if (now == 0 && told > 0) {
    told = 0;
    return Change::gone;
  }
  if (now == 0 || (told > 0 && now < told * 2)) return Change::none;
  told = now;
  return Change::worse;
}

std::string rate_text(std::optional<double> rate) {
  return rate ? to_string(ByteCount(static_cast<std::uint64_t>(*rate))) + "/s" : "unknown";
}

}  // namespace

Result<core::Forecaster::Pace> pace_of(CatalogReader& reader, Timestamp now, Duration warn_before,
                                       std::optional<double> bytes_per_second) {
  REELKEEP_ASSIGN(auto typical, reader.typical_sizes());
  return core::Forecaster::Pace{.now = now,
                                .warn_before = warn_before,
                                .bytes_per_second = bytes_per_second,
                                .typical = std::move(typical)};
}

Result<Forecast> make_forecast(CatalogReader& reader, const core::Forecaster::Pace& pace) {
  core::Forecaster forecaster(pace);
  REELKEEP_TRY(reader.queue({}, [&](const QueuedSource& source) {
    forecaster.add(source);
    return true;
  }));
  return forecaster.forecast();
}

void OutlookTeller::tell(const Forecast& forecast, std::optional<double> bytes_per_second,
                         Timestamp now) {
  switch (change_of(m_missed, forecast.missed)) {
    case Change::worse:
      log::warn(
          "recordings will miss their deadline at the present pace; see reelkeep queue, and raise "
          "[download] concurrency, per_host or rate_limit, or the line's capacity",
          {{"artifacts", std::to_string(forecast.missed)},
           {"first_deadline", relative(forecast.first_missed.value_or(now), now)},
           {"rate", rate_text(bytes_per_second)},
           {"queued", to_string(forecast.bytes)}});
      break;
    case Change::gone:
      log::info("no recording is expected to miss its deadline any more");
      break;
    case Change::none:
      break;
  }
  switch (change_of(m_near, forecast.near)) {
    case Change::worse:
      log::warn("recordings are overdue: not archived yet, and their deadline is near",
                {{"artifacts", std::to_string(forecast.near)},
                 {"list", "reelkeep sessions --state overdue"}});
      break;
    case Change::gone:
      log::info("no recording is near its deadline any more");
      break;
    case Change::none:
      break;
  }
}

}  // namespace reelkeep::daemon
