#include "sqlite/place.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::sqlite {

namespace {

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool is_network_filesystem(unsigned long type) noexcept {
  // statfs(2); f_type is a signed 32-bit value on some architectures.
  switch (static_cast<std::uint32_t>(type)) {
    case 0x6969U:      // NFS
    case 0x517BU:      // SMB
    case 0xFF534D42U:  // CIFS
    case 0xFE534D42U:  // SMB2
    case 0x564CU:      // NCP
    case 0x5346414FU:  // AFS
    case 0x73757245U:  // Coda
      return true;
    default:
      return false;
  }
}

Status check_filesystem(const std::string& path) {
  const std::string folder = folder_of(path);
  struct statfs found {};
  if (::statfs(folder.c_str(), &found) != 0) {
    return Error::from_errno(errno, fmt::format("cannot look at {}", folder));
  }
  if (is_network_filesystem(static_cast<unsigned long>(found.f_type))) {
    return Error{Errc::invalid,
                 fmt::format("{} is on a network filesystem, where SQLite files get damaged: "
                             "choose a state_dir on a local disk",
                             folder)};
  }
  return {};
}

Result<bool> file_exists(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return false;
    return Error::from_errno(errno, fmt::format("cannot look at {}", path));
  }
  if (!S_ISREG(found.st_mode)) {
    return Error{Errc::invalid, fmt::format("{} is not a regular file", path)};
  }
  return true;
}

Status create_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    if (errno == EEXIST) return {};  // another process was faster
    return Error::from_errno(errno, fmt::format("cannot create {}", path));
  }
  return sync_folder(path);
}

Status sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return Error::from_errno(errno, fmt::format("cannot sync {}", folder));
  }
  return {};
}

Status make_private(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return Error::from_errno(errno, fmt::format("cannot look at {}", path));
  }
  const bool ours = found.st_uid == ::geteuid() || ::geteuid() == 0;
  if ((found.st_mode & 077U) == 0 || !ours) return {};
  if (::chmod(path.c_str(), found.st_mode & 0700U) != 0) {
    return Error::from_errno(errno, fmt::format("cannot protect {}", path));
  }
  return {};
}

}  // namespace reelkeep::sqlite
