#include "daemon/config_schema.hpp"

#include <array>

#include "daemon/config_keys.hpp"

namespace reelkeep::daemon {
namespace {

using namespace schema;
using std::chrono::hours;
using std::chrono::minutes;

void log_level(const Slot& slot, Agent& agent) {
  constexpr std::array k_levels{log::Level::trace, log::Level::debug, log::Level::info,
                                log::Level::warn, log::Level::error};
  std::vector<std::string> names;
  for (const auto level : k_levels) names.emplace_back(to_string(level));
  if (const auto index = read_word(slot, names)) agent.log_level = k_levels.at(*index);
}

void log_format(const Slot& slot, Agent& agent) {
  constexpr std::array k_formats{log::Format::text, log::Format::json};
  std::vector<std::string> names;
  for (const auto format : k_formats) names.emplace_back(to_string(format));
  if (const auto index = read_word(slot, names)) agent.log_format = k_formats.at(*index);
}

void store_type(const Slot& slot, StoreConfig& store) {
  if (const auto index = read_word(slot, {"local", "s3"}))
    store.type = *index == 0 ? StoreConfig::Type::local : StoreConfig::Type::s3;
}

void destination_name(const Slot& slot, DestinationConfig& destination) {
  if (const auto index = read_word(slot, {"awss3", "ftp", "sftp", "ssh"}))
    destination.name = static_cast<DestinationConfig::Name>(*index);
}

void destination_action(const Slot& slot, DestinationConfig& destination) {
  if (const auto index = read_word(slot, {"record", "verify", "fetch", "adopt", "organise"}))
    destination.action = static_cast<DestinationAction>(*index);
}

void destination_tls(const Slot& slot, DestinationConfig& destination) {
  if (const auto index = read_word(slot, {"none", "explicit", "implicit"}))
    destination.tls = static_cast<DestinationConfig::Tls>(*index);
}

/// One key or several: a text or an array of texts.
void destination_host_key(const Slot& slot, DestinationConfig& destination) {
  if (slot.node.kind == Node::Kind::array)
    texts<&DestinationConfig::host_key>(slot, destination);
  else if (const auto key = read_text(slot, "a host key or an array of them"))
    destination.host_key = {*key};
}

constexpr std::int64_t ms(Duration duration) {
  return duration.count();
}
constexpr Duration k_day = hours(24);
constexpr std::uint64_t k_ki = 1ULL << 10U;
constexpr std::uint64_t k_mi = 1ULL << 20U;
constexpr std::uint64_t k_gi = 1ULL << 30U;
constexpr std::uint64_t k_any = 1ULL << 60U;

constexpr std::array k_agent{
    Key<Agent>{"state_dir", path<&Agent::state_dir>},
    Key<Agent>{"log_level", log_level},
    Key<Agent>{"log_format", log_format},
    Key<Agent>{"warn_before", duration<&Agent::warn_before, 0, ms(365 * k_day)>},
    Key<Agent>{"intake_reserve", bytes<&Agent::intake_reserve, 0, 64 * k_gi>},
};

constexpr std::array k_webhook_user{
    Key<WebhookUser>{"username", words<&WebhookUser::username>},
    Key<WebhookUser>{"password", secret<&WebhookUser::password>, Key<WebhookUser>::Kind::secret},
    Key<WebhookUser>{"app_ids", texts<&WebhookUser::app_ids>},
};

constexpr std::array k_webhook{
    Key<Webhook>{"listen", listen<&Webhook::listen>},
    Key<Webhook>{"path", words<&Webhook::path>},
    Key<Webhook>{"username", words<&Webhook::username>},
    Key<Webhook>{"password", secret<&Webhook::password>, Key<Webhook>::Kind::secret},
    Key<Webhook>{"max_body", bytes<&Webhook::max_body, k_ki, 256 * k_mi>},
    Key<Webhook>{"tls_certificate", file<&Webhook::tls_certificate, Holds::anything>},
    Key<Webhook>{"tls_key", file<&Webhook::tls_key, Holds::secret>},
    Key<Webhook>{"insecure", flag<&Webhook::insecure>},
    blocks_key<&Webhook::users, k_webhook_user>("user"),
};

constexpr std::array k_admin{
    Key<Admin>{"listen", listen<&Admin::listen>},
};

constexpr std::array k_journal{
    Key<Journal>{"keep_bodies", duration<&Journal::keep_bodies, ms(k_day), ms(36500 * k_day)>},
};

constexpr std::array k_download{
    Key<Download>{"concurrency", integer<&Download::concurrency, 1, 1024>},
    Key<Download>{"per_host", integer<&Download::per_host, 1, 1024>},
    Key<Download>{"rate_limit", bytes<&Download::rate_limit, 0, k_any>},
    Key<Download>{"connect_timeout", duration<&Download::connect_timeout, 100, ms(minutes(10))>},
    Key<Download>{"stall_timeout", duration<&Download::stall_timeout, 1000, ms(hours(1))>},
    Key<Download>{"retry_min", duration<&Download::retry_min, 10, ms(hours(24))>},
    Key<Download>{"retry_max", duration<&Download::retry_max, 10, ms(hours(24))>},
    Key<Download>{"minimum_free_space", bytes<&Download::minimum_free_space, 0, k_any>},
    Key<Download>{"allow_plain_http", flag<&Download::allow_plain_http>},
    Key<Download>{"allow_private_addresses", flag<&Download::allow_private_addresses>},
    Key<Download>{"staging_dir", path<&Download::staging_dir>},
    Key<Download>{"ca_file", file<&Download::ca_file, Holds::anything>},
    Key<Download>{"proxy", secret<&Download::proxy>, Key<Download>::Kind::secret},
};

constexpr std::array k_audit{
    Key<Audit>{"every", duration<&Audit::every, 0, ms(3650 * k_day)>},
    Key<Audit>{"rate_limit", bytes<&Audit::rate_limit, 0, k_any>},
};

constexpr std::array k_archive{
    Key<Archive>{"layout", words<&Archive::layout>},
};

constexpr auto k_store_secret = Key<StoreConfig>::Kind::secret;
constexpr std::array k_store{
    Key<StoreConfig>{"id", name<&StoreConfig::id>},
    Key<StoreConfig>{"type", store_type},
    Key<StoreConfig>{"path", path<&StoreConfig::path>},
    Key<StoreConfig>{"endpoint", words<&StoreConfig::endpoint>},
    Key<StoreConfig>{"region", words<&StoreConfig::region>},
    Key<StoreConfig>{"bucket", words<&StoreConfig::bucket>},
    Key<StoreConfig>{"prefix", words<&StoreConfig::prefix>},
    Key<StoreConfig>{"path_style", flag<&StoreConfig::path_style>},
    Key<StoreConfig>{"access_key_id", words<&StoreConfig::access_key_id>},
    Key<StoreConfig>{"secret_access_key", secret<&StoreConfig::secret_access_key>, k_store_secret},
    Key<StoreConfig>{"session_token", secret<&StoreConfig::session_token>, k_store_secret},
    Key<StoreConfig>{"storage_class", words<&StoreConfig::storage_class>},
    Key<StoreConfig>{"server_side_encryption", words<&StoreConfig::server_side_encryption>},
};

constexpr std::array k_reconcile{
    Key<Reconcile>{"every", duration<&Reconcile::every, 0, ms(365 * k_day)>},
    Key<Reconcile>{"look_back", duration<&Reconcile::look_back, ms(k_day), ms(365 * k_day)>},
};

constexpr auto k_destination_secret = Key<DestinationConfig>::Kind::secret;
constexpr std::array k_destination{
    Key<DestinationConfig>{"id", name<&DestinationConfig::id>},
    Key<DestinationConfig>{"name", destination_name},
    Key<DestinationConfig>{"action", destination_action},
    Key<DestinationConfig>{"prefix", words<&DestinationConfig::prefix>},
    Key<DestinationConfig>{"source_prefix", words<&DestinationConfig::source_prefix>},
    Key<DestinationConfig>{"account", words<&DestinationConfig::account>},
    Key<DestinationConfig>{"endpoint", words<&DestinationConfig::endpoint>},
    Key<DestinationConfig>{"region", words<&DestinationConfig::region>},
    Key<DestinationConfig>{"path_style", flag<&DestinationConfig::path_style>},
    Key<DestinationConfig>{"access_key_id", words<&DestinationConfig::access_key_id>},
    Key<DestinationConfig>{"secret_access_key", secret<&DestinationConfig::secret_access_key>,
                           k_destination_secret},
    Key<DestinationConfig>{"session_token", secret<&DestinationConfig::session_token>,
                           k_destination_secret},
    Key<DestinationConfig>{"host", words<&DestinationConfig::host>},
    Key<DestinationConfig>{"root", words<&DestinationConfig::root>},
    Key<DestinationConfig>{"username", words<&DestinationConfig::username>},
    Key<DestinationConfig>{"password", secret<&DestinationConfig::password>, k_destination_secret},
    Key<DestinationConfig>{"tls", destination_tls},
    Key<DestinationConfig>{"ca_file", file<&DestinationConfig::ca_file, Holds::anything>},
    Key<DestinationConfig>{"private_key_file",
                           file<&DestinationConfig::private_key_file, Holds::secret>},
    Key<DestinationConfig>{"private_key_passphrase",
                           secret<&DestinationConfig::private_key_passphrase>,
                           k_destination_secret},
    Key<DestinationConfig>{"host_key", destination_host_key},
};

constexpr std::array k_project{
    Key<ProjectConfig>{"app_id", name<&ProjectConfig::app_id>},
    Key<ProjectConfig>{"username", words<&ProjectConfig::username>},
    Key<ProjectConfig>{"password", secret<&ProjectConfig::password>,
                       Key<ProjectConfig>::Kind::secret},
    Key<ProjectConfig>{"hosts", hosts<&ProjectConfig::hosts>},
    Key<ProjectConfig>{"redirect_hosts", hosts<&ProjectConfig::redirect_hosts>},
    Key<ProjectConfig>{"offered_for",
                       duration<&ProjectConfig::offered_for, 1000, ms(3650 * k_day)>},
    Key<ProjectConfig>{"volatile_query", texts<&ProjectConfig::volatile_query>},
    Key<ProjectConfig>{"stores", names<&ProjectConfig::stores>},
    Key<ProjectConfig>{"api_url", words<&ProjectConfig::api_url>},
    Key<ProjectConfig>{"api_id", words<&ProjectConfig::api_id>},
    Key<ProjectConfig>{"api_key", secret<&ProjectConfig::api_key>,
                       Key<ProjectConfig>::Kind::secret},
};

constexpr std::array k_config{
    table_key<&Config::agent, k_agent>("agent"),
    table_key<&Config::webhook, k_webhook>("webhook"),
    table_key<&Config::admin, k_admin>("admin"),
    table_key<&Config::journal, k_journal>("journal"),
    table_key<&Config::download, k_download>("download"),
    table_key<&Config::audit, k_audit>("audit"),
    table_key<&Config::archive, k_archive>("archive"),
    table_key<&Config::reconcile, k_reconcile>("reconcile"),
    blocks_key<&Config::stores, k_store>("store"),
    blocks_key<&Config::projects, k_project>("project"),
    blocks_key<&Config::destinations, k_destination>("destination"),
};

}  // namespace

std::string schema::home_of(std::string_view word) {
  std::string homes;
  for (const std::string& known : known_config_keys()) {
    const std::size_t space = known.find(' ');
    if (known.substr(space + 1) != word) continue;
    homes += (homes.empty() ? "it belongs in " : " or ") + known.substr(0, space);
  }
  return homes;
}

std::vector<std::string> known_config_keys() {
  std::vector<std::string> all;
  list_keys<Config>("", "", k_config, all);
  return all;
}

void read_document(const Node& root, Config& config, Reader& reader) {
  read_table<Config>(root, "", "", k_config, config, reader);
}

}  // namespace reelkeep::daemon
