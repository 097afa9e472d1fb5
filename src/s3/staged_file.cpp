#include "s3/staged_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reelkeep::s3 {

Result<StagedFile> StagedFile::open(const std::string& path, ByteCount size) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT)
    return Error{Errc::corrupt, "the complete bytes are gone from staging (" + path +
                                    "): they have to be fetched again"};
  if (!file) return Error::from_errno(errno, "cannot open " + path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Error::from_errno(errno, "cannot look at " + path);
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size.get())
    return Error{Errc::corrupt, path + " has " + std::to_string(status.st_size) +
                                    " bytes instead of " + std::to_string(size.get())};
  return StagedFile(path, std::move(file), size);
}

Result<std::size_t> StagedFile::read_at(ByteCount offset, std::span<std::byte> into) const {
  for (;;) {
    const ssize_t got =
        ::pread(m_file.get(), into.data(), into.size(), static_cast<off_t>(offset.get()));
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0)
      return Error{Errc::corrupt,
                   m_path + " became shorter than " + std::to_string(m_size.get()) + " bytes"};
    if (errno != EINTR) return Error::from_errno(errno, "cannot read " + m_path);
  }
}

Status StagedFile::read_through(
    ByteCount offset, ByteCount length, std::span<std::byte> buffer,
    const std::function<bool()>& stop,
    const std::function<void(std::span<const std::byte>)>& taker) const {
  while (length.get() > 0) {
    if (stop()) return Error{Errc::cancelled, "stopped"};
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(length.get(), buffer.size()));
    REELKEEP_ASSIGN(const std::size_t got, read_at(offset, buffer.first(most)));
    taker(buffer.first(got));
    offset += ByteCount(got);
    length = length - ByteCount(got);
  }
  return {};
}

}  // namespace reelkeep::s3
