#include "daemon/check.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "crypto/tls.hpp"
#include "daemon/runtime.hpp"
#include "fs/owner.hpp"
#include "fs/state_lock.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/place.hpp"

namespace reelkeep::daemon {
namespace {

/// Everything a socket needs to be bound to the address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress socket_address(const ListenAddress& from) {
  SocketAddress to;
  if (from.host.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(to.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(from.port);
    ::inet_pton(AF_INET6, from.host.c_str(), &v6.sin6_addr);
    to.length = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    ::inet_pton(AF_INET, from.host.c_str(), &v4.sin_addr);
    to.length = sizeof v4;
  }
  return to;
}

/// What helps where an address cannot be listened on.
std::string listen_way_out(Errc code, const ListenAddress& address) {
  const std::string port = std::to_string(address.port);
  if (code == Errc::conflict)
    return "find who has it (ss -ltnp 'sport = :" + port + "'), or choose another port";
  if (code == Errc::unauthorized)
    return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one, or a reverse proxy";
  if (code == Errc::unavailable) return "does this machine have the address (ip address)?";
  return "choose another address";
}

}  // namespace

Finding Finding::good(std::string what) {
  return {Severity::ok, std::move(what), "", {}};
}
Finding Finding::doubtful(std::string what, std::string way_out) {
  return {Severity::warning, std::move(what), std::move(way_out), Errc::invalid};
}
Finding Finding::bad(Errc code, std::string what, std::string way_out) {
  return {Severity::error, std::move(what), std::move(way_out), code};
}

std::string_view to_string(Finding::Severity severity) noexcept {
  switch (severity) {
    case Finding::Severity::ok:
      return "ok";
    case Finding::Severity::warning:
      return "warning";
    case Finding::Severity::error:
      return "error";
  }
  return "error";
}

Finding check_listen(const ListenAddress& address, std::string_view block) {
  const std::string name = std::string(block) + " " + address.text();
  const SocketAddress to = socket_address(address);
  const UniqueFd socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // as the server does: connections that are just closing do not count
  const bool listens =
      socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0 &&
      ::listen(socket.get(), 1) == 0;
  if (listens) return Finding::good(name + ": can be listened on");
  const Error error = Error::from_errno(errno, name + ": cannot listen");
  return Finding::bad(error.code, error.message, listen_way_out(error.code, address));
}

Finding check_clock(Timestamp now) {
  using namespace std::chrono;
  const auto year = static_cast<int>(year_month_day(floor<days>(now)).year());
  const std::string text = "clock: " + to_rfc3339(now);
  if (year >= 2025 && year < 2100) return Finding::good(text);
  return Finding::bad(Errc::invalid, text + " cannot be right: deadlines and TLS depend on it",
                      "set it (timedatectl set-ntp true)");
}

Finding check_open_files(const Config& config, std::uint64_t limit) {
  // A transfer holds a connection, a staging file and perhaps a store's file; the rest is
  // databases, listeners, and webhook connections.
  const std::uint64_t needed = std::uint64_t{config.download.concurrency} * 4 + 256;
  const std::string text = "open files: " + std::to_string(limit) + " allowed";
  if (limit >= needed) return Finding::good(text);
  return Finding::bad(
      Errc::invalid, text + ", " + std::to_string(needed) + " needed",
      "raise it (ulimit -n, LimitNOFILE= in the unit), or lower [download] concurrency");
}

std::vector<Finding> check_secret_files(const Config& config) {
  std::vector<Finding> findings;
  // The same of the file that names them all.
  if (!config.file.empty() && ::faccessat(AT_FDCWD, config.file.c_str(), R_OK, AT_EACCESS) != 0) {
    const Error error = Error::from_errno(errno, "configuration " + text::printable(config.file));
    findings.push_back(
        Finding::bad(error.code, error.message + ", for the user that runs the agent",
                     "let that user read it (0640 root:reelkeep, and its folder 0750 or more)"));
  }
  for (const SecretFile& secret : config.secret_files) {
    const std::string name = secret.key + " " + text::printable(secret.path);
    struct stat status {};
    // Opened as the user that the service runs as: what root may read, the next reload may not.
    const UniqueFd file(::open(secret.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fstat(file.get(), &status) != 0) {
      const Error error = Error::from_errno(errno, name);
      findings.push_back(Finding::bad(
          error.code, error.message,
          "the next reload would fail: restore it, or let the service's user read it (0640 "
          "root:reelkeep)"));
    } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      findings.push_back(Finding::doubtful(name + ": others may change it",
                                           "chmod 0640 " + text::printable(secret.path)));
    } else {
      findings.push_back(Finding::good(name + ": can be read"));
    }
  }
  return findings;
}

std::optional<Finding> check_tls(const Config& config) {
  const std::string& certificate = config.webhook.tls_certificate;
  if (certificate.empty()) return std::nullopt;
  const std::string name = "[webhook] tls_certificate " + text::printable(certificate);
  const auto loaded = TlsServerContext::load(certificate, config.webhook.tls_key);
  if (!loaded)
    return Finding::bad(
        loaded.error().code, "[webhook] TLS: " + loaded.error().message,
        "the service's user must be able to read certificate (with its chain) and key");
  return Finding::good(name + ": certificate and key fit");
}

namespace {

/// Of a database file that cannot be opened. Whatever is not damaged must not be replaced.
std::string way_out_of(Errc code, std::string when_damaged) {
  switch (code) {
    case Errc::corrupt:
      return when_damaged;
    case Errc::unauthorized:
      return "run it as the user that runs the agent, or as root; that user must own the state "
             "directory and be able to write there";
    case Errc::no_space:
      return "make space on its filesystem; the file itself is not at fault";
    case Errc::conflict:
      return "it belongs to another version or program: look at what is installed";
    case Errc::invalid:
    case Errc::not_found:
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::internal:
    case Errc::cancelled:
      break;
  }
  return "look at its filesystem first: nothing says that the file is damaged";
}

}  // namespace

std::optional<Finding> check_catalog(const Config& config) {
  const std::string path = catalog_path(config);
  const auto there = sqlite::file_exists(path);
  if (there && !*there) {
    const auto holder = fs::StateLock::holder(config.agent.state_dir);
    if (!holder || !*holder) return std::nullopt;
    return Finding::doubtful(
        "an agent runs, and there is no catalog " + text::printable(path),
        "if that stays so it was removed behind its back: restart the agent, which makes it anew");
  }
  const auto seen = [&]() -> Status {
    REELKEEP_ASSIGN(const auto reader, sqlite::open_catalog_reader(path));
    REELKEEP_ASSIGN(const CatalogFigures figures, reader->figures());
    (void)figures;
    return {};
  }();
  // An older schema is brought up to date by the agent.
  if (seen || seen.error().code == Errc::conflict) return std::nullopt;
  const std::string what = "the catalog: " + seen.error().message;
  if (seen.error().code == Errc::corrupt)
    return Finding::doubtful(what, "restart the agent: it is built anew from the journal");
  return Finding::bad(seen.error().code, what, way_out_of(seen.error().code, ""));
}

std::optional<Finding> check_journal(const Config& config) {
  constexpr const char* k_restore =
      "stop the agent, keep the damaged file, and restore a backup or what can be read of it "
      "(README, "
      "\"Back up, restore, upgrade\")";
  const std::string path = journal_path(config);
  const auto there = sqlite::file_exists(path);
  if (there && !*there) {
    const auto catalog = sqlite::file_exists(catalog_path(config));
    if (!catalog || !*catalog) return std::nullopt;
    return Finding::bad(
        Errc::not_found,
        "the journal " + text::printable(path) + " is gone, while its catalog is there",
        "put it back before the agent starts: without it the catalog is built anew, from "
        "nothing");
  }
  auto reader = sqlite::open_journal_reader(path);
  if (!reader)
    return Finding::bad(reader.error().code, "the journal: " + reader.error().message,
                        way_out_of(reader.error().code, k_restore));
  const auto end = (*reader)->end();
  if (!end)
    return Finding::bad(end.error().code, "the journal: " + end.error().message,
                        way_out_of(end.error().code, k_restore));
  // All of it: a page that went bad shows only when it is read, and then an agent needs it.
  if (const Status whole = (*reader)->verify_chain(); !whole)
    return Finding::bad(whole.error().code, "the journal: " + whole.error().message,
                        way_out_of(whole.error().code, k_restore));
  return Finding::good("the journal " + text::printable(path) + ": whole, " +
                       std::to_string(end->cursor.get()) + " rows, chain unbroken");
}

Result<std::optional<Finding>> act_as_service(const Config& config) {
  const std::string& path = config.agent.state_dir;
  REELKEEP_TRY(fs::act_as_owner_of(path));
  if (::geteuid() != 0 || ::access(path.c_str(), F_OK) == 0) return std::optional<Finding>();
  return std::optional(Finding::doubtful(
      "state directory " + text::printable(path) +
          ": does not exist yet, so that all is judged as root and not as the user that "
          "will run reelkeep",
      "make it (systemd-tmpfiles --create reelkeep.conf, or install -d -m 0700 -o "
      "reelkeep -g reelkeep " +
          text::printable(path) + "), or run it as that user"));
}

Status verdict(const std::vector<Finding>& findings) {
  const Finding* gravest = nullptr;
  std::size_t errors = 0;
  for (const Finding& one : findings) {
    if (one.severity != Finding::Severity::error) continue;
    ++errors;
    if (gravest == nullptr || exit_status(one.code) > exit_status(gravest->code)) gravest = &one;
  }
  if (gravest == nullptr) return {};
  return Error{gravest->code,
               gravest->what + (gravest->way_out.empty() ? "" : "; " + gravest->way_out) +
                   (errors == 1 ? "" : " (the gravest of " + std::to_string(errors) + " errors)")};
}

std::vector<Finding> check_environment(const Config& config) {
  return check_environment(Remainder{config, {}});
}

std::vector<Finding> check_environment(const Remainder& remainder) {
  const Config& config = remainder.config;
  std::vector<Finding> findings;
  if (!remainder.knows("agent.state_dir")) return findings;
  const auto add = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  add(check_state_dir(config));
  if (remainder.knows("store")) {
    add(check_stores(config));
    if (remainder.knows("download")) add(check_staging(config));
  }
  const auto holder = fs::StateLock::holder(config.agent.state_dir);
  if (holder && *holder) {
    findings.push_back(
        Finding::good("an agent runs on " + text::printable(config.agent.state_dir) +
                      (**holder > 0 ? " (pid " + std::to_string(**holder) + ")" : "")));
  } else {
    if (remainder.knows("webhook.listen"))
      findings.push_back(check_listen(config.webhook.listen, "[webhook]"));
    if (remainder.knows("admin.listen"))
      findings.push_back(check_listen(config.admin.listen, "[admin]"));
  }
  if (auto journal = check_journal(config)) findings.push_back(std::move(*journal));
  if (auto catalog = check_catalog(config)) findings.push_back(std::move(*catalog));
  if (remainder.knows("webhook.tls_"))
    if (auto tls = check_tls(config)) findings.push_back(std::move(*tls));
  add(check_secret_files(config));
  findings.push_back(
      check_clock(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && remainder.knows("download.concurrency"))
    findings.push_back(check_open_files(config, limit.rlim_cur));
  return findings;
}

}  // namespace reelkeep::daemon
