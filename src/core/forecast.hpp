#pragma once

#include <map>
#include <optional>

#include "reelkeep/model/forecast.hpp"
#include "reelkeep/port/catalog.hpp"

namespace reelkeep::core {

/// Turns the queue, told earliest deadline first, into a forecast: everything is fetched in that
/// order, together as fast as was measured. Constant memory; no I/O, no clock: the same input gives
/// the same answer. What holds work up altogether (refused credentials, a full disk) is not part of
/// it; such work shows in `near` when its time grows short.
class Forecaster {
 public:
  struct Pace {
    Timestamp now;
    Duration warn_before{};
    std::optional<double> bytes_per_second;  ///< nothing: not measured yet
    std::map<ArtifactKind, ByteCount> typical;
  };
  explicit Forecaster(Pace pace) : m_pace(std::move(pace)) {}

  /// What is taken for its size: what the source said, else declared, else typical of its kind,
  /// else a guess; never less than what has come already.
  [[nodiscard]] ByteCount expected_size(const QueuedSource& source) const;
  /// The next in the queue: when it has come; nothing: the pace is not known.
  std::optional<Timestamp> add(const QueuedSource& source);
  [[nodiscard]] const Forecast& forecast() const noexcept { return m_forecast; }

 private:
  Pace m_pace;
  Forecast m_forecast;
};

}  // namespace reelkeep::core
