// What must fit together within one [[store]].
#include <array>

#include "reelkeep/base/text.hpp"

#include "daemon/config_schema.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::array k_s3_only{"endpoint",
                               "region",
                               "bucket",
                               "prefix",
                               "path_style",
                               "access_key_id",
                               "secret_access_key",
                               "secret_access_key_file",
                               "session_token",
                               "session_token_file",
                               "storage_class",
                               "server_side_encryption"};

bool is_amazon(const Url& endpoint) {
  return endpoint.host().ends_with(".amazonaws.com") ||
         endpoint.host().ends_with(".amazonaws.com.cn");
}

}  // namespace

void check_endpoint(StoreConfig& store, const std::string& place, Reader& reader) {
  const std::string key = place + ".endpoint";
  if (!reader.has(key)) store.endpoint = "https://s3." + store.region + ".amazonaws.com";
  if (reader.spoilt(key)) return;
  const auto url = Url::parse(store.endpoint);
  const bool plain = url && (url->scheme() == "https" || url->scheme() == "http") &&
                     url->path() == "/" && !url->query() && !url->user_info();
  if (!plain) {
    reader.problem(reader.at(reader.has(key) ? key : place + ".region"),
                   "endpoint is no address of a server, expected one such as "
                   "\"https://s3.example.com\"",
                   "the bucket is a key of its own");
    return;
  }
  store.endpoint = url->origin();
  if (!reader.has(place + ".path_style"))
    store.path_style = !is_amazon(*url) || store.bucket.find('.') != std::string::npos;
  const bool loopback =
      url->host() == "localhost" || url->host() == "::1" || url->host().starts_with("127.");
  if (url->scheme() == "http" && !loopback)
    reader.warning(reader.at(key), "recordings travel unencrypted to " + url->authority(),
                   "use https:// where the server has it");
}

void check_prefix(std::string& prefix, const std::string& key, std::string_view block,
                  Reader& reader) {
  while (prefix.starts_with('/')) prefix.erase(0, 1);
  if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
  if (!text::is_valid_utf8(prefix) || prefix.size() > 512)
    reader.problem(reader.at(key), key.substr(key.rfind('.') + 1) +
                                       " is longer than 512 bytes, or not UTF-8, in " +
                                       std::string(block));
}

void finish_store(StoreConfig& store, const std::string& place, const std::string& state_dir,
                  Reader& reader) {
  if (reader.spoilt(place + ".type")) return;
  if (store.type == StoreConfig::Type::local) {
    if (store.path.empty()) store.path = reader.absolute(state_dir + "/archive");
    for (const char* key : k_s3_only)
      if (reader.has(place + "." + key)) {
        reader.problem(reader.at(place + "." + key),
                       std::string(key) + " in a [[store]] of type \"local\"",
                       "write type = \"s3\", or leave it out");
        break;
      }
    return;
  }
  if (reader.has(place + ".path"))
    reader.problem(reader.at(place + ".path"), "path in a [[store]] of type \"s3\"",
                   "bucket and prefix say where its objects are");
  if (!reader.has(place + ".bucket"))
    reader.problem(reader.at(place), "no bucket in [[store]]", "it has to exist already");
  else if (!reader.spoilt(place + ".bucket") &&
           store.bucket.find_first_of("/ ?#%:@") != std::string::npos)
    reader.problem(
        reader.at(place + ".bucket"),
        "bucket is \"" + text::printable(store.bucket) + "\", expected the bare name of a bucket",
        "a folder in it is the prefix");
  if (!reader.has(place + ".access_key_id"))
    reader.problem(reader.at(place), "no access_key_id in [[store]]",
                   "give the key pair that may write to the bucket");
  if (!reader.has(place + ".secret_access_key") && !reader.has(place + ".secret_access_key_file"))
    reader.problem(reader.at(place), "no secret_access_key in [[store]]",
                   "give secret_access_key or secret_access_key_file");
  check_endpoint(store, place, reader);
  check_prefix(store.prefix, place + ".prefix", "[[store]]", reader);
}

}  // namespace reelkeep::daemon
