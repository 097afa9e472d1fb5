#include "base/host_port.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>

#include "reelkeep/base/text.hpp"

namespace reelkeep {
namespace {

constexpr std::size_t k_host_bytes = 253;
constexpr std::size_t k_label_bytes = 63;

Error unacceptable(const char* reason) {
  return Error{Errc::invalid, reason};
}

Result<std::string> parse_address(std::string_view text) {
  in6_addr address{};
  // A zone ("%eth0") is refused: it means something on one machine only.
  if (::inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1 ||
      text.find('\0') != std::string_view::npos)
    return unacceptable("the host in brackets is no IPv6 address");
  std::array<char, INET6_ADDRSTRLEN> shortest{};
  ::inet_ntop(AF_INET6, &address, shortest.data(), static_cast<socklen_t>(shortest.size()));
  return std::string(shortest.data());
}

Result<std::string> parse_name(std::string_view text) {
  if (text.size() > 1 && text.back() == '.') text.remove_suffix(1);
  if (text.empty()) return unacceptable("the host is empty");
  if (text.size() > k_host_bytes) return unacceptable("the host is too long");
  for (const std::string_view label : text::split(text, '.'))
    if (label.empty() || label.size() > k_label_bytes)
      return unacceptable("the host has an empty or overlong part");
  std::string host = text::lower(text);
  if (host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") != std::string::npos)
    return unacceptable("the host has characters that no host has (write it in ASCII, as xn--...)");
  return host;
}

Result<std::optional<std::uint16_t>> parse_port(std::string_view text) {
  if (text.empty()) return std::optional<std::uint16_t>();
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, port);
  if (error != std::errc{} || stop != last || port == 0 || text.size() > 5)
    return unacceptable("the port is no number from 1 to 65535");
  return std::optional<std::uint16_t>(port);
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  HostPort parsed;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return unacceptable("the host lacks its closing bracket");
    REELKEEP_ASSIGN(parsed.host, parse_address(text.substr(1, end - 1)));
    rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':')
      return unacceptable("something other than a port follows the host");
  } else {
    const std::size_t end = text.find(':');
    REELKEEP_ASSIGN(parsed.host, parse_name(text.substr(0, end)));
    if (end != std::string_view::npos) rest = text.substr(end);
  }
  if (!rest.empty()) {
    REELKEEP_ASSIGN(parsed.port, parse_port(rest.substr(1)));
  }
  return parsed;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace reelkeep
