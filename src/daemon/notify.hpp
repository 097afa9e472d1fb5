#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep::daemon {

/// Tells the service manager how the process is (the sd_notify protocol: datagrams to
/// $NOTIFY_SOCKET). Without a service manager every call does nothing and succeeds.
/// Any thread; a call never blocks. Errors are of interest to a log only.
class Notify {
 public:
  /// `socket`: value of NOTIFY_SOCKET; '@' at its start means the abstract namespace.
  /// `watchdog`: how often alive() is expected; nothing: never.
  explicit Notify(std::optional<std::string> socket, std::optional<Duration> watchdog);
  /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; call it before threads start.
  static Notify of_process();

  /// The intake answers.
  Status ready(std::string_view status);
  /// A line for `systemctl status`.
  Status status(std::string_view text);
  /// SIGHUP arrived; ready() follows in any case.
  Status reloading();
  Status stopping(std::string_view status);
  /// Feeds the watchdog.
  Status alive();

  [[nodiscard]] bool active() const { return m_socket.has_value(); }
  /// The manager's interval: alive() is due at least twice in it.
  [[nodiscard]] std::optional<Duration> watchdog() const { return m_watchdog; }

 private:
  Status send(const std::string& message) const;

  std::optional<std::string> m_socket;
  std::optional<Duration> m_watchdog;
};

}  // namespace reelkeep::daemon
