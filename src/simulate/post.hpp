#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"
#include "reelkeep/port/http_client.hpp"

#include "simulate/events.hpp"

namespace reelkeep::simulate {

struct PostOptions {
  Url url;
  std::optional<Credential> credential;
  Duration delay{0};  ///< between two events
  Duration retry_min{250};
  Duration retry_max{10'000};
  Duration timeout{30'000};  ///< of one request
  /// Waits that long; false: stop posting. Called on the posting thread; empty: sleeps.
  std::function<bool(Duration)> wait;
};

/// One step of post_events().
struct PostProgress {
  std::size_t number = 0;  ///< of this event, from 1
  std::size_t total = 0;
  const SimulatedEvent& event;
  std::size_t attempt = 1;
  std::optional<Error> failure;  ///< this attempt failed; it is tried again
  bool duplicate = false;        ///< accepted, and the agent had this body already
};

/// Posts the events in order, each until it is accepted (any 2xx), as the provider does: no answer,
/// 408, 429 and 5xx are tried again after a growing delay, or after Retry-After, without an end.
/// Errors: unauthorized (401, 403), not_found (404), invalid (any other answer), cancelled (wait).
/// Blocking; on the caller's thread, and so is `progress`, which may be empty.
Status post_events(HttpClient& client, std::span<const SimulatedEvent> events,
                   const PostOptions& options,
                   const std::function<void(const PostProgress&)>& progress);

}  // namespace reelkeep::simulate
