#include "daemon/check.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "reelkeep/base/unique_fd.hpp"

#include "daemon/config_load.hpp"
#include "fs/state_lock.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::daemon {
namespace {

using Severity = Finding::Severity;

Config config_in(const testing::TempDir& folder) {
  Environment environment;
  environment.state_directory = folder.path("state");
  Config config = embedded_defaults(environment);
  config.webhook.listen.port = 0;
  config.admin.listen.port = 0;
  config.download.minimum_free_space = ByteCount(1);
  config.agent.intake_reserve = ByteCount(0);
  return config;
}

std::size_t count(const std::vector<Finding>& findings, Severity severity) {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == severity; }));
}

bool tells(const std::vector<Finding>& findings, Severity severity, const std::string& words) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) {
    return f.severity == severity && f.what.find(words) != std::string::npos;
  });
}

/// A port that is taken as long as this lives.
struct TakenPort {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM, 0)};
  std::uint16_t port = 0;
  TakenPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(socket.get(), 1) == 0);
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
  }
};

}  // namespace

TEST_CASE("a clock is told off by 30 seconds, and refused from 5 minutes on") {
  const Timestamp now{Duration{1'780'000'000'000}};
  const auto off = [&](std::int64_t milliseconds) {
    return compare_clock("files.example.com", now - Duration(milliseconds), now);
  };
  CHECK(off(0).severity == Severity::ok);
  CHECK(off(29'999).severity == Severity::ok);
  CHECK(off(30'000).severity == Severity::warning);
  CHECK(off(-299'000).severity == Severity::warning);
  CHECK(off(300'000).severity == Severity::error);
  CHECK(off(-300'000).severity == Severity::error);
  CHECK(off(61'000).what == "clock: 61 s ahead of files.example.com");
  CHECK(off(-61'000).what == "clock: 61 s behind files.example.com");
}

TEST_CASE("online, a project that no file is known of is told, and is no error") {
  const testing::TempDir folder;
  const Config config = config_in(folder);
  const auto findings = check_online(config);
  CHECK(count(findings, Severity::error) == 0);
  CHECK(count(findings, Severity::warning) == config.projects.size());
}

TEST_CASE("a machine that has all the agent needs gives no error, and nothing is left behind") {
  const testing::TempDir folder;
  const Config config = config_in(folder);
  const auto findings = check_environment(config);
  for (const Finding& finding : findings) {
    CAPTURE(finding.what);
    CHECK(finding.severity == Severity::ok);
    CHECK(finding.way_out.empty());
  }
  CHECK(tells(findings, Severity::ok, "will be made"));
  CHECK(std::filesystem::is_empty(folder.path()));
  std::filesystem::create_directories(config.download.staging_dir);
  REQUIRE(::chmod(config.agent.state_dir.c_str(), 0700) == 0);
  CHECK(tells(check_environment(config), Severity::ok, "can be written"));
  CHECK(std::filesystem::is_empty(config.download.staging_dir));
}

TEST_CASE("everything that is wrong is told at once, each with a way out") {
  const testing::TempDir folder;
  Config config = config_in(folder);
  const TakenPort taken;
  config.webhook.listen.port = taken.port;
  config.admin.listen.host = "192.0.2.1";  // documentation addresses are nobody's
  config.download.minimum_free_space = ByteCount(1ULL << 60U);
  folder.write("file", "no directory");
  config.stores.push_back(
      StoreConfig{.id = StoreId("blocked"), .path = folder.path("file/archive")});
  config.secret_files.push_back(SecretFile{folder.path("gone"), "[webhook] password_file"});
  const auto findings = check_environment(config);
  CHECK(count(findings, Severity::error) == 5);
  CHECK(tells(findings, Severity::error, "[webhook] 127.0.0.1:" + std::to_string(taken.port)));
  CHECK(tells(findings, Severity::error, "[admin] 192.0.2.1:0"));
  CHECK(tells(findings, Severity::error, "downloads wait"));
  CHECK(tells(findings, Severity::error, "store \"blocked\""));
  CHECK(tells(findings, Severity::error, "[webhook] password_file"));
  for (const Finding& finding : findings)
    if (finding.severity != Severity::ok) {
      CAPTURE(finding.what);
      CHECK_FALSE(finding.way_out.empty());
    }
}

TEST_CASE("a taken port has exit status 6 and names the command that finds its owner") {
  const TakenPort taken;
  const Finding finding = check_listen(ListenAddress{"127.0.0.1", taken.port}, "[webhook]");
  CHECK(finding.severity == Severity::error);
  CHECK(exit_status(finding.code) == 6);
  CHECK(finding.way_out.find("ss -ltnp") != std::string::npos);
  CHECK(check_listen(ListenAddress{"127.0.0.1", 0}, "[webhook]").severity == Severity::ok);
}

TEST_CASE("while an agent runs its own ports are not taken for occupied") {
  const testing::TempDir folder;
  Config config = config_in(folder);
  const TakenPort taken;
  config.webhook.listen.port = taken.port;
  const auto lock = fs::StateLock::acquire(config.agent.state_dir);
  REQUIRE(lock);
  const auto findings = check_environment(config);
  CHECK(count(findings, Severity::error) == 0);
  CHECK(tells(findings, Severity::ok, "an agent runs"));
}

TEST_CASE("a state directory that others may look into is a warning") {
  const testing::TempDir folder;
  const Config config = config_in(folder);
  std::filesystem::create_directory(config.agent.state_dir);
  REQUIRE(::chmod(config.agent.state_dir.c_str(), 0755) == 0);
  CHECK(tells(check_state_dir(config), Severity::warning, "other users"));
  REQUIRE(::chmod(config.agent.state_dir.c_str(), 0700) == 0);
  CHECK(count(check_state_dir(config), Severity::ok) == 2);
}

TEST_CASE("staging on another filesystem than the store is a warning") {
  const testing::TempDir folder;
  Config config = config_in(folder);
  config.download.staging_dir = "/dev/shm/reelkeep-staging";
  struct stat here {};
  struct stat there {};
  REQUIRE(::stat(folder.path().c_str(), &here) == 0);
  if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) {
    MESSAGE("this machine has only one filesystem");
    return;
  }
  CHECK(tells(check_staging(config), Severity::warning, "another filesystem"));
}

TEST_CASE("a secret that others may change is a warning") {
  const testing::TempDir folder;
  Config config = config_in(folder);
  config.secret_files.push_back(SecretFile{folder.write("secret", "x"), "[webhook] password_file"});
  REQUIRE(::chmod(folder.path("secret").c_str(), 0660) == 0);
  CHECK(count(check_secret_files(config), Severity::warning) == 1);
  REQUIRE(::chmod(folder.path("secret").c_str(), 0640) == 0);
  CHECK(count(check_secret_files(config), Severity::ok) == 1);
}

TEST_CASE("a clock in another age and too few descriptors are errors") {
  using namespace std::chrono;
  CHECK(check_clock(sys_days(1970y / January / 1)).severity == Severity::error);
  CHECK(check_clock(sys_days(2200y / January / 1)).severity == Severity::error);
  CHECK(check_clock(sys_days(2026y / January / 4)).severity == Severity::ok);
  Config config = embedded_defaults(Environment{});
  CHECK(check_open_files(config, 1024).severity == Severity::ok);
  CHECK(check_open_files(config, 128).severity == Severity::error);
  config.download.concurrency = 1000;
  CHECK(check_open_files(config, 1024).severity == Severity::error);
}

TEST_CASE("the command ends with the gravest error, and says how many there are") {
  CHECK(verdict({Finding::good("fine"), Finding::doubtful("hm", "look")}));
  const Status one = verdict({Finding::good("fine"), Finding::bad(Errc::invalid, "a", "mend it")});
  REQUIRE_FALSE(one);
  CHECK(one.error() == Error{Errc::invalid, "a; mend it"});
  const Status three = verdict({Finding::bad(Errc::conflict, "port", ""),
                                Finding::bad(Errc::corrupt, "journal", "restore it"),
                                Finding::bad(Errc::no_space, "disk", "")});
  REQUIRE_FALSE(three);
  CHECK(three.error() == Error{Errc::corrupt, "journal; restore it (the gravest of 3 errors)"});
}

TEST_CASE("beside a faulty configuration the machine is judged by what could be read") {
  const testing::TempDir folder;
  const std::string file = folder.write("in-the-way", "");
  Environment environment;
  environment.state_directory = folder.path("state");
  const auto judged = [&](const std::string& toml) {
    const ConfigResult loaded = read_config(toml, folder.path("config.toml"), environment);
    REQUIRE_FALSE(loaded.config);
    return loaded.remainder ? check_environment(*loaded.remainder) : std::vector<Finding>();
  };
  const TakenPort taken;
  const std::string port = std::to_string(taken.port);

  const auto all =
      judged("[agent]\nstate_dir = \"" + file + "\"\n[webhook]\nlisten = \"127.0.0.1:" + port +
             "\"\n[download]\nretry_min = \"soon\"\n");
  CHECK(tells(all, Severity::error, "in-the-way is not a directory"));
  CHECK(tells(all, Severity::error, "127.0.0.1:" + port + ": cannot listen"));

  const auto unread = judged("[webhook]\nlisten = 7\n[admin]\nlisten = \"127.0.0.1:" + port +
                             "\"\n[[store]]\nid = \"a\"\npath = 1\n");
  CHECK(tells(unread, Severity::error, "[admin] 127.0.0.1:" + port));
  CHECK(!tells(unread, Severity::ok, "[webhook]"));
  CHECK(!tells(unread, Severity::error, "[webhook]"));
  CHECK(!tells(unread, Severity::ok, "store"));
  CHECK(tells(unread, Severity::ok, "state directory"));

  // Without knowing where the state is, or a single key, nothing can be judged.
  CHECK(judged("[agent]\nstate_dir = 1\n").empty());
  CHECK(judged("no TOML").empty());
}

TEST_CASE("root is told when there is nobody yet to act as") {
  if (::geteuid() != 0) return;
  const testing::TempDir folder;
  const Config config = config_in(folder);
  auto told = act_as_service(config);
  REQUIRE(told);
  REQUIRE(*told);
  CHECK((*told)->severity == Severity::warning);
  CHECK((*told)->what.find("judged as root") != std::string::npos);
  std::filesystem::create_directory(config.agent.state_dir);
  told = act_as_service(config);
  REQUIRE(told);
  CHECK_FALSE(*told);
}

TEST_CASE("a damaged database is told from one that cannot be reached, with its own way out") {
  const testing::TempDir folder;
  const Config config = config_in(folder);
  CHECK_FALSE(check_catalog(config).has_value());
  std::filesystem::create_directory(folder.path("state"));
  SUBCASE("damaged") {
    folder.write("state/catalog.db", std::string(8192, 'x'));
    folder.write("state/journal.db", std::string(8192, 'x'));
    const auto catalog = check_catalog(config);
    REQUIRE(catalog.has_value());
    CHECK(catalog->severity == Severity::warning);
    CHECK(catalog->way_out.find("built anew from the journal") != std::string::npos);
    const auto journal = check_journal(config);
    REQUIRE(journal.has_value());
    CHECK(journal->code == Errc::corrupt);
    CHECK(journal->way_out.find("backup") != std::string::npos);
  }
  SUBCASE("out of reach") {
    // Root may read anything: a loop of links nobody may follow.
    std::filesystem::create_symlink("journal.db", folder.path("state/journal.db"));
    const auto journal = check_journal(config);
    REQUIRE(journal.has_value());
    CHECK(journal->code != Errc::corrupt);
    CHECK(journal->way_out.find("backup") == std::string::npos);
  }
}

}  // namespace reelkeep::daemon
