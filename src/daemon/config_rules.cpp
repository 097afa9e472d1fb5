// What needs two values at once: defaults that depend on others, and what must fit together.
#include <algorithm>
#include <set>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

#include "daemon/config_schema.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::string_view k_default_state_dir = "/var/lib/reelkeep";

std::string quoted(std::string_view text) {
  return "\"" + text::printable(text) + "\"";
}

std::string element(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

/// The pair that belongs together, and what Basic authentication can carry.
void check_pair(const std::string& block, const std::string& place, const std::string& username,
                Reader& reader) {
  const bool has_password = reader.has(place + ".password") || reader.has(place + ".password_file");
  const bool has_username = reader.has(place + ".username");
  if (has_password && !has_username)
    reader.problem(reader.at(place + ".password"), "a password without a username in " + block,
                   "give the username that belongs to it");
  if (has_username && !has_password)
    reader.problem(reader.at(place + ".username"), "a username without a password in " + block,
                   "give password or password_file");
  if (username.find(':') != std::string::npos)
    reader.problem(reader.at(place + ".username"), "username: a \":\" is not allowed in " + block,
                   "Basic authentication ends the name at the first colon");
}

void check_users(Config& config, Reader& reader) {
  Webhook& webhook = config.webhook;
  check_pair("[webhook]", "webhook", webhook.username, reader);
  for (std::size_t i = 0; i < webhook.users.size(); ++i) {
    const std::string place = element("webhook.user", i);
    if (!reader.has(place + ".username") && !reader.has(place + ".password") &&
        !reader.has(place + ".password_file"))
      reader.problem(reader.at(place), "no username and no password in [[webhook.user]]");
    check_pair("[[webhook.user]]", place, webhook.users[i].username, reader);
    if (webhook.users[i].app_ids.empty())
      reader.problem(reader.at(place + ".app_ids"), "app_ids is empty in [[webhook.user]]",
                     "\"*\" stands for any");
  }
  if (reader.has("webhook.username"))
    webhook.users.insert(webhook.users.begin(), WebhookUser{webhook.username, webhook.password});

  if (reader.spoilt("webhook.listen") || reader.spoilt("webhook.insecure")) return;
  if (webhook.insecure) return;
  const Position where = reader.at("webhook.listen");
  const std::string address = webhook.listen.text();
  const bool names_users = reader.has("webhook.username") || reader.has("webhook.password") ||
                           reader.has("webhook.password_file") || !webhook.users.empty();
  if (webhook.listen.is_loopback()) {
    if (!names_users)
      reader.warning(where,
                     "no webhook user: whoever reaches " + address +
                         ", also through a "
                         "reverse proxy, may send events",
                     "give [webhook] username and password; insecure = true if that is meant");
    for (const WebhookUser& user : webhook.users)
      if (user.password.reveal() == k_placeholder_password)
        reader.warning(where,
                       "the webhook password of " + quoted(user.username) +
                           " is \"change-me\": whoever guesses it, also through a reverse proxy, "
                           "may send events",
                       "choose one, and enter it in the provider's portal");
    return;
  }
  if (!names_users)
    reader.problem(where, "no webhook user, and " + address + " is not a loopback address",
                   "give [webhook] username and password, or insecure = true");
  for (const WebhookUser& user : webhook.users)
    if (user.password.reveal() == k_placeholder_password)
      reader.problem(where,
                     "the webhook password of " + quoted(user.username) +
                         " is \"change-me\", and " + address + " is not a loopback address",
                     "choose another one, or insecure = true");
  if (!reader.has("webhook.tls_certificate"))
    reader.warning(where, "passwords and events arrive unencrypted at " + address,
                   "put a reverse proxy with TLS in front, or give tls_certificate and tls_key");
}

void check_listeners(const Config& config, Reader& reader) {
  const Webhook& webhook = config.webhook;
  const bool spoilt = reader.spoilt("webhook.listen") || reader.spoilt("admin.listen");
  if (!spoilt && webhook.listen.collides_with(config.admin.listen))
    reader.problem(reader.at(reader.has("admin.listen") ? "admin.listen" : "webhook.listen"),
                   "webhook and admin cannot both listen on " + config.admin.listen.text(),
                   "give one of them another port");
  if (!config.admin.listen.is_loopback())
    reader.warning(reader.at("admin.listen"), "everyone who reaches " + config.admin.listen.text() +
                                                  " may read /metrics: it asks for no password");
  const bool plain =
      webhook.path.starts_with('/') && webhook.path.find_first_of(" ?#%\\") == std::string::npos;
  if (!plain)
    reader.problem(reader.at("webhook.path"),
                   "path is " + quoted(webhook.path) + ", expected one such as \"/webhook\"");
  const bool certificate = reader.has("webhook.tls_certificate");
  const bool key = reader.has("webhook.tls_key");
  if (certificate != key)
    reader.problem(reader.at(certificate ? "webhook.tls_certificate" : "webhook.tls_key"),
                   certificate ? "tls_certificate without tls_key in [webhook]"
                               : "tls_key without tls_certificate in [webhook]",
                   "HTTPS needs both");
}

void check_download(Config& config, Reader& reader) {
  Download& download = config.download;
  if (!reader.spoilt("download.retry_min") && !reader.spoilt("download.retry_max") &&
      download.retry_min > download.retry_max)
    reader.problem(
        reader.at(reader.has("download.retry_min") ? "download.retry_min" : "download.retry_max"),
        "retry_min (" + to_string(download.retry_min) + ") is more than retry_max (" +
            to_string(download.retry_max) + ")");
  if (!download.proxy.empty()) {
    const auto proxy = Url::parse(download.proxy.reveal());
    const std::set<std::string> schemes{"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    // The text is not repeated: it may hold a password.
    if (!proxy || !schemes.contains(proxy->scheme()))
      reader.problem(reader.at("download.proxy"),
                     "proxy is no proxy URL, expected one such as \"http://proxy.example:3128\"");
  }
}

void check_stores(Config& config, Reader& reader) {
  for (std::size_t i = 0; i < config.stores.size(); ++i) {
    StoreConfig& store = config.stores[i];
    const std::string place = element("store", i);
    if (store.id.empty() && !reader.spoilt(place + ".id"))
      reader.problem(reader.at(place), "no id in [[store]]", "projects name a store by its id");
    finish_store(store, place, config.agent.state_dir, reader);
    for (std::size_t j = 0; j < i; ++j) {
      const StoreConfig& other = config.stores[j];
      if (!store.id.empty() && store.id == other.id)
        reader.problem(reader.at(place + ".id"),
                       "two stores have the id " + quoted(store.id.get()));
      const bool both_known = !reader.spoilt(place + ".type") && !reader.spoilt(place + ".path") &&
                              !reader.spoilt(element("store", j) + ".type");
      if (both_known && store.type == other.type && store.type == StoreConfig::Type::s3 &&
          store.bucket == other.bucket && store.prefix == other.prefix &&
          store.endpoint == other.endpoint)
        reader.problem(reader.at(place),
                       "stores " + quoted(other.id.get()) + " and " + quoted(store.id.get()) +
                           " both are s3://" + text::printable(store.bucket) + "/" +
                           text::printable(store.prefix),
                       "give one of them another prefix");
      if (both_known && store.type == other.type && store.type == StoreConfig::Type::local &&
          store.path == other.path)
        reader.problem(reader.at(place + ".path"),
                       "stores " + quoted(other.id.get()) + " and " + quoted(store.id.get()) +
                           " both have the path " + text::printable(store.path));
    }
  }
}

void check_api(ProjectConfig& project, const std::string& block, const std::string& place,
               Reader& reader) {
  const bool has_id = reader.has(place + ".api_id");
  const bool has_key = reader.has(place + ".api_key") || reader.has(place + ".api_key_file");
  if (has_id != has_key)
    reader.problem(
        reader.at(place + (has_id
                               ? ".api_id"
                               : (reader.has(place + ".api_key") ? ".api_key" : ".api_key_file"))),
        has_id ? "api_id without api_key in " + block : "api_key without api_id in " + block,
        "the REST API asks for APP_ID and APP_KEY; the portal shows both");
  if (has_id && project.api_id.empty() && !reader.spoilt(place + ".api_id"))
    reader.problem(reader.at(place + ".api_id"), "api_id is empty in " + block,
                   "it is the project's APP_ID");
  if (project.api_id.find(':') != std::string::npos)
    reader.problem(reader.at(place + ".api_id"), "api_id: a \":\" is not allowed in " + block,
                   "Basic authentication ends the name at the first colon");
  const std::string key = place + ".api_url";
  if (reader.has(key) && !has_id && !has_key)
    reader.warning(reader.at(key), "api_url without api_id in " + block,
                   "the REST API is not asked before it has api_id and api_key");
  if (reader.spoilt(key)) return;
  const auto url = Url::parse(project.api_url);
  const bool usable = url && (url->scheme() == "https" || url->scheme() == "http") &&
                      !url->query() && !url->user_info();
  if (!usable) {
    // The text is not repeated: it may hold a password.
    reader.problem(reader.at(key),
                   "api_url is no address of the REST API in " + block +
                       ", expected one such as \"https://api.enablex.io/video/v2/\"",
                   "api_id and api_key are keys of their own");
    return;
  }
  project.api_url = url->without_user_info();
  if (!project.api_url.ends_with('/')) project.api_url += '/';
  const bool loopback =
      url->host() == "localhost" || url->host() == "::1" || url->host().starts_with("127.");
  if (url->scheme() == "http" && !loopback && has_id)
    reader.warning(reader.at(key), "api_id and api_key travel unencrypted to " + url->authority(),
                   "use https:// where the server has it");
}

void check_destinations(Config& config, Reader& reader) {
  for (std::size_t i = 0; i < config.destinations.size(); ++i) {
    DestinationConfig& destination = config.destinations[i];
    const std::string place = element("destination", i);
    if (destination.id.empty() && !reader.spoilt(place + ".id"))
      reader.problem(reader.at(place), "no id in [[destination]]",
                     "it is what 'reelkeep show' calls it");
    if (!destination.id.empty() && config.store_of(destination.id) != nullptr)
      reader.problem(reader.at(place + ".id"),
                     "a store and a destination both have the id " + quoted(destination.id.get()));
    finish_destination(destination, place, reader);
    refuse_own_archives(config, destination, place, reader);
    for (std::size_t j = 0; j < i; ++j) {
      const DestinationConfig& other = config.destinations[j];
      if (!destination.id.empty() && destination.id == other.id)
        reader.problem(reader.at(place + ".id"),
                       "two destinations have the id " + quoted(destination.id.get()));
      DestinationRule same = other.rule();
      same.id = destination.id;
      same.action = destination.action;
      same.source_prefix = destination.source_prefix;
      same.layout_prefix = destination.prefix;
      const bool named = !destination.account.empty() || !destination.host.empty();
      if (named && same == destination.rule())
        reader.problem(reader.at(place),
                       "destinations " + quoted(other.id.get()) + " and " +
                           quoted(destination.id.get()) + " are the same place",
                       "which of them a file belongs to could not be told");
    }
  }
}

void check_project(Config& config, std::size_t index, Reader& reader) {
  ProjectConfig& project = config.projects[index];
  const std::string place = element("project", index);
  const std::string block = "[[project]] " + quoted(project.app_id.get());
  check_pair(block, place, project.username, reader);
  check_api(project, block, place, reader);
  if (!reader.has(place + ".hosts"))
    reader.problem(reader.at(place), "no hosts in " + block,
                   "name the provider's file hosts, such as hosts = [\"*.enablex.io\"]");
  else if (project.hosts.empty() && !reader.spoilt(place + ".hosts"))
    reader.problem(reader.at(place + ".hosts"), "hosts is empty in " + block,
                   "nothing could be fetched; name the provider's file hosts, such as hosts = "
                   "[\"*.enablex.io\"]");
  if (project.password.reveal() == k_placeholder_password)
    reader.warning(reader.at(place + ".password"), "the password in " + block + " is \"change-me\"",
                   "the provider's portal shows the pair for file downloads");
  for (std::size_t i = 0; i < index; ++i)
    if (config.projects[i].app_id == project.app_id)
      reader.problem(reader.at(place + ".app_id"),
                     "two projects have the app_id " + quoted(project.app_id.get()));

  if (reader.has(place + ".stores") && project.stores.empty())
    reader.problem(reader.at(place + ".stores"), "stores is empty in " + block,
                   "a project needs a store to archive into");
  std::vector<std::string> known;
  for (const StoreConfig& store : config.stores) known.push_back(store.id.get());
  for (const DestinationConfig& destination : config.destinations)
    known.push_back(destination.id.get());
  const bool stores_known = !reader.spoilt("store") && !reader.spoilt(place + ".stores");
  for (const StoreId& id : project.stores)
    if (const DestinationConfig* adopted = config.destination_of(id);
        stores_known && adopted != nullptr && config.store_of(id) == nullptr) {
      if (adopted->action != DestinationAction::adopt)
        reader.problem(reader.at(place + ".stores"),
                       "destination " + quoted(id.get()) + " is no store to " + block,
                       "write action = \"adopt\" in its [[destination]]");
    } else if (stores_known && config.store_of(id) == nullptr)
      reader.problem(reader.at(place + ".stores"),
                     "no [[store]] has the id " + quoted(id.get()) + ", which " + block +
                         (reader.has(place + ".stores") ? " names" : " uses by default"),
                     did_you_mean(id.get(), known));
  if (config.journal.keep_bodies < project.offered_for)
    reader.problem(reader.at(reader.has("journal.keep_bodies") ? "journal.keep_bodies"
                                                               : place + ".offered_for"),
                   "bodies would be emptied (keep_bodies, " +
                       to_string(config.journal.keep_bodies) + ") while their files are offered (" +
                       "offered_for, " + to_string(project.offered_for) + ")");
  if (config.agent.warn_before >= project.offered_for)
    reader.warning(
        reader.at(reader.has("agent.warn_before") ? "agent.warn_before" : place + ".offered_for"),
        "every session of " + block + " is overdue from the start: warn_before (" +
            to_string(config.agent.warn_before) + ") is not less than offered_for (" +
            to_string(project.offered_for) + ")");
}

}  // namespace

void finish_config(Config& config, Reader& reader) {
  if (config.agent.state_dir.empty()) {
    // systemd separates several by a colon; the first one is ours.
    std::string state = reader.environment().state_directory.value_or("");
    state = state.substr(0, state.find(':'));
    config.agent.state_dir = reader.absolute(state.empty() ? k_default_state_dir : state);
  }
  if (config.stores.empty() && !reader.spoilt("store"))
    config.stores.push_back(StoreConfig{.id = StoreId("local")});

  check_users(config, reader);
  check_listeners(config, reader);
  check_download(config, reader);
  if (const auto layout = check_layout(config.archive.layout); !layout)
    reader.problem(reader.at("archive.layout"), layout.error().message);
  check_stores(config, reader);
  check_destinations(config, reader);
  for (std::size_t i = 0; i < config.projects.size(); ++i) check_project(config, i, reader);
  if (config.projects.empty() && !reader.has("project") && !config.file.empty())
    reader.warning(Position{}, "no [[project]]: deliveries are kept, and nothing is downloaded");

  if (config.download.staging_dir.empty()) {
    const auto local = std::find_if(
        config.stores.begin(), config.stores.end(),
        [](const StoreConfig& store) { return store.type == StoreConfig::Type::local; });
    config.download.staging_dir = local == config.stores.end() ? config.agent.state_dir + "/staging"
                                                               : local->path + "/.staging";
  }
}

}  // namespace reelkeep::daemon
