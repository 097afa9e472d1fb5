#include "fs/space.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::fs {
namespace {

struct Magic {
  unsigned long number;
  std::string_view name;
};

// From linux/magic.h and the filesystems' own sources.
constexpr std::array k_network_magics{
    Magic{0x6969, "nfs"},      Magic{0x517B, "smb"},        Magic{0xFF534D42, "cifs"},
    Magic{0xFE534D42, "smb2"}, Magic{0x5346414F, "afs"},    Magic{0x00C36400, "ceph"},
    Magic{0x01021997, "9p"},   Magic{0x0BD00BD0, "lustre"}, Magic{0x47504653, "gpfs"},
    Magic{0x73757245, "coda"}, Magic{0x564C, "ncp"},
};
constexpr unsigned long k_fuse_magic = 0x65735546;
constexpr std::array<std::string_view, 8> k_network_fuse{
    "fuse.sshfs", "fuse.rclone",   "fuse.s3fs",      "fuse.glusterfs",
    "fuse.ceph",  "fuse.smbnetfs", "fuse.curlftpfs", "fuse.davfs"};

// Lines of mountinfo: "36 35 98:0 /root /mount/point options ... - type source options".
std::string mounted_type(dev_t device) {
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string wanted = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string numbers;
    words >> id >> parent >> numbers;
    const std::size_t dash = line.find(" - ");
    if (numbers != wanted || dash == std::string::npos) continue;
    const std::size_t begin = dash + 3;
    return line.substr(begin, line.find(' ', begin) - begin);
  }
  return {};
}

ByteCount available(const struct statvfs& status) {
  return ByteCount(std::uint64_t{status.f_bavail} * status.f_frsize);
}

}  // namespace

Result<ByteCount> free_bytes(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0)
    return Error::from_errno(errno, "cannot ask for the free space of " + path);
  return available(status);
}

Result<ByteCount> free_bytes(int fd) {
  struct statvfs status {};
  if (::fstatvfs(fd, &status) != 0) return Error::from_errno(errno, "cannot ask for free space");
  return available(status);
}

std::string network_filesystem_name(unsigned long magic, const std::string& fuse_type) {
  for (const Magic& known : k_network_magics)
    if (known.number == magic) return std::string(known.name);
  if (magic == k_fuse_magic)
    for (const std::string_view known : k_network_fuse)
      if (known == fuse_type) return fuse_type;
  return {};
}

Result<std::string> network_filesystem(const std::string& path) {
  struct statfs kind {};
  struct stat status {};
  if (::statfs(path.c_str(), &kind) != 0 || ::stat(path.c_str(), &status) != 0)
    return Error::from_errno(errno, "cannot look at the filesystem of " + path);
  const auto magic = static_cast<unsigned long>(kind.f_type) & 0xFFFFFFFFUL;
  return network_filesystem_name(magic, magic == k_fuse_magic ? mounted_type(status.st_dev) : "");
}

}  // namespace reelkeep::fs
