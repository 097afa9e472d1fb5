#include "curl/server_path.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep::curl {
namespace {

using Protocol = ServerAccess::Protocol;

bool is_ftp(Protocol protocol) {
  return protocol == Protocol::ftp || protocol == Protocol::ftp_explicit ||
         protocol == Protocol::ftp_implicit;
}

std::string authority(const ServerAccess& access) {
  const std::string host =
      access.host.find(':') == std::string::npos ? access.host : "[" + access.host + "]";
  return access.port == 0 ? host : host + ":" + std::to_string(access.port);
}

/// Without empty segments; ".." and "." are refused.
Result<std::string> plain(std::string_view path) {
  std::string joined;
  for (const std::string_view segment : text::split(path, '/')) {
    if (segment.empty()) continue;
    if (segment == "." || segment == "..")
      return Error{Errc::invalid, "the location leads out of its folder by \"" +
                                      std::string(segment) + "\": it is not looked at"};
    joined.append(joined.empty() ? "" : "/").append(segment);
  }
  const bool control = std::ranges::any_of(
      joined, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return Error{Errc::invalid, "the location has control characters in its path"};
  if (joined.empty()) return Error{Errc::invalid, "the location names no file"};
  return joined;
}

}  // namespace

Result<std::string> path_at_server(const std::string& location, const ServerAccess& access) {
  REELKEEP_ASSIGN(const Url url, Url::parse(location));
  REELKEEP_ASSIGN(const std::string path, plain(text::percent_decode(url.path())));
  std::string root = access.root;
  if (!root.empty() && !root.ends_with('/')) root += '/';
  return root + path;
}

std::string location_at_server(const std::string& path, const ServerAccess& access) {
  return (is_ftp(access.protocol) ? "ftp://" : "sftp://") + authority(access) + "/" +
         text::percent_encode(access.prefix + path, "/!$&'()*+,;=:@");
}

std::string url_at_server(std::string_view scheme, const std::string& path,
                          const ServerAccess& access) {
  // FTP: "/" is the login directory, and an encoded one begins an absolute path. SSH: the other way
  // round, "~" is the login directory.
  const bool absolute = path.starts_with('/');
  const std::string encoded = text::percent_encode(absolute ? path.substr(1) : path, "/");
  const std::string start =
      is_ftp(access.protocol) ? (absolute ? "/%2F" : "/") : (absolute ? "/" : "/~/");
  return std::string(scheme) + "://" + authority(access) + start + encoded;
}

std::vector<std::string> folders_of(const std::string& path) {
  std::vector<std::string> folders;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    folders.push_back(path.substr(0, slash));
  return folders;
}

std::string quoted_for_sftp(const std::string& path) {
  std::string quoted = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace reelkeep::curl
