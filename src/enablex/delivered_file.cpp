#include "enablex/delivered_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "enablex/fields.hpp"
#include "enablex/s3_place.hpp"
#include "enablex/source_key.hpp"

namespace reelkeep::enablex {
namespace {

enum class Protocol { s3, ftp, sftp, other };

Protocol protocol_of_destination(std::string_view name) {
  const std::string lower = text::lower(text::trim(name));
  if (lower == "awss3" || lower == "s3") return Protocol::s3;
  if (lower == "ftp" || lower == "ftps" || lower == "ftpes") return Protocol::ftp;
  if (lower == "sftp" || lower == "ssh" || lower == "scp") return Protocol::sftp;
  return Protocol::other;
}

Protocol protocol_of_scheme(std::string_view scheme) {
  if (scheme == "s3") return Protocol::s3;
  if (scheme == "ftp" || scheme == "ftps" || scheme == "ftpes") return Protocol::ftp;
  if (scheme == "sftp" || scheme == "scp" || scheme == "ssh") return Protocol::sftp;
  return Protocol::other;
}

std::string_view scheme_of(Protocol protocol) {
  return protocol == Protocol::ftp ? "ftp" : "sftp";
}

Error problem(const char* what) {
  return Error{Errc::invalid, what};
}

/// Encodes what no path of a URL may have; a raw path's own '%' too.
std::string encoded_path(std::string_view raw) {
  return text::percent_encode(raw, "/!$&'()*+,;=:@");
}

std::string last_segment(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

/// scheme://host/path with the written port and without query.
Result<Url> at_host(Protocol protocol, const Url& host, std::string_view path) {
  const bool own = protocol_of_scheme(host.scheme()) == protocol;
  std::string authority =
      host.host().find(':') == std::string::npos ? host.host() : "[" + host.host() + "]";
  if (own && host.port()) authority += ":" + std::to_string(*host.port());
  return Url::parse(std::string(scheme_of(protocol)) + "://" + authority + std::string(path));
}

/// The destination's host, as a URL of its protocol; its path is the root of bare paths.
Result<Url> parse_host(std::string_view host, Protocol protocol) {
  const std::string_view text = text::trim(host);
  if (text.empty()) return problem("is a path, and the destination has no host");
  if (text.find("://") == std::string_view::npos)
    return parse_url(std::string(scheme_of(protocol)) + "://" + std::string(text));
  return parse_url(text);
}

DeliveredFile named(std::string url, std::string location, std::string name,
                    std::span<const std::string> volatile_query) {
  if (name.empty()) name = to_string(ArtifactKind::delivered);
  SourceKey key = location_key(location, volatile_query);
  return {std::move(url), std::move(location), std::move(key), std::move(name)};
}

DeliveredFile in_bucket(std::string url, const S3Place& place,
                        std::span<const std::string> volatile_query) {
  return named(std::move(url), "s3://" + place.bucket + "/" + place.key, last_segment(place.key),
               volatile_query);
}

DeliveredFile on_host(std::string url, const Url& at, std::span<const std::string> volatile_query) {
  return named(std::move(url), at.origin() + at.path(), at.last_segment(), volatile_query);
}

/// A URL of the web for a file that went to a server: the same file, if it names that server.
Result<std::optional<Url>> same_host(const Url& url, const Destination& destination,
                                     Protocol protocol) {
  if (protocol != Protocol::ftp && protocol != Protocol::sftp) return std::optional<Url>();
  Url host = url;
  if (!text::trim(destination.host).empty()) {
    Result<Url> told = parse_host(destination.host, protocol);
    if (!told || told->host() != url.host()) return std::optional<Url>();
    host = *std::move(told);
  }
  REELKEEP_ASSIGN(Url at, at_host(protocol, host, url.path()));
  return std::optional<Url>(std::move(at));
}

Result<DeliveredFile> from_url(std::string_view told, const Destination& destination,
                               std::span<const std::string> volatile_query) {
  const Protocol wanted = protocol_of_destination(destination.name);
  const std::string scheme = text::lower(told.substr(0, told.find("://")));
  if (protocol_of_scheme(scheme) == Protocol::s3) {
    // Not a URL in the strict sense: '?', '#' and '%' are part of the raw key.
    const std::optional<S3Place> place = s3_place_of_location(told);
    if (!place) return problem("names no object in a bucket");
    return in_bucket("s3://" + place->bucket + "/" + place->key, *place, volatile_query);
  }
  REELKEEP_ASSIGN(const Url url, parse_url(told));
  std::string as_told = url.without_user_info();
  const std::string_view bucket =
      wanted == Protocol::s3 ? std::string_view(destination.account) : std::string_view();
  if (const std::optional<S3Place> place = s3_place(url, bucket))
    return in_bucket(std::move(as_told), *place, volatile_query);
  if (const Protocol own = protocol_of_scheme(scheme); own != Protocol::other) {
    REELKEEP_ASSIGN(const Url at, at_host(own, url, url.path()));
    return on_host(std::move(as_told), at, volatile_query);
  }
  if (scheme == "https" || scheme == "http") {
    REELKEEP_ASSIGN(const std::optional<Url> at, same_host(url, destination, wanted));
    if (at) return on_host(std::move(as_told), *at, volatile_query);
  }
  return named(std::move(as_told), without_signature(url, volatile_query).without_user_info(),
               url.last_segment(), volatile_query);
}

Result<DeliveredFile> from_path(std::string_view path, const Destination& destination,
                                std::span<const std::string> volatile_query) {
  const Protocol protocol = protocol_of_destination(destination.name);
  if (protocol == Protocol::other) return problem("is not an absolute URL");
  if (has_control(path)) return problem("has control characters");
  if (protocol == Protocol::s3) {
    if (destination.account.empty()) return problem("is a path, and the destination has no bucket");
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::optional<S3Place> place =
        s3_place_of_location("s3://" + destination.account + "/" + std::string(path));
    if (!place) return problem("names no object in a bucket");
    return in_bucket(std::string(path), *place, volatile_query);
  }
  std::string host_text = destination.host;
  // What scp prints: user@host:path.
  if (const std::size_t colon = path.find(':'); protocol == Protocol::sftp && colon > 0 &&
                                                colon < path.find('/') &&
                                                colon != std::string_view::npos) {
    host_text = path.substr(0, colon);
    path.remove_prefix(colon + 1);
  }
  REELKEEP_ASSIGN(const Url host, parse_host(host_text, protocol));
  std::string full = encoded_path(path);
  if (!full.starts_with('/')) full = host.path() + (host.path().ends_with('/') ? "" : "/") + full;
  REELKEEP_ASSIGN(const Url at, at_host(protocol, host, full));
  return on_host(std::string(path), at, volatile_query);
}

}  // namespace

Result<DeliveredFile> delivered_file(std::string_view told, const Destination& destination,
                                     std::span<const std::string> volatile_query) {
  if (told.find("://") != std::string_view::npos)
    return from_url(told, destination, volatile_query);
  return from_path(told, destination, volatile_query);
}

std::string without_user_info(std::string_view host) {
  const std::size_t at = host.rfind('@');
  if (at == std::string_view::npos) return std::string(host);
  const std::size_t scheme = host.find("://");
  const std::string_view kept =
      scheme == std::string_view::npos ? std::string_view() : host.substr(0, scheme + 3);
  return std::string(kept) + std::string(host.substr(at + 1));
}

}  // namespace reelkeep::enablex
