// What must fit together within one [[destination]].
#include <algorithm>
#include <array>
#include <filesystem>
#include <unistd.h>

#include "reelkeep/base/text.hpp"

#include "curl/destination.hpp"
#include "daemon/config_schema.hpp"

namespace reelkeep::daemon {
namespace {

using Name = DestinationConfig::Name;

constexpr std::array k_bucket_only{"account",       "endpoint",           "region",
                                   "path_style",    "access_key_id",      "secret_access_key",
                                   "session_token", "session_token_file", "secret_access_key_file"};
constexpr std::array k_server_only{"host", "root", "username", "password", "password_file"};
constexpr std::array k_ftp_only{"tls", "ca_file"};
constexpr std::array k_ssh_only{"private_key_file", "private_key_passphrase",
                                "private_key_passphrase_file", "host_key"};

/// The first key of `keys` that stands in the block: it means nothing to this kind.
template <std::size_t Size>
void refuse(const std::array<const char*, Size>& keys, const DestinationConfig& destination,
            const std::string& place, Reader& reader) {
  for (const char* key : keys)
    if (reader.has(place + "." + key)) {
      reader.problem(reader.at(place + "." + key),
                     std::string(key) + " in a [[destination]] of name \"" +
                         std::string(destination.name_word()) + "\"",
                     "leave it out");
      return;
    }
}

void finish_bucket(DestinationConfig& destination, const std::string& place, Reader& reader) {
  const auto needed = [&](const char* key, const char* hint) {
    if (!reader.has(place + "." + key) && !reader.has(place + "." + key + "_file"))
      reader.problem(reader.at(place), "no " + std::string(key) + " in [[destination]]", hint);
  };
  needed("account", "the bucket that the provider was told to push to");
  if (!reader.spoilt(place + ".account") &&
      destination.account.find_first_of("/ ?#%:@") != std::string::npos)
    reader.problem(reader.at(place + ".account"), "account is \"" +
                                                      text::printable(destination.account) +
                                                      "\", expected the bare name of a bucket");
  StoreConfig bucket = destination.as_store();
  check_endpoint(bucket, place, reader);
  destination.endpoint = bucket.endpoint;
  destination.path_style = bucket.path_style;
  if (destination.action == DestinationAction::record) return;
  needed("access_key_id", "give the key pair that may read the bucket");
  needed("secret_access_key", "give secret_access_key or secret_access_key_file");
}

void finish_host(DestinationConfig& destination, const std::string& place, Reader& reader) {
  if (!reader.has(place + ".host")) {
    reader.problem(reader.at(place), "no host in [[destination]]",
                   "the server that the provider was told to push to");
    return;
  }
  if (reader.spoilt(place + ".host")) return;
  const auto url =
      Url::parse((destination.name == Name::ftp ? "ftp://" : "sftp://") + destination.host + "/");
  const bool plain = url && !url->user_info() && url->path() == "/" && !url->query() &&
                     destination.host.find('/') == std::string::npos;
  if (!plain) {
    reader.problem(reader.at(place + ".host"),
                   "host is \"" + text::printable(destination.host) +
                       "\", expected one such as \"files.example.com\" or "
                       "\"files.example.com:2222\"",
                   "a folder there is the root");
    return;
  }
  destination.host = url->host();
  destination.port = url->port().value_or(0);
}

void finish_ssh(DestinationConfig& destination, const std::string& place, Reader& reader) {
  if (!reader.has(place + ".host_key"))
    reader.problem(reader.at(place), "no host_key in [[destination]]",
                   "compare what ssh-keyscan shows with the server's owner, then write it here");
  if (reader.spoilt(place + ".host_key")) return;
  for (std::string& key : destination.host_key) {
    auto fingerprint = curl::host_key_fingerprint(key);
    if (fingerprint)
      key = *std::move(fingerprint);
    else
      reader.problem(reader.at(place + ".host_key"), "host_key: " + fingerprint.error().message);
  }
}

void finish_server(DestinationConfig& destination, const std::string& place, Reader& reader) {
  finish_host(destination, place, reader);
  const bool ssh = destination.name != Name::ftp;
  std::string& root = destination.root;
  if (ssh && !reader.has(place + ".root")) root = "/";
  if (root == "~" || root.starts_with("~/")) root.erase(0, 2);
  if (destination.action == DestinationAction::record) return;
  const bool password = reader.has(place + ".password") || reader.has(place + ".password_file");
  const bool key = ssh && reader.has(place + ".private_key_file");
  if (!reader.has(place + ".username"))
    reader.problem(reader.at(place), "no username in [[destination]]");
  if (!password && !key)
    reader.problem(reader.at(place),
                   ssh ? "neither password nor private_key_file in [[destination]]"
                       : "no password in [[destination]]",
                   "give one that may read the files");
  if (password && key)
    reader.problem(reader.at(place + ".private_key_file"),
                   "both password and private_key_file in [[destination]]", "give one of them");
  if (ssh) finish_ssh(destination, place, reader);
  if (!ssh && destination.tls == DestinationConfig::Tls::none)
    reader.warning(reader.at(place + ".tls"),
                   "password and recordings travel unencrypted to " + destination.host,
                   "use tls = \"explicit\" where the server has it");
}

/// Whoever may post an event names any file that the credentials reach.
void check_source_prefix(DestinationConfig& destination, const std::string& key, Reader& reader) {
  check_prefix(destination.source_prefix, key, "[[destination]]", reader);
  const std::string framed = "/" + destination.source_prefix;
  for (const char* segment : {"//", "/./", "/../"})
    if (framed.find(segment) != std::string::npos) {
      reader.problem(reader.at(key), "source_prefix is \"" +
                                         text::printable(destination.source_prefix) +
                                         "\", expected plain folders such as \"pushed/rooms\"");
      return;
    }
  const bool touches = destination.action != DestinationAction::record &&
                       destination.action != DestinationAction::verify;
  if (touches && destination.source_prefix.empty() && destination.root.empty())
    reader.warning(reader.at(key.substr(0, key.rfind('.')) + ".action"),
                   "action \"" + std::string(to_string(destination.action)) +
                       "\" concerns every file at destination \"" +
                       text::printable(destination.id.get()) +
                       "\" that an event of the webhook names",
                   "write source_prefix, the folder that the provider pushes to");
}

bool is_this_machine(const std::string& host) {
  std::array<char, 256> name{};
  const bool named = ::gethostname(name.data(), name.size() - 1) == 0;
  return host == "localhost" || host == "::1" || host.starts_with("127.") ||
         (named && host == text::lower(name.data()));
}

/// The folder, or one above it.
bool lies_in(const std::filesystem::path& folder, const std::filesystem::path& above) {
  const auto [end, differs] = std::ranges::mismatch(above, folder);
  return end == above.end() || (std::next(end) == above.end() && end->empty());
}

}  // namespace

/// Whoever posts a location in an archive would have its only copy moved away.
void refuse_own_archives(const Config& config, const DestinationConfig& destination,
                         const std::string& place, Reader& reader) {
  if (destination.action != DestinationAction::organise) return;
  const auto refuse = [&](const StoreConfig& store, const std::string& what, const char* hint) {
    reader.problem(reader.at(place + ".action"),
                   "destination \"" + text::printable(destination.id.get()) +
                       "\" moves files about in " + what + " of store \"" +
                       text::printable(store.id.get()) + "\", which may be what is archived there",
                   hint);
  };
  const bool here = !destination.host.empty() && destination.root.starts_with('/') &&
                    is_this_machine(destination.host);
  const auto base =
      (std::filesystem::path(destination.root) / destination.prefix).lexically_normal();
  for (const StoreConfig& store : config.stores) {
    if (store.type == StoreConfig::Type::s3 && !destination.account.empty() &&
        store.bucket == destination.account && store.endpoint == destination.endpoint)
      refuse(store, "the bucket", "give one of them another bucket, or write another action");
    if (store.type == StoreConfig::Type::local && here &&
        lies_in(base, std::filesystem::path(store.path).lexically_normal()))
      refuse(store, "the path", "give it another root or prefix, or write another action");
  }
}

void finish_destination(DestinationConfig& destination, const std::string& place, Reader& reader) {
  if (!reader.has(place + ".name"))
    reader.problem(reader.at(place), "no name in [[destination]]",
                   "one of \"awss3\", \"ftp\", \"sftp\", \"ssh\", as the provider calls it");
  if (!reader.has(place + ".name") || reader.spoilt(place + ".name")) return;
  check_prefix(destination.prefix, place + ".prefix", "[[destination]]", reader);
  check_source_prefix(destination, place + ".source_prefix", reader);
  if (destination.name == Name::awss3) {
    refuse(k_server_only, destination, place, reader);
    refuse(k_ftp_only, destination, place, reader);
    refuse(k_ssh_only, destination, place, reader);
    finish_bucket(destination, place, reader);
    return;
  }
  refuse(k_bucket_only, destination, place, reader);
  if (destination.name == Name::ftp)
    refuse(k_ssh_only, destination, place, reader);
  else
    refuse(k_ftp_only, destination, place, reader);
  finish_server(destination, place, reader);
}

}  // namespace reelkeep::daemon
