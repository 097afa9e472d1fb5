#pragma once

#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"

struct sockaddr_storage;

namespace reelkeep::http {

struct Listener {
  UniqueFd socket;      ///< listening, non-blocking
  std::string address;  ///< "127.0.0.1:PORT", the real port
};

/// `address` is "host:port", IPv6 in brackets. Errors: invalid, conflict (taken), unauthorized.
Result<Listener> listen_on(std::string_view address);

/// "127.0.0.1:4711", "[::1]:4711".
std::string to_text(const sockaddr_storage& address);

}  // namespace reelkeep::http
