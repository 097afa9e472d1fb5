#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "base/host_port.hpp"

namespace reelkeep {

Result<HostPattern> HostPattern::parse(std::string_view text) {
  HostPattern pattern;
  std::string_view rest = text;
  if (rest.substr(0, 2) == "*.") {
    pattern.m_below = true;
    rest.remove_prefix(2);
  }
  auto parsed = parse_host_port(rest);
  if (!parsed || (pattern.m_below && parsed->host.find(':') != std::string::npos))
    return Error{Errc::invalid, "'" + text::printable(text.substr(0, 300)) +
                                    "' is no host pattern: expected \"host\", \"host:port\" or "
                                    "\"*.domain\""};
  pattern.m_host = std::move(parsed->host);
  pattern.m_port = parsed->port;
  pattern.m_text = (pattern.m_below ? "*." : "") + bracketed(pattern.m_host);
  if (pattern.m_port) pattern.m_text += ":" + std::to_string(*pattern.m_port);
  return pattern;
}

bool HostPattern::matches(const Url& url) const noexcept {
  if (m_port && *m_port != url.effective_port()) return false;
  const std::string_view host = url.host();
  if (!m_below) return host == m_host;
  return host.size() > m_host.size() + 1 && host.ends_with(m_host) &&
         host[host.size() - m_host.size() - 1] == '.';
}

}  // namespace reelkeep
