#pragma once

#include <functional>
#include <memory>

#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/destination.hpp"
#include "reelkeep/port/http_client.hpp"

#include "daemon/config.hpp"

namespace reelkeep::daemon {

/// What a [[destination]] means. `newest` gives the block as it is now, with its credentials, and
/// the timeouts; `http` and `clock` are borrowed.
struct DestinationSettings {
  DestinationConfig destination;
  Duration connect_timeout{};
  Duration stall_timeout{};
};
std::unique_ptr<Destination> make_destination(const DestinationConfig& destination,
                                              HttpClient& http, const Clock& clock,
                                              std::function<DestinationSettings()> newest);

}  // namespace reelkeep::daemon
