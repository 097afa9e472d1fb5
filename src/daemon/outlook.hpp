#pragma once

#include <optional>

#include "reelkeep/model/forecast.hpp"
#include "reelkeep/port/catalog.hpp"

#include "core/forecast.hpp"

namespace reelkeep::daemon {

/// What the forecast is made with: the measured rate, and sizes that are typical here.
Result<core::Forecaster::Pace> pace_of(CatalogReader& reader, Timestamp now, Duration warn_before,
                                       std::optional<double> bytes_per_second);

/// Of the whole queue: one scan of an index, about half a second for a million.
Result<Forecast> make_forecast(CatalogReader& reader, const core::Forecaster::Pace& pace);

/// Tells the log when what is at risk changes: when something begins to be, when it is twice as
/// much as was told, when nothing is any more. One thread.
class OutlookTeller {
 public:
  void tell(const Forecast& forecast, std::optional<double> bytes_per_second, Timestamp now);

 private:
  std::int64_t m_missed = 0;  ///< as last told
  std::int64_t m_near = 0;
};

}  // namespace reelkeep::daemon
