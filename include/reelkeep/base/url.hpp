#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/secret.hpp"

namespace reelkeep {

/// An absolute URL, split; scheme and host are lower case (an IPv6 address in its shortest form, no
/// final dot); path and query stay percent-encoded as given, bytes beyond ASCII become %XX; the
/// fragment is dropped. Printing is safe by construction: display() knows neither user info nor
/// query.
class Url {
 public:
  /// Errc::invalid for relative, malformed, longer than 16 KiB, or control characters, spaces and
  /// backslashes anywhere. User info is taken out, percent-decoded and kept apart (a password may
  /// contain '@' and ':'; the last '@' before the path ends it). Messages never hold the text.
  static Result<Url> parse(std::string_view text);

  [[nodiscard]] const std::string& scheme() const noexcept { return m_scheme; }
  [[nodiscard]] const std::string& host() const noexcept { return m_host; }  ///< IPv6 without []
  [[nodiscard]] std::optional<std::uint16_t> port() const noexcept { return m_port; }
  /// The written port, else the scheme's own (https 443, http 80, ftp 21, ftps 990, sftp/scp 22),
  /// else 0.
  [[nodiscard]] std::uint16_t effective_port() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return m_path; }  ///< "/" at least
  [[nodiscard]] const std::optional<std::string>& query() const noexcept { return m_query; }
  [[nodiscard]] const std::optional<Credential>& user_info() const noexcept { return m_user_info; }

  /// host or host:port, IPv6 in brackets; the port only where it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// scheme://authority: what a credential may be sent to.
  [[nodiscard]] std::string origin() const;
  /// For requests: everything but user info and fragment.
  [[nodiscard]] std::string request_target() const;  ///< path?query
  [[nodiscard]] std::string without_user_info() const;
  /// For logs, errors and people: no user info, no query ("?..." where there was one).
  [[nodiscard]] std::string display() const;
  /// Last path segment, percent-decoded; empty where there is none.
  [[nodiscard]] std::string last_segment() const;
  /// Query parameters in order, still encoded.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> query_parameters() const;
  /// The same URL with another query (nothing: none).
  [[nodiscard]] Url with_query(std::optional<std::string> query) const;
  /// A `Location` header seen from here (RFC 3986, 5.2); Errc::invalid if it is none. User info of
  /// this URL is never handed on.
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;

  friend bool operator==(const Url&, const Url&) = default;

 private:
  std::string m_scheme;
  std::string m_host;
  std::optional<std::uint16_t> m_port;
  std::string m_path;
  std::optional<std::string> m_query;
  std::optional<Credential> m_user_info;
};

/// "*.enablex.io" (any depth below, not the domain itself), "host", "host:8443", "[::1]:443".
/// Without a port: any port.
class HostPattern {
 public:
  static Result<HostPattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const Url& url) const noexcept;
  [[nodiscard]] const std::string& text() const noexcept { return m_text; }
  friend bool operator==(const HostPattern&, const HostPattern&) = default;

 private:
  std::string m_text;
  std::string m_host;  ///< without "*."
  bool m_below = false;
  std::optional<std::uint16_t> m_port;
};

}  // namespace reelkeep
