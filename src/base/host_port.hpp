#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep {

struct HostPort {
  std::string host;  ///< lower case, no final dot; IPv6 in its shortest form, without brackets
  std::optional<std::uint16_t> port;
};

/// "host", "host:8443", "[::1]:443", "host:"; Errc::invalid otherwise. A name has ASCII letters,
/// digits, '-', '_' and '.', no empty label and at most 253 bytes.
Result<HostPort> parse_host_port(std::string_view text);

/// As in a URL: an address of IPv6 stands in brackets.
std::string bracketed(const std::string& host);

}  // namespace reelkeep
