#include "fs/staging_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "fs/file_io.hpp"
#include "fs/space.hpp"

namespace reelkeep::fs {
namespace {

constexpr std::uint64_t k_space_step = std::uint64_t{16} << 20U;
constexpr std::uint64_t k_writeback_step = std::uint64_t{4} << 20U;

}  // namespace

bool is_staging_name(const std::string& name) {
  constexpr std::size_t k_longest = 200;
  return !name.empty() && name.size() <= k_longest && name.front() != '.' &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

PartFile::PartFile(const StagingPlace& place, const std::string& name,
                   std::optional<ResumePoint> resume)
    : m_place(place),
      m_leaf(is_staging_name(name) ? name + ".part" : std::string()),
      m_path(place.path + "/" + name + ".part"),
      m_resume(std::move(resume)) {}

Status PartFile::prepare() {
  if (m_leaf.empty()) return Error{Errc::invalid, "not a name for staging: " + m_path};
  m_size = 0;
  m_writeback_from = 0;
  m_next_space_check = 0;
  m_spoilt = false;
  m_hash = Sha256();
  if (m_interrupted) return Error{Errc::cancelled, "opening " + m_path + " was interrupted"};
  REELKEEP_TRY(open_file());
  struct stat status {};
  if (::fstat(m_file.get(), &status) != 0)
    return Error::from_errno(errno, "cannot look at " + m_path);
  const std::uint64_t keep = bytes_to_keep(static_cast<std::uint64_t>(status.st_size));
  if (auto hashed = hash_prefix(keep); !hashed) {
    // A prefix that the medium does not give back is fetched again.
    if (hashed.error().code == Errc::corrupt) return restart();
    m_file.reset();
    return hashed;
  }
  if (static_cast<std::uint64_t>(status.st_size) != keep) REELKEEP_TRY(truncate(keep));
  m_size = keep;
  m_writeback_from = keep;
  return {};
}

Status PartFile::open_file() {
  const int directory = m_place.directory.get();
  constexpr int k_flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  // Two rounds at most: the second one creates the file anew.
  for (int round = 0; round < 2; ++round) {
    m_file.reset(::openat(directory, m_leaf.c_str(), k_flags, 0600));
    if (!m_file && errno == EACCES && ::fchmodat(directory, m_leaf.c_str(), 0600, 0) == 0)
      // A process died between making it read-only and publishing it.
      m_file.reset(::openat(directory, m_leaf.c_str(), k_flags, 0600));
    if (!m_file) return Error::from_errno(errno, "cannot open " + m_path);
    struct stat status {};
    if (::fstat(m_file.get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at " + m_path);
    if (S_ISREG(status.st_mode) && status.st_nlink == 1) {
      if ((status.st_mode & 07777U) != 0600 && ::fchmod(m_file.get(), 0600) != 0)
        return Error::from_errno(errno, "cannot make " + m_path + " private");
      return {};
    }
    // A second name: the file is published already (a process died between link and unlink).
    // Writing here would change the archive.
    if (::unlinkat(directory, m_leaf.c_str(), 0) != 0)
      return Error::from_errno(errno, "cannot remove " + m_path);
    m_file.reset();
  }
  return Error{Errc::conflict, m_path + " is not a file of our own"};
}

std::uint64_t PartFile::bytes_to_keep(std::uint64_t on_disk) const {
  if (!m_resume || m_resume->validator.empty() || on_disk < m_resume->offset.get()) return 0;
  const bool same_boot = !m_place.boot_id.empty() && m_resume->boot_id == m_place.boot_id;
  // More than the source has cannot be the source's.
  const bool too_long = m_resume->length && on_disk > m_resume->length->get();
  return same_boot && !too_long ? on_disk : m_resume->offset.get();
}

Status PartFile::hash_prefix(std::uint64_t length) {
  std::vector<std::byte> block(std::min<std::uint64_t>(length, std::uint64_t{1} << 20U));
  (void)::posix_fadvise(m_file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  for (std::uint64_t at = 0; at < length;) {
    if (m_interrupted) return Error{Errc::cancelled, "reading back " + m_path + " was interrupted"};
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(length - at, block.size()));
    REELKEEP_ASSIGN(const std::size_t n, read_some(m_file.get(), static_cast<off_t>(at),
                                                   std::span(block).first(want), m_path));
    if (n < want) return Error{Errc::corrupt, m_path + " became shorter while it was read"};
    m_hash.update(std::span<const std::byte>(block).first(n));
    at += n;
  }
  return {};
}

Status PartFile::truncate(std::uint64_t length) {
  if (::ftruncate(m_file.get(), static_cast<off_t>(length)) != 0)
    return spoil(Error::from_errno(errno, "cannot cut " + m_path));
  return {};
}

Status PartFile::check_usable() const {
  if (m_spoilt)
    return Error{Errc::internal, m_path + " is spoilt by a failed write and has to be discarded"};
  if (!m_file) return Error{Errc::internal, m_path + " is used before it was prepared"};
  return {};
}

Status PartFile::check_space() {
  if (m_size < m_next_space_check) return {};
  REELKEEP_ASSIGN(const ByteCount free, free_bytes(m_file.get()));
  if (free < m_place.minimum_free_space)
    return Error{Errc::no_space, "only " + to_string(free) + " free at " + m_place.path +
                                     ", less than minimum_free_space (" +
                                     to_string(m_place.minimum_free_space) + ")"};
  m_next_space_check = m_size + k_space_step;
  return {};
}

Status PartFile::append(std::span<const std::byte> bytes) {
  REELKEEP_TRY(check_usable());
  REELKEEP_TRY(check_space());
  std::size_t written = 0;
  Status result = write_all(m_file.get(), bytes, static_cast<off_t>(m_size), m_path, &written);
  if (!result && result.error().code != Errc::no_space) return spoil(result.error());
  m_hash.update(bytes.first(written));
  m_size += written;
  if (!result) {
    m_next_space_check = m_size;
    return result;
  }
  start_writeback();
  return {};
}

void PartFile::start_writeback() {
  if (m_size - m_writeback_from < k_writeback_step) return;
  // Only a start: errors are sync()'s to report.
  (void)::sync_file_range(m_file.get(), static_cast<off_t>(m_writeback_from),
                          static_cast<off_t>(m_size - m_writeback_from), SYNC_FILE_RANGE_WRITE);
  m_writeback_from = m_size;
}

Status PartFile::restart() {
  REELKEEP_TRY(check_usable());
  REELKEEP_TRY(truncate(0));
  m_hash = Sha256();
  m_size = 0;
  m_writeback_from = 0;
  m_next_space_check = 0;
  return {};
}

Status PartFile::sync() {
  REELKEEP_TRY(check_usable());
  int result = 0;
  do result = ::fdatasync(m_file.get());
  while (result != 0 && errno == EINTR);
  if (result != 0) return spoil(Error::from_errno(errno, "cannot sync " + m_path));
  if (!m_name_synced) {
    if (auto status = sync_file(m_place.directory.get(), m_place.path); !status)
      return spoil(status.error());
    m_name_synced = true;
  }
  return {};
}

Result<Digest> PartFile::digest() {
  REELKEEP_TRY(check_usable());
  return m_hash.snapshot();
}

Result<std::size_t> PartFile::read_at(ByteCount offset, std::span<std::byte> into) {
  REELKEEP_TRY(check_usable());
  return read_some(m_file.get(), static_cast<off_t>(offset.get()), into, m_path);
}

Error PartFile::spoil(Error error) {
  m_spoilt = true;
  // So that no later run takes its bytes for good; if even this fails the owner discards it anyway.
  if (::ftruncate(m_file.get(), 0) != 0) error.message += " (and it could not be emptied)";
  return error;
}

}  // namespace reelkeep::fs
