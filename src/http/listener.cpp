#include "http/listener.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>

namespace reelkeep::http {
namespace {

/// With the usual 5, each client beyond waits a second for its second try.
constexpr int k_backlog = 4096;

struct AddressListDeleter {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

Error malformed(std::string_view address) {
  return Error{Errc::invalid, "listen on \"" + std::string(address) +
                                  "\": expected host:port, such as 127.0.0.1:8080 or [::1]:8080"};
}

/// What a person can do about a bind() that failed.
Error bind_error(int error_number, std::string_view address) {
  const std::string what(address);
  if (error_number == EADDRINUSE)
    return Error{Errc::conflict,
                 what + ": another program uses this address; stop it or choose another port"};
  if (error_number == EACCES)
    return Error{Errc::unauthorized,
                 what + ": ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one"};
  if (error_number == EADDRNOTAVAIL)
    return Error{Errc::invalid, what + ": this machine does not have this address"};
  return Error::from_errno(error_number, what);
}

}  // namespace

std::string to_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
    return std::string(host.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
  return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

Result<Listener> listen_on(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return malformed(address);
  std::string host(address.substr(0, colon));
  const std::string port(address.substr(colon + 1));
  if (port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535)
    return malformed(address);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return malformed(address);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0)
    return Error{Errc::invalid, "listen on " + std::string(address) + ": " + ::gai_strerror(code)};
  const std::unique_ptr<addrinfo, AddressListDeleter> list(found);

  Listener listener;
  listener.socket.reset(::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.socket) return Error::from_errno(errno, "listen on " + std::string(address));
  const int fd = listener.socket.get();
  // Not SO_REUSEPORT: with it a second program would bind the same port without an error.
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd, list->ai_addr, list->ai_addrlen) != 0 || ::listen(fd, k_backlog) != 0)
    return bind_error(errno, address);
  sockaddr_storage actual{};
  socklen_t size = sizeof actual;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&actual), &size) != 0)
    return Error::from_errno(errno, "listen on " + std::string(address));
  listener.address = to_text(actual);
  return listener;
}

}  // namespace reelkeep::http
