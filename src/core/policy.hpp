#pragma once

#include <map>
#include <string>
#include <vector>

#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/destination_rule.hpp"
#include "reelkeep/model/retry.hpp"
#include "reelkeep/port/fetcher.hpp"
#include "reelkeep/port/provider_api.hpp"

namespace reelkeep::core {

/// What the operator decided about one provider account.
struct ProjectPolicy {
  AppId app_id;  ///< "*": all that have no block of their own
  std::optional<Credential> credential;
  HostRules rules;
  std::optional<ApiAccess> api;  ///< nothing: neither archive listings nor CDRs are asked for
  Duration offered_for{std::chrono::hours(72)};
  std::vector<StoreId> stores;  ///< archived when every one holds a verified replica
};

/// Everything that the operator decided, as core needs it. Immutable; replaced whole on reload.
struct Policy {
  std::string layout = "{room_id}/{conf_num}/{kind}/{name}";
  RetryPolicy retry;
  Duration warn_before{std::chrono::hours(12)};
  std::size_t concurrency = 8;
  std::size_t per_host = 4;
  ByteCount minimum_free_space = 1_GiB;
  Duration audit_every{std::chrono::hours(24 * 30)};  ///< 0: replicas are not read back
  ByteCount audit_rate;                               ///< bytes per second; 0: no limit
  Duration reconcile_every{std::chrono::hours(6)};    ///< 0: never by itself
  Duration reconcile_look_back{std::chrono::hours(4 * 24)};
  Duration keep_bodies{std::chrono::hours(24 * 400)};
  std::vector<ProjectPolicy> projects;
  std::vector<DestinationRule> destinations;
  /// Webhook user -> app_ids it may speak for ("*": all). A user that is not here any more was
  /// authenticated when its delivery came, so it counts as allowed.
  std::map<std::string, std::vector<std::string>> users;

  /// The block of that app_id, else "*", else nothing.
  [[nodiscard]] const ProjectPolicy* project(const AppId& app_id) const noexcept;
  /// The destination that a pushed file is at; nothing: none that is configured, or refusal_of()
  /// tells why it is none of that one's.
  [[nodiscard]] const DestinationRule* destination_of(std::string_view name,
                                                      const std::string& location) const;
  /// Why a pushed file is none of the destination's that it is at; empty: it is, or there is none.
  [[nodiscard]] std::string refusal_of(std::string_view name, const std::string& location) const;
  [[nodiscard]] const DestinationRule* destination(const StoreId& id) const noexcept;
  /// Changes when pushed files may belong elsewhere or something else is to be done with them, also
  /// because a project asks for them as its replicas.
  [[nodiscard]] std::string destinations_text() const;
  [[nodiscard]] Duration offered_for(const AppId& app_id) const noexcept;
  [[nodiscard]] bool may_speak(const std::string& user, const std::string& app_id) const noexcept;
};

}  // namespace reelkeep::core
