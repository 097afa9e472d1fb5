#include "curl/peer_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <span>

namespace reelkeep::curl {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Network {
  std::array<std::uint8_t, 16> prefix;
  unsigned bits;
};

/// IANA's special-purpose IPv4 registry, without what is globally reachable.
constexpr std::array k_private_v4{
    Network{{0}, 8},
    Network{{10}, 8},
    Network{{100, 64}, 10},
    Network{{127}, 8},
    Network{{169, 254}, 16},
    Network{{172, 16}, 12},
    Network{{192, 0, 0}, 24},
    Network{{192, 0, 2}, 24},
    Network{{192, 168}, 16},
    Network{{198, 18}, 15},
    Network{{198, 51, 100}, 24},
    Network{{203, 0, 113}, 24},
    Network{{224}, 4},
    Network{{240}, 4},
};

/// Of IPv6 only 2000::/3 is given out; in it these are not public.
constexpr Network k_global_v6{{0x20}, 3};
constexpr std::array k_private_v6{
    Network{{0x20, 0x01, 0x00, 0x00}, 32},  // Teredo: an IPv4 address in disguise
    Network{{0x20, 0x01, 0x0d, 0xb8}, 32},
    Network{{0x3f, 0xff}, 20},
};
constexpr Network k_mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
constexpr Network k_nat64{{0x00, 0x64, 0xff, 0x9b}, 96};
constexpr Network k_6to4{{0x20, 0x02}, 16};

bool within(Bytes address, const Network& network) noexcept {
  for (unsigned bit = 0; bit < network.bits; bit += 8) {
    const unsigned left = std::min(8U, network.bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> left);
    if ((address[bit / 8] & mask) != (network.prefix[bit / 8] & mask)) return false;
  }
  return true;
}

bool private_v4(Bytes address) noexcept {
  return std::ranges::any_of(k_private_v4,
                             [address](const Network& n) { return within(address, n); });
}

bool private_v6(Bytes address) noexcept {
  if (within(address, k_mapped) || within(address, k_nat64))
    return private_v4(address.subspan(12, 4));
  if (within(address, k_6to4)) return private_v4(address.subspan(2, 4));
  if (!within(address, k_global_v6)) return true;
  return std::ranges::any_of(k_private_v6,
                             [address](const Network& n) { return within(address, n); });
}

}  // namespace

bool is_private_address(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return private_v4(bytes);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return private_v6(bytes);
  }
  return true;
}

bool is_private_address(const char* numeric) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, numeric, bytes.data()) == 1) return private_v4(Bytes(bytes).first(4));
  if (inet_pton(AF_INET6, numeric, bytes.data()) == 1) return private_v6(bytes);
  return true;
}

std::string numeric_address(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

}  // namespace reelkeep::curl
