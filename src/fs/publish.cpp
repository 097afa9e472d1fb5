#include "fs/publish.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

#include "fs/crash_point.hpp"
#include "fs/file_io.hpp"
#include "fs/manifest.hpp"

namespace reelkeep::fs {
namespace {

constexpr int k_most_names = 100;

/// A folder of the archive, held open until the batch is done: a session's files share it.
struct Folder {
  UniqueFd fd;
  dev_t device;
  ino_t inode;
};

/// One request on its way. Once `error` is set the later steps leave it alone.
struct Item {
  const PutRequest* request = nullptr;
  std::optional<Error> error;
  std::string folder;              // relative
  const Folder* target = nullptr;  // that folder
  UniqueFd staged;                 // invalid: gone, an earlier run took it
  UniqueFd found;                  // the same bytes, already in place
  std::optional<TempFile> copy;
  int name_number = 0;  // which of the candidate names is tried next
  Placed placed;
};

/// wanted, wanted~suffix, wanted~suffix-2, ...
std::string candidate(const PutRequest& request, int number) {
  if (number == 0) return request.path;
  const std::string suffix = request.suffix.empty() ? "~copy" : request.suffix;
  const std::string leaf = with_suffix(
      leaf_of(request.path), number == 1 ? suffix : suffix + "-" + std::to_string(number));
  const std::string folder = folder_of(request.path);
  return folder.empty() ? leaf : folder + "/" + leaf;
}

class Batch {
 public:
  Batch(const PublishContext& context, std::span<const PutRequest> requests)
      : m_context(context), m_items(requests.size()) {
    for (std::size_t i = 0; i < requests.size(); ++i) m_items[i].request = &requests[i];
  }

  std::vector<Result<Placed>> run() {
    if (auto area = m_context.root.private_area())
      m_area = std::move(*area);
    else
      for (Item& item : m_items) item.error = area.error();
    each([this](Item& item) { return admit(item); });
    each([this](Item& item) { return prepare(item); });
    each([this](Item& item) { return sync_bytes(item); });
    each([this](Item& item) { return give_name(item); });
    sync_folders();
    crash_point("publish.after_dirsync");
    write_manifests();
    each([this](Item& item) { return finish(item); });
    std::vector<Result<Placed>> results;
    for (Item& item : m_items) {
      if (!item.error)
        results.emplace_back(std::move(item.placed));
      else
        results.emplace_back(failure_of(item));
    }
    return results;
  }

 private:
  template <class Step>
  void each(Step step) {
    for (Item& item : m_items) {
      if (item.error) continue;
      if (Status status = step(item); !status) item.error = status.error();
    }
  }

  Error failure_of(const Item& item) const {
    Error error = item.error->within("cannot archive " + item.request->path);
    // A vanished path is no proof that anything is absent: the archive changed under our hands.
    if (error.code == Errc::not_found) error.code = Errc::unavailable;
    // Once the bytes are in place, trouble with a folder or the manifest says nothing about them.
    if (error.code == Errc::corrupt && !item.placed.path.empty()) error.code = Errc::unavailable;
    return error;
  }

  Status admit(Item& item) {
    const PutRequest& request = *item.request;
    REELKEEP_TRY(check_relative(request.path));
    item.folder = folder_of(request.path);
    const std::string& manifest = request.manifest_dir;
    if (!manifest.empty() && item.folder != manifest && !item.folder.starts_with(manifest + "/"))
      return Error{Errc::invalid, "the manifest's folder " + manifest + " does not hold it"};
    if (is_reserved_folder(request.path, m_context.private_names))
      return Error{Errc::invalid, "the archive keeps that name for itself"};
    return {};
  }

  Result<const Folder*> make_folder(const std::string& path) {
    if (const auto held = m_folders.find(path); held != m_folders.end()) return &held->second;
    std::vector<std::string> created;
    auto made = m_context.root.make_folder(path, created);
    for (const std::string& folder : created) {
      m_context.settled.forget(folder);
      m_created.insert(folder);
    }
    return hold(path, std::move(made));
  }

  Result<const Folder*> open_folder(const std::string& path) {
    if (const auto held = m_folders.find(path); held != m_folders.end()) return &held->second;
    return hold(path, m_context.root.open_folder(path));
  }

  Result<const Folder*> hold(const std::string& path, Result<UniqueFd> opened) {
    if (!opened) return opened.error();
    struct stat status {};
    if (::fstat(opened->get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at the folder " + path);
    return &m_folders.emplace(path, Folder{std::move(*opened), status.st_dev, status.st_ino})
                .first->second;
  }

  Status prepare(Item& item) {
    const PutRequest& request = *item.request;
    REELKEEP_ASSIGN(item.target, make_folder(item.folder));
    REELKEEP_TRY(find_name(item));
    item.staged.reset(::open(request.staged.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!item.staged && errno != ENOENT)
      return Error::from_errno(errno, "cannot open " + request.staged);
    if (item.found) return start_writeback(item);
    if (!item.staged)
      return Error{Errc::corrupt, "the complete bytes are gone from staging (" + request.staged +
                                      "): they have to be fetched again"};
    struct stat status {};
    if (::fstat(item.staged.get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at " + request.staged);
    if (!S_ISREG(status.st_mode) ||
        static_cast<std::uint64_t>(status.st_size) != request.size.get())
      return Error{Errc::corrupt, request.staged + " has " + std::to_string(status.st_size) +
                                      " bytes instead of " + std::to_string(request.size.get())};
    if (request.disposition == Staged::keep || status.st_dev != item.target->device)
      return copy_into(item, m_area.get());
    if (::fchmod(item.staged.get(), m_context.file_mode) != 0)
      return Error::from_errno(errno, "cannot make " + request.staged + " read-only");
    return start_writeback(item);
  }

  /// The first candidate that is free, or that has these bytes already.
  Status find_name(Item& item) {
    const PutRequest& request = *item.request;
    for (; item.name_number < k_most_names; ++item.name_number) {
      const std::string path = candidate(request, item.name_number);
      const std::string leaf = leaf_of(path);
      if (is_reserved_leaf(leaf)) continue;
      struct stat status {};
      if (::fstatat(item.target->fd.get(), leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return {};
        return Error::from_errno(errno, "cannot look at " + path);
      }
      if (!S_ISREG(status.st_mode) ||
          static_cast<std::uint64_t>(status.st_size) != request.size.get())
        continue;
      UniqueFd file(::openat(item.target->fd.get(), leaf.c_str(),
                             O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (!file) return Error::from_errno(errno, "cannot open " + path);
      auto bytes = read_back(file.get(), Origin::cache, path);
      if (!bytes && bytes.error().code != Errc::corrupt) return bytes.error();
      if (!bytes || bytes->size != request.size || bytes->digest != request.digest) continue;
      (void)!::fchmod(file.get(), m_context.file_mode);
      item.found = std::move(file);
      item.placed = Placed{path, {}, true};
      return {};
    }
    return Error{Errc::conflict, "other files have this name and " + std::to_string(k_most_names) +
                                     " names like it"};
  }

  Status copy_into(Item& item, int area) {
    const PutRequest& request = *item.request;
    REELKEEP_ASSIGN(TempFile temp, TempFile::create(area));
    REELKEEP_ASSIGN(const ReadBack copied,
                    copy_hashed(item.staged.get(), temp.fd(), request.staged));
    if (copied.size != request.size || copied.digest != request.digest)
      return Error{Errc::corrupt, request.staged + " does not have the bytes that were received " +
                                      "(SHA-256 " + copied.digest.hex() + " instead of " +
                                      request.digest.hex() + ")"};
    if (::fchmod(temp.fd(), m_context.file_mode) != 0)
      return Error::from_errno(errno, "cannot make the copy read-only");
    item.copy.emplace(std::move(temp));
    return start_writeback(item);
  }

  /// All files of the batch are on their way to the disk before the first is waited for.
  static Status start_writeback(const Item& item) {
    return or_lost(item, WriteBack::start(fd_of(item), 0, 0, item.request->path));
  }

  static Status sync_bytes(const Item& item) {
    const Status synced = sync_file(fd_of(item), item.request->path);
    crash_point("publish.after_filesync");
    return or_lost(item, synced);
  }

  static int fd_of(const Item& item) {
    return item.found ? item.found.get() : item.copy ? item.copy->fd() : item.staged.get();
  }

  static Status or_lost(const Item& item, const Status& status) {
    if (status || item.copy || item.found) return status;
    // The kernel reports a lost write once only: trying again would "succeed".
    Error error = status.error();
    error.code = error.code == Errc::no_space ? Errc::no_space : Errc::corrupt;
    error.message += "; the bytes have to be fetched again";
    return error;
  }

  Status give_name(Item& item) {
    if (item.found) return {};
    crash_point("publish.before_rename");
    while (item.name_number < k_most_names) {
      const std::string path = candidate(*item.request, item.name_number);
      const bool copied = item.copy.has_value();
      REELKEEP_ASSIGN(const Placing placing,
                      place(copied ? item.copy->directory() : AT_FDCWD,
                            copied ? item.copy->name() : item.request->staged,
                            item.target->fd.get(), leaf_of(path), m_context.place_by));
      switch (placing) {
        case Placing::placed:
          if (copied) item.copy->renamed();
          item.placed = Placed{path, {}, false};
          crash_point("publish.after_rename");
          return {};
        case Placing::taken:
          REELKEEP_TRY(find_name(item));
          if (item.found) return sync_bytes(item);
          break;
        case Placing::other_filesystem:
          // The folder is a mount of its own: by a copy beside the target.
          if (copied && item.copy->directory() == item.target->fd.get())
            return Error{Errc::unavailable, "it cannot be renamed within its own folder"};
          REELKEEP_TRY(copy_into(item, item.target->fd.get()));
          REELKEEP_TRY(sync_bytes(item));
          break;
      }
    }
    return Error{Errc::conflict, "no free name like it"};
  }

  /// The folder of each file, and every parent whose own name may not be on the medium yet.
  void sync_folders() {
    std::map<std::string, std::optional<Error>> done;
    for (Item& item : m_items) {
      if (item.error) continue;
      std::string folder = item.folder;
      for (;;) {
        // `folder` has to be synced for its own entries: the file, or a child that is not settled.
        auto known = done.find(folder);
        if (known == done.end()) known = done.emplace(folder, sync_folder(folder)).first;
        if (known->second && !item.error) item.error = known->second;
        if (folder.empty() || item.error) break;
        if (!m_created.contains(folder) && m_context.settled.has(folder)) break;
        folder = folder_of(folder);
      }
      if (!item.error)
        for (std::string settled = item.folder; !settled.empty(); settled = folder_of(settled))
          m_context.settled.add(settled);
    }
  }

  std::optional<Error> sync_folder(const std::string& folder) {
    auto opened = open_folder(folder);
    if (!opened) return opened.error();
    auto synced = sync_file((*opened)->fd.get(), "the folder " + folder);
    if (!synced) return synced.error();
    // The outcome will say where the files are: they have to be there, not where somebody moved
    // their folder meanwhile.
    auto named = m_context.root.open_folder(folder);
    if (!named) return named.error();
    struct stat status {};
    if (::fstat(named->get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at the folder " + folder);
    if (status.st_dev != (*opened)->device || status.st_ino != (*opened)->inode)
      return Error{Errc::unavailable, "the folder " + folder + " was replaced meanwhile"};
    return std::nullopt;
  }

  void write_manifests() {
    std::map<std::string, std::vector<Item*>> folders;
    for (Item& item : m_items)
      if (!item.error) folders[item.request->manifest_dir].push_back(&item);
    if (!folders.empty()) crash_point("publish.before_manifest");
    for (const auto& [folder, items] : folders) {
      const std::size_t cut = folder.empty() ? 0 : folder.size() + 1;
      std::vector<ManifestLine> lines;
      std::vector<ManifestLine> untrue;
      for (const Item* item : items) {
        const PutRequest& request = *item->request;
        lines.push_back(ManifestLine{item->placed.path.substr(cut), request.digest});
        // The names before it hold something else. A line that says otherwise is of a file that
        // went bad: it stays where it is, and these bytes stand in for it.
        for (int number = 0; number < item->name_number; ++number)
          untrue.push_back(ManifestLine{candidate(request, number).substr(cut), request.digest});
      }
      if (auto written = write_manifest(folder, lines, untrue); !written)
        for (Item* item : items) item->error = written.error();
    }
    if (!folders.empty()) crash_point("publish.after_manifest");
  }

  Status write_manifest(const std::string& folder, std::span<const ManifestLine> lines,
                        std::span<const ManifestLine> untrue) {
    const Turns::Turn turn(m_context.manifest_turns, folder);
    REELKEEP_ASSIGN(const Folder* const opened, open_folder(folder));
    return add_to_manifest(opened->fd.get(), m_area.get(), lines, untrue);
  }

  Status finish(Item& item) {
    const PutRequest& request = *item.request;
    const bool left = item.copy || item.placed.was_there;
    if (request.disposition == Staged::take && left && ::unlink(request.staged.c_str()) != 0 &&
        errno != ENOENT)
      return Error::from_errno(errno, "archived, but cannot remove " + request.staged);
    return {};
  }

  const PublishContext& m_context;
  UniqueFd m_area;
  std::map<std::string, Folder> m_folders;  ///< by their paths in the archive
  std::vector<Item> m_items;
  std::set<std::string> m_created;
};

}  // namespace

std::vector<Result<Placed>> publish(const PublishContext& context,
                                    std::span<const PutRequest> requests) {
  return Batch(context, requests).run();
}

bool is_reserved_folder(const std::string& path, const std::vector<std::string>& private_names) {
  const std::string first = text::lower(path.substr(0, path.find('/')));
  return first == k_marker_name || first == k_private_area || first == "lost+found" ||
         TempFile::is_temp_name(first) ||
         std::any_of(private_names.begin(), private_names.end(),
                     [&](const std::string& name) { return text::lower(name) == first; });
}

bool is_reserved_leaf(const std::string& leaf) {
  return text::lower(leaf) == k_manifest_name;
}

}  // namespace reelkeep::fs
