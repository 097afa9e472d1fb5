#pragma once

#include <string>
#include <sys/socket.h>

namespace reelkeep::curl {

/// Whether an address is anything but a public unicast one: loopback, link-local, private, carrier
/// NAT, multicast, unspecified, documentation, benchmarking, unique local; also when an IPv4
/// address of these is wrapped in IPv6 (mapped, compatible, NAT64, 6to4). What is not IP at all is
/// private.
[[nodiscard]] bool is_private_address(const sockaddr& address) noexcept;
[[nodiscard]] bool is_private_address(const char* numeric) noexcept;

/// Numeric form; empty where there is none.
[[nodiscard]] std::string numeric_address(const sockaddr& address);

}  // namespace reelkeep::curl
