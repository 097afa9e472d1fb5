#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "reelkeep/port/catalog.hpp"

namespace reelkeep::core {

/// What the queue comes to at the present pace.
struct Forecast {
  std::int64_t artifacts = 0;  ///< that must still come from their source
  ByteCount bytes;             ///< of them: declared, else typical of their kind
  std::int64_t past = 0;       ///< their deadline has passed: each is still tried
  std::int64_t near = 0;       ///< their deadline is nearer than warn_before, not passed
  std::int64_t missed = 0;     ///< at this pace they come after their deadline, not passed yet
  std::optional<Timestamp> first_missed;  ///< the earliest deadline of those
  std::optional<Timestamp> done_at;  ///< the last of all has come; nothing: the pace is not known
  friend bool operator==(const Forecast&, const Forecast&) = default;
};

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

  /// What is taken for its size.
  [[nodiscard]] ByteCount expected_size(const QueuedSource& source) const;
  /// The next in the queue: when it has come; nothing: the pace is not known.
  std::optional<Timestamp> add(const QueuedSource& source);
  [[nodiscard]] const Forecast& forecast() const noexcept { return m_forecast; }

 private:
  const Pace m_pace;
  Forecast m_forecast;
};

}  // namespace reelkeep::core
