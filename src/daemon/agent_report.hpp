#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/model/forecast.hpp"

#include "daemon/config.hpp"

namespace reelkeep::json {
class Writer;
}

namespace reelkeep::daemon {

/// What a running agent alone knows, as it tells at GET /status of the admin address. Names no
/// session and no file.
struct AgentReport {
  struct Breaker {
    std::string app_id;  ///< of the [[project]] block
    Timestamp since;
    Timestamp next_probe;
    friend bool operator==(const Breaker&, const Breaker&) = default;
  };
  long pid = 0;
  std::string version;
  bool catching_up = false;
  std::string catalog_problem;  ///< empty: none
  std::string staging_problem;  ///< empty: none
  bool disk_paused = false;
  std::map<std::string, std::string> store_problems;        ///< store id -> cause
  std::map<std::string, std::string> destination_problems;  ///< destination id -> cause
  std::vector<Breaker> breakers;                            ///< open ones
  std::vector<std::string> unconfigured;                    ///< app_ids without a [[project]]
  std::int64_t running = 0;
  std::uint64_t received_bytes = 0;
  std::optional<double> bytes_per_second;
  std::optional<Forecast> forecast;  ///< nothing: not made yet
  friend bool operator==(const AgentReport&, const AgentReport&) = default;

  /// The open breaker of that [[project]] block, or nullptr. Borrowed.
  [[nodiscard]] const Breaker* breaker_of(const std::string& project) const;
};

std::string encode(const AgentReport& report);
/// An object, or null.
void write_forecast(json::Writer& writer, const std::optional<Forecast>& forecast);
/// Members that are missing or of another type keep their defaults. Errc::corrupt: no JSON object.
Result<AgentReport> decode_agent_report(std::string_view json);

/// Asks the agent of that process at the configured admin address. A second or two at most.
/// Errc::unavailable says why there is no answer; Errc::conflict: another process answered.
Result<AgentReport> ask_agent(const Config& config, long pid);

}  // namespace reelkeep::daemon
