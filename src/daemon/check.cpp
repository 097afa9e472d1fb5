#include "daemon/check.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "crypto/tls.hpp"
#include "curl/http_client.hpp"
#include "daemon/runtime.hpp"
#include "daemon/s3_places.hpp"
#include "fs/archive_root.hpp"
#include "fs/space.hpp"
#include "fs/state_lock.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/place.hpp"

namespace reelkeep::daemon {
namespace {

Finding good(std::string what) {
  return Finding{Finding::Severity::ok, std::move(what), "", {}};
}
Finding doubtful(std::string what, std::string way_out) {
  return Finding{Finding::Severity::warning, std::move(what), std::move(way_out), Errc::invalid};
}
Finding bad(Errc code, std::string what, std::string way_out) {
  return Finding{Finding::Severity::error, std::move(what), std::move(way_out), code};
}

/// The directory itself, or the nearest one above it that exists: where it would be made.
std::string existing(const std::string& path) {
  std::filesystem::path place(path);
  std::error_code error;
  while (!std::filesystem::exists(place, error) && place.has_parent_path() &&
         place != place.parent_path())
    place = place.parent_path();
  return place.string();
}

/// Really makes a file there, nameless where the filesystem can.
Status try_to_write(const std::string& directory) {
  const std::string what = "cannot write to " + text::printable(directory);
  const UniqueFd nameless(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (nameless) return {};
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
    return Error::from_errno(errno, what);
  std::string name = directory + "/.reelkeep-check-XXXXXX";
  const UniqueFd named(::mkostemp(name.data(), O_CLOEXEC));
  if (!named) return Error::from_errno(errno, what);
  ::unlink(name.c_str());
  return {};
}

/// A directory of ours is there and takes files, or can be made.
Finding check_directory(const std::string& what, const std::string& path) {
  const std::string name = what + " " + text::printable(path);
  const std::string place = existing(path);
  struct stat status {};
  if (::stat(place.c_str(), &status) != 0) {
    const Error error = Error::from_errno(errno, name);
    return bad(error.code, error.message, "make it, or mend the path");
  }
  if (!S_ISDIR(status.st_mode))
    return bad(Errc::invalid, name + ": " + text::printable(place) + " is not a directory",
               "move it away, or choose another path");
  if (const Status written = try_to_write(place); !written)
    return bad(written.error().code, name + ": " + written.error().message,
               "the user that runs reelkeep must own it (chown reelkeep), and under systemd the "
               "unit must allow it (ReadWritePaths)");
  return good(name + (place == path ? ": can be written" : ": will be made"));
}

/// The bucket answers to the key pair. Nothing is written.
Finding check_bucket(const std::string& name, const StoreConfig& store, const Config& config) {
  struct WallClock final : Clock {
    [[nodiscard]] Timestamp now() const override {
      return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
    }
    [[nodiscard]] MonotonicTime steady() const override { return {}; }
  } const clock;
  const auto http = curl::make_http_client({.ca_file = config.download.ca_file,
                                            .proxy = config.download.proxy.reveal(),
                                            .connect_timeout = config.download.connect_timeout});
  s3::Client client(*http, clock, bucket_of(store), [&] { return access_of(store); });
  const std::string place = "s3://" + store.bucket + "/" + store.prefix;
  const auto listed =
      client.call({.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", store.prefix}}});
  if (!listed)
    return bad(listed.error().code,
               name + " " + text::printable(place) + ": " + listed.error().message, "");
  return good(name + " " + text::printable(place) + ": can be read");
}

std::optional<dev_t> device_of(const std::string& path) {
  struct stat status {};
  if (::stat(existing(path).c_str(), &status) != 0) return std::nullopt;
  return status.st_dev;
}

Finding check_free_space(const std::string& what, const std::string& path, ByteCount least,
                         const std::string& consequence) {
  const auto space = fs::free_bytes(existing(path));
  if (!space) return bad(space.error().code, what + ": " + space.error().message, "");
  if (*space < least)
    return bad(
        Errc::no_space,
        what + ": " + to_string(*space) + " free, " + to_string(least) + " needed: " + consequence,
        "make room, or use another filesystem");
  return good(what + ": " + to_string(*space) + " free");
}

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

std::string listen_way_out(int error_number, const ListenAddress& address) {
  const std::string port = std::to_string(address.port);
  if (error_number == EADDRINUSE)
    return "find who has it (ss -ltnp 'sport = :" + port + "'), or choose another port";
  if (error_number == EADDRNOTAVAIL) return "this machine does not have the address (ip address)";
  if (error_number == EACCES)
    return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one, or a reverse proxy";
  return "choose another address";
}

}  // namespace

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

std::vector<Finding> check_state_dir(const Config& config) {
  const std::string& path = config.agent.state_dir;
  std::vector<Finding> findings{check_directory("state directory", path)};
  if (findings.back().severity == Finding::Severity::error) return findings;

  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    findings.push_back(
        doubtful("state directory " + text::printable(path) + ": other users may look into it",
                 "chmod 0700 " + text::printable(path)));
  const auto network = fs::network_filesystem(existing(path));
  if (!network)
    findings.push_back(bad(network.error().code, network.error().message, ""));
  else if (!network->empty())
    findings.push_back(bad(Errc::invalid,
                           "state directory " + text::printable(path) + ": " + *network +
                               " is a filesystem of another machine, where SQLite loses data",
                           "set [agent] state_dir to a local disk; a store may stay where it is"));
  findings.push_back(check_free_space("state directory", path, config.agent.intake_reserve + 64_MiB,
                                      "deliveries could soon not be stored"));
  return findings;
}

std::vector<Finding> check_staging(const Config& config) {
  const std::string& path = config.download.staging_dir;
  std::vector<Finding> findings{check_directory("staging directory", path)};
  if (findings.back().severity == Finding::Severity::error) return findings;
  findings.push_back(check_free_space("staging directory", path, config.download.minimum_free_space,
                                      "downloads wait (minimum_free_space)"));
  for (const StoreConfig& store : config.stores)
    if (store.type != StoreConfig::Type::local)
      continue;
    else if (const auto device = device_of(store.path); device && device != device_of(path))
      findings.push_back(doubtful(
          "staging directory " + text::printable(path) + " is on another filesystem than store \"" +
              store.id.get() + "\": files are copied instead of renamed",
          "leave staging_dir out, or set it below " + text::printable(store.path)));
  return findings;
}

namespace {

/// The archive at a local store's path is the one that the catalog knows, as the agent expects it.
/// Nothing: the catalog expects none there.
std::optional<Finding> check_archive(const std::string& name, const StoreConfig& store,
                                     CatalogReader& reader) {
  const auto found = [&]() -> Result<std::string> {
    REELKEEP_ASSIGN(const auto roots, reader.notes("root:" + store.id.get()));
    REELKEEP_ASSIGN(const auto places, reader.notes("place:" + store.id.get()));
    const auto root = roots.find("root:" + store.id.get());
    if (root == roots.end()) return std::string();
    const auto place = places.find("place:" + store.id.get());
    const std::string here = (store.path == "/" ? "" : store.path) + "/";
    if (place != places.end() && place->second != here) {
      // Another path for a store that never held anything begins anew there.
      REELKEEP_ASSIGN(const ReplicaTotal holds, reader.total({.store = store.id}));
      if (holds.replicas == 0) return std::string();
    }
    return root->second;
  }();
  if (!found) return bad(found.error().code, name + ": the catalog: " + found.error().message, "");
  if (found->empty()) return std::nullopt;
  if (const auto root = fs::ArchiveRoot::attach(store.path, *found); !root)
    return bad(root.error().code, name + ": " + text::printable(root.error().message),
               "the agent writes nothing there before that");
  return good(name + ": archive " + *found + " is there");
}

}  // namespace

std::vector<Finding> check_stores(const Config& config) {
  std::vector<Finding> findings;
  // Without a catalog (or with one that the agent migrates first) nothing is expected anywhere.
  const auto reader = sqlite::open_catalog_reader(catalog_path(config));
  for (const StoreConfig& store : config.stores) {
    const std::string name = "store \"" + text::printable(store.id.get()) + "\"";
    findings.push_back(store.type == StoreConfig::Type::local ? check_directory(name, store.path)
                                                              : check_bucket(name, store, config));
    if (reader && store.type == StoreConfig::Type::local)
      if (auto archive = check_archive(name, store, **reader))
        findings.push_back(std::move(*archive));
  }
  return findings;
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
  if (listens) return good(name + ": can be listened on");
  const int error_number = errno;
  const Error error = Error::from_errno(error_number, name + ": cannot listen");
  return bad(error.code, error.message, listen_way_out(error_number, address));
}

Finding check_clock(Timestamp now) {
  using namespace std::chrono;
  const auto year = static_cast<int>(year_month_day(floor<days>(now)).year());
  const std::string text = "clock: " + to_rfc3339(now);
  if (year >= 2025 && year < 2100) return good(text);
  return bad(Errc::invalid, text + " cannot be right: deadlines and TLS depend on it",
             "set it (timedatectl set-ntp true)");
}

Finding check_open_files(const Config& config, std::uint64_t limit) {
  // A transfer holds a connection, a staging file and perhaps a store's file; the rest is
  // databases, listeners, and webhook connections.
  const std::uint64_t needed = std::uint64_t{config.download.concurrency} * 4 + 256;
  const std::string text = "open files: " + std::to_string(limit) + " allowed";
  if (limit >= needed) return good(text);
  return bad(Errc::invalid, text + ", " + std::to_string(needed) + " needed",
             "raise it (ulimit -n, LimitNOFILE= in the unit), or lower [download] concurrency");
}

std::vector<Finding> check_secret_files(const Config& config) {
  std::vector<Finding> findings;
  for (const SecretFile& secret : config.secret_files) {
    const std::string name = secret.key + " " + text::printable(secret.path);
    struct stat status {};
    // Opened as the user that the service runs as: what root may read, the next reload may not.
    const UniqueFd file(::open(secret.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fstat(file.get(), &status) != 0) {
      const Error error = Error::from_errno(errno, name);
      findings.push_back(
          bad(error.code, error.message,
              "the next reload would fail: restore it, or let the service's user read it (0640 "
              "root:reelkeep)"));
    } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      findings.push_back(
          doubtful(name + ": others may change it", "chmod 0640 " + text::printable(secret.path)));
    } else {
      findings.push_back(good(name + ": can be read"));
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
    return bad(loaded.error().code, "[webhook] TLS: " + loaded.error().message,
               "the service's user must be able to read certificate (with its chain) and key");
  return good(name + ": certificate and key fit");
}

std::optional<Finding> check_journal(const Config& config) {
  const std::string path = journal_path(config);
  const auto there = sqlite::file_exists(path);
  if (there && !*there) {
    const auto catalog = sqlite::file_exists(catalog_path(config));
    if (!catalog || !*catalog) return std::nullopt;
    return bad(Errc::not_found,
               "the journal " + text::printable(path) + " is gone, while its catalog is there",
               "put it back before the agent starts: without it the catalog is built anew, from "
               "nothing");
  }
  auto reader = sqlite::open_journal_reader(path);
  if (!reader)
    return bad(reader.error().code, "the journal: " + reader.error().message,
               "restore it from a backup before the agent starts");
  const auto end = (*reader)->end();
  if (!end)
    return bad(end.error().code, "the journal: " + end.error().message,
               "restore it from a backup before the agent starts");
  return good("the journal " + text::printable(path) + ": can be read, " +
              std::to_string(end->cursor.get()) + " rows");
}

std::vector<Finding> check_environment(const Config& config) {
  std::vector<Finding> findings;
  const auto add = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  add(check_state_dir(config));
  add(check_stores(config));
  add(check_staging(config));
  const auto holder = fs::StateLock::holder(config.agent.state_dir);
  if (holder && *holder) {
    findings.push_back(good("an agent runs on " + text::printable(config.agent.state_dir) +
                            (**holder > 0 ? " (pid " + std::to_string(**holder) + ")" : "")));
  } else {
    findings.push_back(check_listen(config.webhook.listen, "[webhook]"));
    findings.push_back(check_listen(config.admin.listen, "[admin]"));
  }
  if (auto journal = check_journal(config)) findings.push_back(std::move(*journal));
  if (auto tls = check_tls(config)) findings.push_back(std::move(*tls));
  add(check_secret_files(config));
  findings.push_back(
      check_clock(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    findings.push_back(check_open_files(config, limit.rlim_cur));
  return findings;
}

}  // namespace reelkeep::daemon
