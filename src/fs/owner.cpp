#include "fs/owner.hpp"

#include <cerrno>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace reelkeep::fs {
namespace {

/// All groups of the user; only `group` when nobody knows the user by name.
std::vector<gid_t> groups_of(uid_t user, gid_t group) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {group};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgrouplist(found->pw_name, group, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(found->pw_name, group, groups.data(), &count) < 0) return {group};
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Status act_as_owner_of(const std::string& path) {
  if (::geteuid() != 0) return {};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, "cannot see who owns " + path);
  }
  if (status.st_uid == 0) return {};
  const std::vector<gid_t> groups = groups_of(status.st_uid, status.st_gid);
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setegid(status.st_gid) != 0 ||
      ::seteuid(status.st_uid) != 0)
    return Error::from_errno(errno, "cannot act as the owner of " + path + " (user id " +
                                        std::to_string(status.st_uid) + ")");
  return {};
}

}  // namespace reelkeep::fs
