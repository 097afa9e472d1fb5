// check: the directories and stores that the agent writes to.
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "curl/http_client.hpp"
#include "daemon/check.hpp"
#include "daemon/runtime.hpp"
#include "daemon/s3_places.hpp"
#include "fs/archive_root.hpp"
#include "fs/space.hpp"
#include "sqlite/catalog.hpp"

namespace reelkeep::daemon {
namespace {

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
    return Finding::bad(error.code, error.message, "make it, or mend the path");
  }
  if (!S_ISDIR(status.st_mode))
    return Finding::bad(Errc::invalid, name + ": " + text::printable(place) + " is not a directory",
                        "move it away, or choose another path");
  if (const Status written = try_to_write(place); !written)
    return Finding::bad(
        written.error().code, name + ": " + written.error().message,
        "the user that runs reelkeep must own it (chown reelkeep), its filesystem must be mounted "
        "read-write, and under systemd the unit must allow it (ReadWritePaths)");
  return Finding::good(name + (place == path ? ": can be written" : ": will be made"));
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
    return Finding::bad(listed.error().code,
                        name + " " + text::printable(place) + ": " + listed.error().message, "");
  return Finding::good(name + " " + text::printable(place) + ": can be read");
}

std::optional<dev_t> device_of(const std::string& path) {
  struct stat status {};
  if (::stat(existing(path).c_str(), &status) != 0) return std::nullopt;
  return status.st_dev;
}

Finding check_free_space(const std::string& what, const std::string& path, ByteCount least,
                         const std::string& consequence) {
  const auto space = fs::free_bytes(existing(path));
  if (!space) return Finding::bad(space.error().code, what + ": " + space.error().message, "");
  if (*space < least)
    return Finding::bad(
        Errc::no_space,
        what + ": " + to_string(*space) + " free, " + to_string(least) + " needed: " + consequence,
        "make room, or use another filesystem");
  return Finding::good(what + ": " + to_string(*space) + " free");
}

}  // namespace

std::vector<Finding> check_state_dir(const Config& config) {
  const std::string& path = config.agent.state_dir;
  std::vector<Finding> findings{check_directory("state directory", path)};
  if (findings.back().severity == Finding::Severity::error) return findings;

  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    findings.push_back(Finding::doubtful(
        "state directory " + text::printable(path) + ": other users may look into it",
        "chmod 0700 " + text::printable(path)));
  const auto network = fs::network_filesystem(existing(path));
  if (!network)
    findings.push_back(Finding::bad(network.error().code, network.error().message, ""));
  else if (!network->empty())
    findings.push_back(
        Finding::bad(Errc::invalid,
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
      findings.push_back(Finding::doubtful(
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
  if (!found)
    return Finding::bad(found.error().code, name + ": the catalog: " + found.error().message, "");
  if (found->empty()) return std::nullopt;
  if (const auto root = fs::ArchiveRoot::attach(store.path, *found); !root)
    return Finding::bad(root.error().code, name + ": " + text::printable(root.error().message),
                        "the agent writes nothing there before that");
  return Finding::good(name + ": archive " + *found + " is there");
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

}  // namespace reelkeep::daemon
