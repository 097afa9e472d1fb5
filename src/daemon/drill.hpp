#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"

namespace reelkeep::simulate {
class StandIn;
}

namespace reelkeep::daemon {

/// What the operator says of the stand-in provider; sizes, durations and kinds as written.
struct DrillOptions {
  std::string listen = "127.0.0.1:8090";
  std::string public_url;  ///< empty: the address listened on
  std::string tls_certificate;
  std::string tls_key;
  std::string post;  ///< URL of the webhook; empty: nothing is posted
  std::string username = "files@example.com";
  std::string password = "simulated";
  std::string password_file;
  std::string webhook_username;
  std::string webhook_password;
  std::string webhook_password_file;
  std::string ca_file;  ///< that the webhook's certificate is checked with
  std::string app_id = "simulated-app";
  std::string app_key = "simulated";
  std::string room_id;
  std::string seed = "reelkeep";
  std::size_t sessions = 1;
  std::size_t recordings = 2;
  std::size_t stages = 1;
  std::string size = "1MiB";
  std::string side_size = "4KiB";
  std::string delay = "0s";
  std::string kinds = "all";
  std::size_t empty_cdrs = 0;
  int api_result = 0;
  bool sparse_api = false;
  std::string ended_ago;  ///< of the newest session; empty: it ends now
  std::vector<std::string> failures;
  double duplicates = 0;
  bool shuffle = false;
};

/// One step of posting.
struct DrillProgress {
  std::size_t number = 0;  ///< of this event, from 1
  std::size_t total = 0;
  std::string type;
  std::string conf_num;
  std::optional<Error> failure;  ///< it is tried again
  bool duplicate = false;
};

/// A stand-in provider that serves, for drills and newcomers. One thread; it serves on one of its
/// own until it is destroyed.
class Drill {
 public:
  /// Errors: invalid (an option), conflict (the port is taken).
  static Result<std::unique_ptr<Drill>> start(const DrillOptions& options);
  ~Drill();

  /// What it serves, for people.
  [[nodiscard]] std::string description() const;
  /// Conference numbers of its sessions.
  [[nodiscard]] std::vector<std::string> sessions() const;
  /// Posts every event until it is accepted. Errors: unauthorized, not_found, invalid.
  Status post(const std::function<void(const DrillProgress&)>& progress);
  /// Every file with its size and SHA-256, as JSON.
  [[nodiscard]] std::string expected_json() const;

 private:
  Drill(DrillOptions options, std::unique_ptr<simulate::StandIn> stand_in);

  const DrillOptions m_options;
  const std::unique_ptr<simulate::StandIn> m_stand_in;
};

/// A configuration for an agent that fetches from this drill. Errc::invalid: an option, or the
/// port of `listen` is not fixed.
Result<std::string> drill_config(const DrillOptions& options);

}  // namespace reelkeep::daemon
