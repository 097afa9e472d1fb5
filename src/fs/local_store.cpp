#include "fs/local_store.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "fs/archive_root.hpp"
#include "fs/file_io.hpp"
#include "fs/manifest.hpp"
#include "fs/space.hpp"

namespace reelkeep::fs {
namespace {

/// Files of one batch that are held open at a time.
constexpr std::size_t k_open_files = 64;

/// Without symbolic links being resolved: the operator's path is shown as it is written.
std::string absolute_path(const std::string& path) {
  std::error_code failure;
  std::string absolute = std::filesystem::absolute(path, failure).lexically_normal().string();
  if (failure) absolute = path;
  while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute;
}

/// The first part of `inner` below `outer`; nothing when it is elsewhere.
std::vector<std::string> first_part_below(const std::string& inner, const std::string& outer) {
  if (inner.empty()) return {};
  const std::string absolute = absolute_path(inner);
  if (!absolute.starts_with(outer + "/")) return {};
  const std::string rest = absolute.substr(outer.size() + 1);
  return {rest.substr(0, rest.find('/'))};
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// Temporary files of processes that were killed. Ours may be in use by another worker.
void remove_leftovers(const ArchiveRoot& root) {
  auto area = root.private_area();
  if (!area) return;
  const int copy = ::openat(area->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> directory(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!directory) return;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (TempFile::is_temp_name(name) && !TempFile::is_own_name(name))
      ::unlinkat(area->get(), name.c_str(), 0);
  }
}

class LocalStore final : public Store {
 public:
  LocalStore(StoreId id, const std::string& root, LocalStoreOptions options)
      : m_id(std::move(id)),
        m_path(absolute_path(root)),
        m_options(std::move(options)),
        m_private_names(first_part_below(m_options.staging_dir, m_path)) {}

  [[nodiscard]] const StoreId& id() const override { return m_id; }

  Result<std::string> open(const std::string& expected_root) override {
    auto opened = ArchiveRoot::open(m_path, expected_root, m_private_names);
    if (!opened) return opened.error();
    remove_leftovers(**opened);
    const std::lock_guard lock(m_mutex);
    m_root = *opened;
    return m_root->id();
  }

  Status attach(const std::string& expected_root) override {
    auto attached = ArchiveRoot::attach(m_path, expected_root);
    if (!attached) return attached.error();
    const std::lock_guard lock(m_mutex);
    m_root = *attached;
    return {};
  }

  Status ready() override {
    auto root = checked_root();
    if (!root) return root.error();
    return {};
  }

  std::vector<Result<Placed>> put(std::span<const PutRequest> requests) override {
    std::vector<Result<Placed>> results;
    while (!requests.empty()) {
      const auto part = requests.first(std::min(requests.size(), k_open_files));
      requests = requests.subspan(part.size());
      auto root = checked_root();
      if (!root) {
        results.insert(results.end(), part.size(), Result<Placed>(root.error()));
        continue;
      }
      const PublishContext context{
          **root,           m_private_names, m_options.file_mode, m_options.place_by,
          m_manifest_turns, m_settled};
      for (Result<Placed>& result : publish(context, part)) {
        if (result) result->location = location(result->path);
        results.push_back(std::move(result));
      }
    }
    return results;
  }

  Result<Inspection> inspect(const std::string& path, ByteCount size, const Digest& digest,
                             Depth depth, const ReadSink& sink) override {
    REELKEEP_TRY(check_relative(path));
    REELKEEP_ASSIGN(const auto root, checked_root());
    REELKEEP_ASSIGN(Inspection seen, look(*root, path, size, digest, depth, sink));
    // What is not there because the whole archive went away meanwhile is not missing.
    if (seen.found != Inspection::Found::good) REELKEEP_TRY(ready());
    return seen;
  }

  Status read(const std::string& path, const ReadSink& sink) override {
    REELKEEP_TRY(check_relative(path));
    REELKEEP_ASSIGN(const auto root, checked_root());
    auto opened = open_file(*root, path);
    if (!opened && opened.error().code == Errc::not_found) {
      REELKEEP_TRY(ready());
      return Error{Errc::corrupt, opened.error().message};
    }
    if (!opened) return opened.error();
    REELKEEP_TRY(read_back(opened->get(), Origin::medium, location(path), sink));
    return {};
  }

  Status remove(const std::string& path) override {
    REELKEEP_TRY(check_relative(path));
    if (is_reserved_folder(path, m_private_names) || is_reserved_leaf(leaf_of(path)))
      return Error{Errc::invalid, "not a published file: " + path};
    REELKEEP_ASSIGN(const auto root, checked_root());
    REELKEEP_ASSIGN(const UniqueFd area, root->private_area());
    // The line goes first: a manifest never names a file that is not there. Which of the folders
    // above has it is the layout's business, so all are asked.
    for (std::string folder = folder_of(path);; folder = folder_of(folder)) {
      const Turns::Turn turn(m_manifest_turns, folder);
      auto opened = root->open_folder(folder);
      if (opened)
        REELKEEP_TRY(remove_from_manifest(opened->get(), area.get(),
                                          path.substr(folder.empty() ? 0 : folder.size() + 1)));
      else if (opened.error().code != Errc::not_found)
        return opened.error();
      if (folder.empty()) break;
    }
    auto folder = root->open_folder(folder_of(path));
    if (!folder && folder.error().code == Errc::not_found) return {};
    if (!folder) return folder.error();
    if (::unlinkat(folder->get(), leaf_of(path).c_str(), 0) != 0 && errno != ENOENT)
      return Error::from_errno(errno, "cannot remove " + location(path));
    return sync_file(folder->get(), "the folder of " + location(path));
  }

  [[nodiscard]] std::string location(const std::string& path) const override {
    return (m_path == "/" ? "" : m_path) + "/" + path;
  }

  Result<ByteCount> free_space() override {
    REELKEEP_ASSIGN(const auto root, checked_root());
    return free_bytes(root->fd());
  }

 private:
  // Shared, because a worker goes on with the root that it began with while open() exchanges it.
  using Root = std::shared_ptr<const ArchiveRoot>;

  Result<Root> checked_root() const {
    Root root;
    {
      const std::lock_guard lock(m_mutex);
      root = m_root;
    }
    if (!root) return Error{Errc::unavailable, "it is not open"};
    REELKEEP_TRY(root->ready());
    return root;
  }

  /// Errc::not_found: it is not there. Errc::corrupt: something else is in its place.
  static Result<UniqueFd> open_file(const ArchiveRoot& root, const std::string& path) {
    auto folder = root.open_folder(folder_of(path));
    if (!folder && folder.error().code == Errc::not_found)
      return Error{Errc::not_found, "its folder does not exist"};
    if (!folder && folder.error().code == Errc::conflict)
      return Error{Errc::corrupt, folder.error().message};
    if (!folder) return folder.error();
    UniqueFd file(::openat(folder->get(), leaf_of(path).c_str(),
                           O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno == ENOENT) return Error{Errc::not_found, "it does not exist"};
    if (!file && errno == ELOOP)
      return Error{Errc::corrupt, "it is a symbolic link instead of a file"};
    if (!file) return Error::from_errno(errno, "cannot open " + path);
    return file;
  }

  static Result<Inspection> look(const ArchiveRoot& root, const std::string& path, ByteCount size,
                                 const Digest& digest, Depth depth, const ReadSink& sink) {
    using Found = Inspection::Found;
    auto opened = open_file(root, path);
    if (!opened && opened.error().code == Errc::not_found)
      return Inspection{Found::missing, opened.error().message};
    if (!opened && opened.error().code == Errc::corrupt)
      return Inspection{Found::corrupt, opened.error().message};
    if (!opened) return opened.error();
    const UniqueFd file = std::move(*opened);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at " + path);
    if (!S_ISREG(status.st_mode)) return Inspection{Found::corrupt, "it is not a file"};
    if (static_cast<std::uint64_t>(status.st_size) != size.get())
      return Inspection{Found::corrupt, "it has " + std::to_string(status.st_size) +
                                            " bytes instead of " + std::to_string(size.get())};
    if (depth == Depth::quick) return Inspection{};
    auto bytes = read_back(file.get(), Origin::medium, path, sink);
    if (!bytes && bytes.error().code == Errc::corrupt)
      return Inspection{Found::corrupt, bytes.error().message};
    if (!bytes) return bytes.error();
    if (bytes->digest == digest && bytes->size == size) return Inspection{};
    return Inspection{Found::corrupt,
                      "its SHA-256 is " + bytes->digest.hex() + " instead of " + digest.hex()};
  }

  // Constant after construction.
  const StoreId m_id;
  const std::string m_path;
  const LocalStoreOptions m_options;
  const std::vector<std::string> m_private_names;

  Turns m_manifest_turns;
  SettledFolders m_settled;

  mutable std::mutex m_mutex;
  Root m_root;  // guarded by m_mutex
};

}  // namespace

std::unique_ptr<Store> make_local_store(StoreId id, const std::string& root,
                                        LocalStoreOptions options) {
  return std::make_unique<LocalStore>(std::move(id), root, std::move(options));
}

}  // namespace reelkeep::fs
