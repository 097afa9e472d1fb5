#include "daemon/notify.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "reelkeep/base/unique_fd.hpp"

#include "support/temp_dir.hpp"

namespace reelkeep::daemon {
namespace {

/// The service manager's end: a datagram socket at a path, or in the abstract namespace.
class Manager {
 public:
  explicit Manager(const std::string& name) : m_socket(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(name.size() < sizeof address.sun_path);
    std::copy(name.begin(), name.end(), std::begin(address.sun_path));
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(m_socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  }
  /// What arrived; a datagram is there when sendto() has returned.
  std::string next() {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(m_socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return got < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(got));
  }

 private:
  UniqueFd m_socket;
};

}  // namespace

TEST_CASE("each state reaches the service manager's socket in the words of sd_notify") {
  const testing::TempDir folder;
  Manager manager(folder.path("notify"));
  Notify notify(folder.path("notify"), std::chrono::seconds(30));
  CHECK(notify.active());
  CHECK(notify.ready("listening on 127.0.0.1:8080"));
  CHECK(manager.next() == "READY=1\nSTATUS=listening on 127.0.0.1:8080");
  CHECK(notify.status("3 downloads\nREADY=0"));
  const std::string status = manager.next();
  CHECK(status.starts_with("STATUS=3 downloads"));
  CHECK(status.find('\n') == std::string::npos);
  CHECK(notify.reloading());
  const std::string reloading = manager.next();
  const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(reloading.starts_with(prefix));
  CHECK(reloading.size() > prefix.size());
  CHECK(reloading.find_first_not_of("0123456789", prefix.size()) == std::string::npos);
  CHECK(notify.stopping("stopping"));
  CHECK(manager.next() == "STOPPING=1\nSTATUS=stopping");
  CHECK(notify.alive());
  CHECK(manager.next() == "WATCHDOG=1");
  CHECK(manager.next() == "nothing");
}

TEST_CASE("a socket in the abstract namespace is reached as well") {
  const std::string name = "@reelkeep-notify-test-" + std::to_string(::getpid());
  Manager manager(name);
  CHECK(Notify(name, std::nullopt).alive());
  CHECK(manager.next() == "WATCHDOG=1");
}

TEST_CASE("without a service manager every notification succeeds and does nothing") {
  Notify notify(std::nullopt, std::nullopt);
  CHECK_FALSE(notify.active());
  CHECK(notify.ready("x"));
  CHECK(notify.alive());
  CHECK(notify.stopping("x"));
}

TEST_CASE("a service manager that is gone or misnamed is an error, not a crash") {
  const testing::TempDir folder;
  CHECK_FALSE(Notify(folder.path("nobody"), std::nullopt).alive());
  CHECK(Notify("relative", std::nullopt).alive().error().code == Errc::invalid);
  CHECK(Notify("/" + std::string(200, 'x'), std::nullopt).alive().error().code == Errc::invalid);
  CHECK(Notify("@", std::nullopt).alive().error().code == Errc::invalid);
}

TEST_CASE("the watchdog's interval is taken when it is meant for this process") {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::unsetenv("WATCHDOG_PID");
  CHECK(Notify::of_process().watchdog() == Duration(30'000));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  CHECK(Notify::of_process().watchdog() == Duration(30'000));
  ::setenv("WATCHDOG_PID", "1", 1);
  CHECK_FALSE(Notify::of_process().watchdog().has_value());
  ::unsetenv("WATCHDOG_PID");
  ::setenv("WATCHDOG_USEC", "soon", 1);
  CHECK_FALSE(Notify::of_process().watchdog().has_value());
  CHECK(Notify::of_process().active());
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_FALSE(Notify::of_process().active());
}

}  // namespace reelkeep::daemon
