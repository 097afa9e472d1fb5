#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep {

/// Where a project's REST API is, and the pair for it (not the one for files).
struct ApiAccess {
  Url url;  ///< path ends with '/'
  Credential credential;
  friend bool operator==(const ApiAccess&, const ApiAccess&) = default;
};

/// UTC days, both included.
struct Days {
  std::chrono::sys_days from;
  std::chrono::sys_days to;
  friend bool operator==(const Days&, const Days&) = default;
};

/// What of the archive is asked for: a session; or a room, days, or a room within days.
struct ArchiveQuery {
  std::optional<ConfNum> conf_num;
  std::optional<RoomId> room_id;
  std::optional<Days> days;
};

/// The provider's REST API. Any thread; blocking; follows no redirect.
class ProviderApi {
 public:
  virtual ~ProviderApi() = default;
  /// The items listed, each as it was written: Provider::decode_listed reads them. Nothing known
  /// gives no items. Errors: unauthorized, not_found (404), timeout, cancelled (`cancelled` was set
  /// by another thread; borrowed), corrupt (no answer of that API, or a larger one than is read),
  /// unavailable (everything else; a non-zero `result` with the provider's words). No message holds
  /// a secret.
  virtual Result<std::vector<std::string>> archive(const ApiAccess& access,
                                                   const ArchiveQuery& query,
                                                   const std::atomic<bool>* cancelled) = 0;
};

}  // namespace reelkeep
