#include "reelkeep/base/url.hpp"

#include <algorithm>
#include <array>

#include "reelkeep/base/text.hpp"

#include "base/host_port.hpp"

namespace reelkeep {
namespace {

constexpr std::size_t k_url_bytes = 16 * 1024;

struct SchemePort {
  std::string_view scheme;
  std::uint16_t port;
};
constexpr std::array k_scheme_ports{SchemePort{"https", 443}, SchemePort{"http", 80},
                                    SchemePort{"ftp", 21},    SchemePort{"ftps", 990},
                                    SchemePort{"sftp", 22},   SchemePort{"scp", 22}};

std::uint16_t own_port(std::string_view scheme) noexcept {
  for (const SchemePort& row : k_scheme_ports)
    if (row.scheme == scheme) return row.port;
  return 0;
}

/// The text is not repeated: it may hold a password or a signature.
Error unacceptable(const char* reason) {
  return Error{Errc::invalid, std::string("not a usable URL: ") + reason};
}

bool has_control(std::string_view text) noexcept {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

/// Bytes beyond ASCII become %XX; the rest stays as it is.
std::string ascii_only(std::string_view text) {
  std::string ascii;
  ascii.reserve(text.size());
  for (const char& c : text) {
    if (static_cast<unsigned char>(c) < 0x80)
      ascii += c;
    else
      ascii += text::percent_encode(std::string_view(&c, 1));
  }
  return ascii;
}

bool is_scheme(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

Result<std::optional<Credential>> parse_user_info(std::string_view text) {
  const std::size_t colon = text.find(':');
  Credential credential;
  credential.username = text::percent_decode(text.substr(0, colon));
  std::string password;
  if (colon != std::string_view::npos) password = text::percent_decode(text.substr(colon + 1));
  if (has_control(credential.username) || has_control(password))
    return unacceptable("its user info has control characters");
  credential.password = Secret(std::move(password));
  if (credential.username.empty() && credential.password.empty())
    return std::optional<Credential>();
  return std::optional<Credential>(std::move(credential));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > k_url_bytes) return unacceptable("longer than 16 KiB");
  if (has_control(text)) return unacceptable("it has control characters");
  // Each file's URL is parsed more than once, and std::find_first_of() is slow.
  if (text.find(' ') != std::string_view::npos || text.find('\\') != std::string_view::npos)
    return unacceptable("it has a space or a backslash (write them as %20 and %5C)");
  if (!text::is_valid_utf8(text)) return unacceptable("it is no UTF-8");

  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon)))
    return unacceptable("it does not begin with a scheme such as https://");
  Url url;
  url.m_scheme = text::lower(text.substr(0, colon));

  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min({rest.find('/'), rest.find('?'), rest.size()});
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    REELKEEP_ASSIGN(url.m_user_info, parse_user_info(authority.substr(0, at)));
    authority.remove_prefix(at + 1);
  }
  auto host_port = parse_host_port(authority);
  if (!host_port) return unacceptable(host_port.error().message.c_str());
  url.m_host = std::move(host_port->host);
  url.m_port = host_port->port;

  const std::size_t query = rest.find('?');
  url.m_path = ascii_only(rest.substr(0, query));
  if (url.m_path.empty()) url.m_path = "/";
  if (query != std::string_view::npos) url.m_query = ascii_only(rest.substr(query + 1));
  return url;
}

std::uint16_t Url::effective_port() const noexcept {
  return m_port.value_or(own_port(m_scheme));
}

std::string Url::authority() const {
  std::string authority = bracketed(m_host);
  if (m_port && *m_port != own_port(m_scheme)) authority += ":" + std::to_string(*m_port);
  return authority;
}

std::string Url::origin() const {
  return m_scheme + "://" + authority();
}

std::string Url::request_target() const {
  return m_query ? m_path + "?" + *m_query : m_path;
}

std::string Url::without_user_info() const {
  return origin() + request_target();
}

std::string Url::display() const {
  return origin() + m_path + (m_query ? "?..." : "");
}

std::string Url::last_segment() const {
  return text::percent_decode(std::string_view(m_path).substr(m_path.rfind('/') + 1));
}

std::vector<std::pair<std::string, std::string>> Url::query_parameters() const {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (!m_query) return parameters;
  for (const std::string_view parameter : text::split(*m_query, '&')) {
    if (parameter.empty()) continue;
    const std::size_t equals = parameter.find('=');
    parameters.emplace_back(parameter.substr(0, equals), equals == std::string_view::npos
                                                             ? std::string_view()
                                                             : parameter.substr(equals + 1));
  }
  return parameters;
}

Url Url::with_query(std::optional<std::string> query) const {
  Url url = *this;
  url.m_query = std::move(query);
  return url;
}

}  // namespace reelkeep
