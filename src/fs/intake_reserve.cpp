#include "fs/intake_reserve.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::fs {

IntakeReserve::IntakeReserve(const std::string& state_dir, ByteCount size)
    : m_path(state_dir + "/intake-reserve"), m_size(size) {}

bool IntakeReserve::held() const {
  struct stat status {};
  return ::stat(m_path.c_str(), &status) == 0 &&
         static_cast<std::uint64_t>(status.st_size) == m_size.get();
}

bool IntakeReserve::release() {
  return ::unlink(m_path.c_str()) == 0;
}

Status IntakeReserve::ensure() {
  if (m_size == ByteCount()) {
    release();
    return {};
  }
  if (held()) return {};
  release();  // of another size
  // Filled under another name, so that the name says that it is whole. Two at once, or one left by
  // a killed process, end in one reserve: each has its own descriptor and the rename replaces.
  const std::string growing = m_path + ".new";
  ::unlink(growing.c_str());
  const UniqueFd file(::open(growing.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return Error::from_errno(errno, "cannot create " + growing);
  const int failure = ::posix_fallocate(file.get(), 0, static_cast<off_t>(m_size.get()));
  if (failure != 0) {
    ::unlink(growing.c_str());
    return Error::from_errno(
        failure, "cannot keep " + to_string(m_size) + " back for the intake in " + m_path);
  }
  if (::rename(growing.c_str(), m_path.c_str()) != 0 && errno != ENOENT)
    return Error::from_errno(errno, "cannot rename " + growing);
  return {};
}

}  // namespace reelkeep::fs
