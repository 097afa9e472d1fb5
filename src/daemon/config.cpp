#include "daemon/config.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::daemon {
namespace {

/// The same address in one spelling; nothing: no numeric address.
template <int Family, class Address>
std::optional<std::string> normal_form(const std::string& host) {
  Address address{};
  if (::inet_pton(Family, host.c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (::inet_ntop(Family, &address, buffer.data(), buffer.size()) == nullptr) return std::nullopt;
  return buffer.data();
}

bool is_v6(const std::string& host) {
  return host.find(':') != std::string::npos;
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const Error error{Errc::invalid, "\"" + text::printable(text) +
                                       "\" is no address to listen on, expected one such as "
                                       "\"127.0.0.1:8080\", \"[::1]:8080\" or \":8080\""};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return error;
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress address;
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || code != std::errc() || end != digits.data() + digits.size()) return error;

  std::string host(text.substr(0, colon));
  std::optional<std::string> normal;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    normal = normal_form<AF_INET6, in6_addr>(host.substr(1, host.size() - 2));
  else if (host.empty())
    normal = "0.0.0.0";
  else if (host == "localhost")
    normal = "127.0.0.1";
  else
    normal = normal_form<AF_INET, in_addr>(host);
  if (!normal) return error;
  address.host = *std::move(normal);
  return address;
}

bool ListenAddress::is_loopback() const {
  return host.starts_with("127.") || host == "::1" || host.starts_with("::ffff:127.");
}

bool ListenAddress::is_wildcard() const {
  return host == "0.0.0.0" || host == "::";
}

bool ListenAddress::collides_with(const ListenAddress& other) const {
  if (port != other.port || port == 0) return false;
  // [::] takes the IPv4 addresses too, unless the system says otherwise.
  if (host == "::" || other.host == "::" || host == other.host) return true;
  return is_v6(host) == is_v6(other.host) && (is_wildcard() || other.is_wildcard());
}

std::string ListenAddress::text() const {
  return (is_v6(host) ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<ApiAccess> ProjectConfig::api() const {
  if (api_id.empty()) return std::nullopt;
  auto url = Url::parse(api_url);
  if (!url) return std::nullopt;
  return ApiAccess{*std::move(url), Credential{api_id, api_key}};
}

const ProjectConfig* Config::project_of(const AppId& app_id) const {
  const ProjectConfig* any = nullptr;
  for (const ProjectConfig& project : projects) {
    if (project.app_id == app_id) return &project;
    if (project.app_id.get() == "*") any = &project;
  }
  return any;
}

const StoreConfig* Config::store_of(const StoreId& id) const {
  const auto found =
      std::find_if(stores.begin(), stores.end(), [&](const auto& store) { return store.id == id; });
  return found == stores.end() ? nullptr : &*found;
}

const DestinationConfig* Config::destination_of(const StoreId& id) const {
  const auto found = std::find_if(destinations.begin(), destinations.end(),
                                  [&](const auto& destination) { return destination.id == id; });
  return found == destinations.end() ? nullptr : &*found;
}

std::string_view DestinationConfig::name_word() const noexcept {
  switch (name) {
    case Name::awss3:
      return "awss3";
    case Name::ftp:
      return "ftp";
    case Name::sftp:
      return "sftp";
    case Name::ssh:
      return "ssh";
  }
  return "";
}

DestinationRule DestinationConfig::rule() const {
  constexpr std::uint16_t k_implicit_tls = 990;
  const bool implicit = name == Name::ftp && tls == Tls::from_the_start;
  return {.id = id,
          .name = std::string(name_word()),
          .account = account,
          .host = host,
          .port = implicit && port == 0 ? k_implicit_tls : port,
          .action = action,
          .source_prefix = source_prefix,
          .layout_prefix = prefix};
}

StoreConfig DestinationConfig::as_store() const {
  return StoreConfig{.id = id,
                     .type = StoreConfig::Type::s3,
                     .endpoint = endpoint,
                     .region = region,
                     .bucket = account,
                     .prefix = prefix,
                     .path_style = path_style,
                     .access_key_id = access_key_id,
                     .secret_access_key = secret_access_key,
                     .session_token = session_token};
}

bool StoreConfig::same_place(const StoreConfig& other) const {
  StoreConfig alike = other;
  alike.access_key_id = access_key_id;
  alike.secret_access_key = secret_access_key;
  alike.session_token = session_token;
  return *this == alike;
}

std::vector<std::string> changes_that_need_a_restart(const Config& running, const Config& wanted) {
  std::vector<std::string> keys;
  const auto compare = [&](const auto& a, const auto& b, const char* key) {
    if (!(a == b)) keys.emplace_back(key);
  };
  compare(running.agent.state_dir, wanted.agent.state_dir, "[agent] state_dir");
  compare(running.agent.intake_reserve, wanted.agent.intake_reserve, "[agent] intake_reserve");
  compare(running.webhook.listen, wanted.webhook.listen, "[webhook] listen");
  compare(running.webhook.max_body, wanted.webhook.max_body, "[webhook] max_body");
  compare(running.webhook.tls_certificate, wanted.webhook.tls_certificate,
          "[webhook] tls_certificate");
  compare(running.webhook.tls_key, wanted.webhook.tls_key, "[webhook] tls_key");
  compare(running.admin.listen, wanted.admin.listen, "[admin] listen");
  compare(running.download.staging_dir, wanted.download.staging_dir, "[download] staging_dir");
  if (!std::equal(running.stores.begin(), running.stores.end(), wanted.stores.begin(),
                  wanted.stores.end(),
                  [](const StoreConfig& a, const StoreConfig& b) { return a.same_place(b); }))
    keys.emplace_back("[[store]]");
  // Credentials, keys and what is done are taken up while running; where the files are is not.
  if (!std::equal(
          running.destinations.begin(), running.destinations.end(), wanted.destinations.begin(),
          wanted.destinations.end(), [](const DestinationConfig& a, const DestinationConfig& b) {
            return a.id == b.id && a.name == b.name && a.as_store().same_place(b.as_store());
          }))
    keys.emplace_back("[[destination]]");
  return keys;
}

}  // namespace reelkeep::daemon
