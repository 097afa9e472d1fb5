#include "fs/archive_root.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <span>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "crypto/secure.hpp"
#include "fs/file_io.hpp"
#include "fs/placing.hpp"

namespace reelkeep::fs {
namespace {

constexpr int k_folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

Error unavailable(std::string message) {
  return Error{Errc::unavailable, std::move(message)};
}

/// As seen from a store: whatever the cause, the place does not work now.
Error place_error(int error_number, const std::string& what) {
  Error error = Error::from_errno(error_number, what);
  if (error.code == Errc::not_found) error.code = Errc::unavailable;
  return error;
}

Error folder_error(int error_number, const std::string& relative) {
  if (error_number == ELOOP || error_number == ENOTDIR || error_number == EXDEV)
    return Error{Errc::conflict, "the archive's folder " + relative +
                                     " is not a directory but a file or a symbolic link, which is "
                                     "never followed: move it away"};
  return Error::from_errno(error_number, "cannot open the archive's folder " + relative);
}

int open_beneath(int root, const std::string& relative) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(k_folder_flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how));
}

/// The id in the marker; empty: there is no marker.
Result<std::string> read_marker(int root, const std::string& path) {
  const std::string name(k_marker_name);
  const UniqueFd file(::openat(root, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT) return std::string();
    return place_error(errno, "cannot open " + path + "/" + name);
  }
  std::array<std::byte, 256> bytes{};
  REELKEEP_ASSIGN(const std::size_t n, read_some(file.get(), 0, bytes, path + "/" + name));
  std::string id(reinterpret_cast<const char*>(bytes.data()), n);
  const std::size_t end = id.find('\n');
  const bool whole = end != std::string::npos && end > 0 &&
                     std::all_of(id.begin(), id.begin() + static_cast<std::ptrdiff_t>(end),
                                 [](char c) { return c > ' ' && c < '\x7f'; });
  if (!whole)
    return unavailable(path + "/" + name +
                       " is damaged: it has to hold one line with the archive's id");
  id.resize(end);
  return id;
}

/// The first entry that no empty archive has; empty: none.
Result<std::string> foreign_entry(int root, const std::string& path,
                                  const std::vector<std::string>& private_names) {
  const int copy = ::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> directory(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!directory) return place_error(errno, "cannot list " + path);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string name = static_cast<const char*>(entry->d_name);
    const bool ours =
        name == "." || name == ".." || name == "lost+found" || name == k_private_area ||
        TempFile::is_temp_name(name) ||
        std::find(private_names.begin(), private_names.end(), name) != private_names.end();
    if (!ours) return name;
  }
  if (errno != 0) return place_error(errno, "cannot list " + path);
  return std::string();
}

Status make_root(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), slash == std::string::npos ? 0750 : 0755) == 0) {
      const std::string parent = part.find_last_of('/') == 0 ? "/" : folder_of(part);
      const UniqueFd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!above) return place_error(errno, "cannot open " + parent);
      REELKEEP_TRY(sync_file(above.get(), parent));
    } else if (errno != EEXIST && slash == std::string::npos) {
      return place_error(errno, "cannot create the archive directory " + path);
    }
    if (slash == std::string::npos) return {};
  }
}

}  // namespace

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string leaf_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

Status check_relative(std::string_view path) {
  constexpr std::size_t k_longest = 4000;
  bool good =
      !path.empty() && path.size() <= k_longest && path.find('\0') == std::string_view::npos;
  for (std::size_t begin = 0; good && begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    good = !part.empty() && part != "." && part != "..";
    begin = end + 1;
  }
  if (good) return {};
  return Error{Errc::invalid, "not a relative path inside an archive: '" + std::string(path) + "'"};
}

ArchiveRoot::ArchiveRoot(std::string path, UniqueFd directory)
    : m_path(std::move(path)), m_directory(std::move(directory)) {}

Result<std::shared_ptr<const ArchiveRoot>> ArchiveRoot::open(
    const std::string& path, const std::string& expected,
    const std::vector<std::string>& private_names) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) {
    if (!expected.empty())
      return unavailable("expected archive " + expected + " at " + path +
                         ", found no such directory: is its filesystem mounted?");
    REELKEEP_TRY(make_root(path));
    directory.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!directory) return place_error(errno, "cannot open the archive directory " + path);
  std::shared_ptr<ArchiveRoot> root(new ArchiveRoot(path, std::move(directory)));
  REELKEEP_TRY(root->adopt(expected, private_names));
  root->m_writes = true;
  REELKEEP_TRY(root->try_writing());
  return std::shared_ptr<const ArchiveRoot>(std::move(root));
}

Result<std::shared_ptr<const ArchiveRoot>> ArchiveRoot::attach(const std::string& path,
                                                               const std::string& expected) {
  if (expected.empty()) return unavailable("no archive was ever made at " + path);
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT)
    return unavailable("expected archive " + expected + " at " + path +
                       ", found no such directory: is its filesystem mounted?");
  if (!directory) return place_error(errno, "cannot open the archive directory " + path);
  std::shared_ptr<ArchiveRoot> root(new ArchiveRoot(path, std::move(directory)));
  REELKEEP_TRY(root->adopt(expected, {}));
  return std::shared_ptr<const ArchiveRoot>(std::move(root));
}

Status ArchiveRoot::adopt(const std::string& expected,
                          const std::vector<std::string>& private_names) {
  REELKEEP_ASSIGN(m_id, read_marker(fd(), m_path));
  if (m_id.empty() && !expected.empty())
    return unavailable("expected archive " + expected + " at " + m_path + ", found no " +
                       std::string(k_marker_name) +
                       " there: mount the archive's filesystem, or restore that file");
  if (m_id.empty()) {
    REELKEEP_TRY(claim(private_names));
    REELKEEP_ASSIGN(m_id, read_marker(fd(), m_path));
  }
  if (!expected.empty() && m_id != expected)
    return unavailable("expected archive " + expected + " at " + m_path + ", found archive " +
                       m_id + ": mount the right filesystem, or correct the store's path");
  return {};
}

Status ArchiveRoot::claim(const std::vector<std::string>& private_names) const {
  REELKEEP_ASSIGN(const std::string foreign, foreign_entry(fd(), m_path, private_names));
  if (!foreign.empty())
    return unavailable("expected an empty directory or an archive at " + m_path + ", found '" +
                       foreign + "' and no " + std::string(k_marker_name) +
                       ": choose another path, or mount the archive's filesystem");
  REELKEEP_ASSIGN(TempFile marker, TempFile::create(fd()));
  const std::string line = random_uuid() + "\n";
  REELKEEP_TRY(write_all(marker.fd(), std::as_bytes(std::span(line)), 0, "the archive's marker"));
  if (::fchmod(marker.fd(), 0440) != 0) return place_error(errno, "cannot protect the marker");
  REELKEEP_TRY(sync_file(marker.fd(), "the archive's marker"));
  REELKEEP_ASSIGN(const Placing placed, place(marker.directory(), marker.name(), fd(),
                                              std::string(k_marker_name), PlaceBy::rename));
  // Taken: another process was first; its marker is read next.
  if (placed == Placing::placed) marker.renamed();
  return sync_file(fd(), m_path);
}

Status ArchiveRoot::try_writing() const {
  REELKEEP_TRY(check_writable(fd(), m_path));
  REELKEEP_ASSIGN(const UniqueFd area, private_area());
  auto probe = TempFile::create(area.get());
  if (probe || probe.error().code == Errc::no_space) return {};
  return probe.error().within("the archive at " + m_path + " cannot be written");
}

Status ArchiveRoot::ready() const {
  struct stat held {};
  struct stat named {};
  if (::fstat(fd(), &held) != 0) return place_error(errno, "cannot look at " + m_path);
  if (::stat(m_path.c_str(), &named) != 0)
    return unavailable("expected archive " + m_id + " at " + m_path +
                       ", found no such directory: is its filesystem mounted?");
  if (held.st_dev != named.st_dev || held.st_ino != named.st_ino)
    return unavailable("expected archive " + m_id + " at " + m_path +
                       ", found another directory there: is its filesystem mounted?");
  REELKEEP_ASSIGN(const std::string found, read_marker(fd(), m_path));
  if (found != m_id)
    return unavailable("expected archive " + m_id + " at " + m_path + ", found " +
                       (found.empty() ? "no " + std::string(k_marker_name) : "archive " + found) +
                       " there: restore that file");
  return m_writes ? check_writable(fd(), m_path) : Status();
}

Result<UniqueFd> ArchiveRoot::open_folder(const std::string& relative) const {
  if (relative.empty()) return UniqueFd(::fcntl(fd(), F_DUPFD_CLOEXEC, 0));
  REELKEEP_TRY(check_relative(relative));
  UniqueFd folder(open_beneath(fd(), relative));
  if (folder) return folder;
  if (errno != ENOSYS && errno != EPERM) return folder_error(errno, relative);
  // Without openat2 (old container runtimes): the same, part by part.
  folder.reset(::fcntl(fd(), F_DUPFD_CLOEXEC, 0));
  for (std::size_t begin = 0; begin < relative.size();) {
    const std::size_t end = std::min(relative.find('/', begin), relative.size());
    const std::string part = relative.substr(begin, end - begin);
    folder.reset(::openat(folder.get(), part.c_str(), k_folder_flags));
    if (!folder) return folder_error(errno, relative);
    begin = end + 1;
  }
  return folder;
}

Result<UniqueFd> ArchiveRoot::make_folder(const std::string& relative,
                                          std::vector<std::string>& created) const {
  auto there = open_folder(relative);
  if (there || there.error().code != Errc::not_found) return there;
  REELKEEP_ASSIGN(const UniqueFd above, make_folder(folder_of(relative), created));
  const std::string leaf = leaf_of(relative);
  const bool made = ::mkdirat(above.get(), leaf.c_str(), 0750) == 0;
  if (!made && errno != EEXIST)
    return place_error(errno, "cannot create the archive's folder " + relative);
  REELKEEP_ASSIGN(UniqueFd folder, open_folder(relative));
  if (made) {
    created.push_back(relative);
    struct stat status {};
    // Whatever the umask: an archive that its group cannot read is of no use to it.
    if (::fstat(folder.get(), &status) == 0)
      (void)!::fchmod(folder.get(), (status.st_mode & S_ISGID) | 0750U);
  }
  return folder;
}

Result<UniqueFd> ArchiveRoot::private_area() const {
  const std::string name(k_private_area);
  if (::mkdirat(fd(), name.c_str(), 0700) == 0)
    REELKEEP_TRY(sync_file(fd(), m_path));
  else if (errno != EEXIST)
    return place_error(errno, "cannot create " + m_path + "/" + name);
  return open_folder(name);
}

}  // namespace reelkeep::fs
