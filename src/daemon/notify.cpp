#include "daemon/notify.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::daemon {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads start
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<std::int64_t> number(const char* name) {
  const auto text = variable(name);
  std::int64_t value = 0;
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value <= 0) return std::nullopt;
  return value;
}

/// One line: a line break would start another assignment.
std::string status_line(std::string_view text) {
  return "STATUS=" + text::printable(text);
}

}  // namespace

Notify::Notify(std::optional<std::string> socket, std::optional<Duration> watchdog)
    : m_socket(std::move(socket)), m_watchdog(watchdog) {}

Notify Notify::of_process() {
  std::optional<Duration> watchdog;
  const auto pid = number("WATCHDOG_PID");
  if (const auto usec = number("WATCHDOG_USEC"); usec && (!pid || *pid == ::getpid()))
    watchdog = Duration(std::max<std::int64_t>(1, *usec / 1000));
  return Notify(variable("NOTIFY_SOCKET"), watchdog);
}

Status Notify::ready(std::string_view status) {
  return send("READY=1\n" + status_line(status));
}

Status Notify::status(std::string_view text) {
  return send(status_line(text));
}

Status Notify::reloading() {
  // The manager tells this reload from an earlier one by the time.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t usec = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}

Status Notify::stopping(std::string_view status) {
  return send("STOPPING=1\n" + status_line(status));
}

Status Notify::alive() {
  return send("WATCHDOG=1");
}

Status Notify::send(const std::string& message) const {
  if (!m_socket) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool known_form = m_socket->starts_with('/') || m_socket->starts_with('@');
  if (!known_form || m_socket->size() < 2 || m_socket->size() >= sizeof address.sun_path)
    return Error{Errc::invalid, "NOTIFY_SOCKET is no socket address"};
  std::copy(m_socket->begin(), m_socket->end(), std::begin(address.sun_path));
  if (m_socket->front() == '@') address.sun_path[0] = '\0';
  // The length without a final zero: in the abstract namespace every byte counts.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + m_socket->size());

  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "cannot notify the service manager");
  const ssize_t sent =
      ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) return Error::from_errno(errno, "cannot notify the service manager");
  return {};
}

}  // namespace reelkeep::daemon
