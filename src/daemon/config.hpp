#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/log.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"
#include "reelkeep/model/destination_rule.hpp"
#include "reelkeep/port/provider_api.hpp"

namespace reelkeep::daemon {

/// Where to listen: a numeric address and a port. Port 0: any free one (tests, try-outs).
struct ListenAddress {
  std::string host;  ///< IPv4 or IPv6 without brackets, normalised ("localhost" is 127.0.0.1)
  std::uint16_t port = 0;

  /// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (every IPv4 address).
  static Result<ListenAddress> parse(std::string_view text);
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_wildcard() const;
  /// Both cannot be listened on at once.
  [[nodiscard]] bool collides_with(const ListenAddress& other) const;
  [[nodiscard]] std::string text() const;
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

struct Agent {
  std::string state_dir;  ///< absolute; $STATE_DIRECTORY, else /var/lib/reelkeep
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  Duration warn_before = std::chrono::hours(12);
  ByteCount intake_reserve = 64_MiB;
  friend bool operator==(const Agent&, const Agent&) = default;
};

struct WebhookUser {
  std::string username;
  Secret password;
  std::vector<std::string> app_ids{"*"};  ///< "*": any
  friend bool operator==(const WebhookUser&, const WebhookUser&) = default;
};

struct Webhook {
  ListenAddress listen{"127.0.0.1", 8080};
  std::string path = "/webhook";
  std::string username;  ///< short form; `users` holds it too
  Secret password;
  std::vector<WebhookUser> users;  ///< everyone, the short form first; empty: no authentication
  ByteCount max_body = 1_MiB;
  std::string tls_certificate;  ///< absolute path; empty: plain HTTP
  std::string tls_key;
  bool insecure = false;  ///< the operator takes a non-loopback address without real passwords
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

struct Admin {
  ListenAddress listen{"127.0.0.1", 8081};
  friend bool operator==(const Admin&, const Admin&) = default;
};

struct Journal {
  Duration keep_bodies = std::chrono::hours(24 * 400);
  friend bool operator==(const Journal&, const Journal&) = default;
};

struct Audit {
  Duration every = std::chrono::hours(24 * 30);  ///< each replica is read back; 0: never
  ByteCount rate_limit{32 * 1024 * 1024};        ///< bytes per second read back; 0: none
  friend bool operator==(const Audit&, const Audit&) = default;
};

struct Download {
  std::uint32_t concurrency = 8;
  std::uint32_t per_host = 4;
  ByteCount rate_limit;  ///< bytes per second; 0: none
  Duration connect_timeout = std::chrono::seconds(10);
  Duration stall_timeout = std::chrono::seconds(60);
  Duration retry_min = std::chrono::seconds(2);
  Duration retry_max = std::chrono::minutes(15);
  ByteCount minimum_free_space = 1_GiB;
  bool allow_plain_http = false;
  bool allow_private_addresses = false;
  std::string staging_dir;  ///< absolute; .staging under the first local store, else in state_dir
  std::string ca_file;      ///< absolute; empty: the system's
  Secret proxy;             ///< a URL, perhaps with user info; empty: none
  friend bool operator==(const Download&, const Download&) = default;
};

struct Archive {
  std::string layout = "{room_id}/{conf_num}/{kind}/{name}";
  friend bool operator==(const Archive&, const Archive&) = default;
};

struct StoreConfig {
  enum class Type { local, s3 };
  StoreId id;
  Type type = Type::local;
  std::string path;  ///< local: absolute; default <state_dir>/archive
  // s3:
  std::string endpoint;  ///< "https://host[:port]"; empty in the file: Amazon's of the region
  std::string region = "us-east-1";
  std::string bucket;
  std::string prefix;  ///< empty, or ends with '/'
  /// Default: at any endpoint but Amazon's, and where a certificate could not cover the bucket.
  bool path_style = false;
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;
  std::string storage_class;
  std::string server_side_encryption;
  friend bool operator==(const StoreConfig&, const StoreConfig&) = default;

  /// The same place; credentials may differ, they are taken up while running.
  [[nodiscard]] bool same_place(const StoreConfig& other) const;
};

struct Reconcile {
  Duration every = std::chrono::hours(6);  ///< 0: only by `reelkeep reconcile`
  Duration look_back = std::chrono::hours(4 * 24);
  friend bool operator==(const Reconcile&, const Reconcile&) = default;
};

struct DestinationConfig {
  enum class Name { awss3, ftp, sftp, ssh };
  enum class Tls { none, on_request, from_the_start };  ///< "none", "explicit", "implicit"
  StoreId id;
  Name name = Name::awss3;
  DestinationAction action = DestinationAction::record;
  std::string prefix;         ///< of our layout there; empty, or ends with '/'
  std::string source_prefix;  ///< of what is pushed there; empty: anywhere, or ends with '/'
  // awss3: as in StoreConfig; the bucket is the account.
  std::string account;
  std::string endpoint;
  std::string region = "us-east-1";
  bool path_style = false;
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;
  // the others:
  std::string host;        ///< lower case, IPv6 without brackets; "host:port" in the file
  std::uint16_t port = 0;  ///< 0: the protocol's own
  std::string root;        ///< what the location's first '/' is there; "~" is taken off
  std::string username;
  Secret password;
  Tls tls = Tls::on_request;          ///< ftp
  std::string ca_file;                ///< ftp: absolute; empty: the system's
  std::string private_key_file;       ///< sftp, ssh: absolute; empty: none
  Secret private_key_passphrase;      ///< empty: none
  std::vector<std::string> host_key;  ///< sftp, ssh: fingerprints
  friend bool operator==(const DestinationConfig&, const DestinationConfig&) = default;

  [[nodiscard]] std::string_view name_word() const noexcept;  ///< "awss3"
  [[nodiscard]] DestinationRule rule() const;
  /// The bucket as a store would name it.
  [[nodiscard]] StoreConfig as_store() const;
};
struct ProjectConfig {
  AppId app_id{"*"};     ///< "*": every app_id that has no block of its own
  std::string username;  ///< both empty: files are asked for without a pair
  Secret password;
  std::vector<HostPattern> hosts;
  std::vector<HostPattern> redirect_hosts;
  Duration offered_for = std::chrono::hours(72);
  std::vector<std::string> volatile_query;
  std::vector<StoreId> stores{StoreId("local")};
  std::string api_url = "https://api.enablex.io/video/v2/";  ///< ends with '/'
  std::string api_id;                                        ///< empty: the REST API is not asked
  Secret api_key;
  friend bool operator==(const ProjectConfig&, const ProjectConfig&) = default;

  [[nodiscard]] std::optional<Credential> credential() const {
    if (username.empty()) return std::nullopt;
    return Credential{username, password};
  }
  /// Of the REST API; nothing: no api_id is given.
  [[nodiscard]] std::optional<ApiAccess> api() const;
};

/// A file whose content was read into the configuration.
struct SecretFile {
  std::string path;  ///< absolute
  std::string key;   ///< "[webhook] password_file"
  friend bool operator==(const SecretFile&, const SecretFile&) = default;
};

/// The whole of CONFIG.toml, complete and checked: every default filled in, every path absolute,
/// every secret read. A value: reading again gives another one (`load_config`).
/// Only daemon and cli know it; each module is given its own options.
struct Config {
  std::string file;  ///< as named by the user; empty: embedded defaults
  Agent agent;
  Webhook webhook;
  Admin admin;
  Journal journal;
  Download download;
  Audit audit;
  Archive archive;
  Reconcile reconcile;
  std::vector<StoreConfig> stores;      ///< at least one
  std::vector<ProjectConfig> projects;  ///< may be empty: nothing is downloaded then
  std::vector<DestinationConfig> destinations;
  std::vector<SecretFile> secret_files;
  friend bool operator==(const Config&, const Config&) = default;

  /// The block of this app_id, else the one for "*", else nothing. Borrowed.
  [[nodiscard]] const ProjectConfig* project_of(const AppId& app_id) const;
  [[nodiscard]] const StoreConfig* store_of(const StoreId& id) const;
  [[nodiscard]] const DestinationConfig* destination_of(const StoreId& id) const;
};

/// Keys ("[webhook] listen") that differ and are read at start only: SIGHUP cannot apply them.
std::vector<std::string> changes_that_need_a_restart(const Config& running, const Config& wanted);

}  // namespace reelkeep::daemon
