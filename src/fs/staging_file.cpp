#include "fs/staging_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "fs/space.hpp"

namespace reelkeep::fs {
namespace {

constexpr std::uint64_t k_space_step = std::uint64_t{16} << 20U;
constexpr unsigned k_private = 0600;
/// Set before the first byte is written ahead, cleared after the file was cut: within one boot that
/// order holds, whenever the process dies; after another boot no length is believed anyway.
constexpr unsigned k_private_spread = k_private | S_ISVTX;

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
  m_write_back.begin_at(0);
  m_next_space_check = 0;
  m_spoilt = false;
  m_is_spread = false;
  m_hash = Sha256();
  m_hashed = 0;
  if (m_interrupted) return Error{Errc::cancelled, "opening " + m_path + " was interrupted"};
  REELKEEP_ASSIGN(const struct stat status, open_file());
  m_is_spread = (status.st_mode & S_ISVTX) != 0;
  const std::uint64_t keep = bytes_to_keep(static_cast<std::uint64_t>(status.st_size));
  if (keep > 0) (void)::posix_fadvise(m_file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  if (auto hashed = hash_range(0, keep); !hashed) {
    // A prefix that the medium does not give back is fetched again.
    if (hashed.error().code == Errc::corrupt) return restart();
    m_file.reset();
    return hashed;
  }
  if (static_cast<std::uint64_t>(status.st_size) != keep) REELKEEP_TRY(truncate(keep));
  m_size = keep;
  m_write_back.begin_at(keep);
  if (m_is_spread) REELKEEP_TRY(set_mode(k_private));
  m_is_spread = false;
  return {};
}

/// As it was found.
Result<struct stat> PartFile::open_file() {
  const int directory = m_place.directory.get();
  constexpr int k_flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  // Two rounds at most: the second one creates the file anew.
  for (int round = 0; round < 2; ++round) {
    m_file.reset(::openat(directory, m_leaf.c_str(), k_flags, k_private));
    if (!m_file && errno == EACCES && ::fchmodat(directory, m_leaf.c_str(), 0600, 0) == 0)
      // A process died between making it read-only and publishing it.
      m_file.reset(::openat(directory, m_leaf.c_str(), k_flags, 0600));
    if (!m_file) return Error::from_errno(errno, "cannot open " + m_path);
    struct stat status {};
    if (::fstat(m_file.get(), &status) != 0)
      return Error::from_errno(errno, "cannot look at " + m_path);
    if (S_ISREG(status.st_mode) && status.st_nlink == 1) {
      if ((status.st_mode & 07777U & ~k_private_spread) != 0)
        REELKEEP_TRY(set_mode(k_private | (status.st_mode & S_ISVTX)));
      return status;
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
  return same_boot && !too_long && !m_is_spread ? on_disk : m_resume->offset.get();
}

Status PartFile::hash_range(std::uint64_t from, std::uint64_t end) {
  std::vector<std::byte> block(std::min<std::uint64_t>(end - from, std::uint64_t{1} << 20U));
  for (std::uint64_t at = from; at < end;) {
    if (m_interrupted) return Error{Errc::cancelled, "reading back " + m_path + " was interrupted"};
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(end - at, block.size()));
    REELKEEP_ASSIGN(const std::size_t n, read_some(m_file.get(), static_cast<off_t>(at),
                                                   std::span(block).first(want), m_path));
    if (n < want) return Error{Errc::corrupt, m_path + " became shorter while it was read"};
    hash(std::span<const std::byte>(block).first(n));
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
  if (m_written < m_next_space_check) return {};
  REELKEEP_ASSIGN(const ByteCount free, free_bytes(m_file.get()));
  // What others were promised is theirs.
  const ByteCount others(m_place.promised->load() - m_promised);
  const ByteCount room = free - m_place.minimum_free_space - others;
  if (room == ByteCount())
    return Error{Errc::no_space,
                 "only " + to_string(free) + " free at " + m_place.path +
                     ", less than minimum_free_space (" + to_string(m_place.minimum_free_space) +
                     ")" + (others == ByteCount() ? "" : " and what others are to bring")};
  const std::uint64_t step = std::min(k_space_step, room.get());
  if (!m_is_expected) promise(step);
  m_next_space_check = m_written + step;
  return {};
}

void PartFile::promise(std::uint64_t bytes) noexcept {
  m_place.promised->fetch_add(bytes - m_promised);
  m_promised = bytes;
}

void PartFile::brought(std::uint64_t bytes) noexcept {
  m_written += bytes;
  promise(m_promised - std::min(m_promised, bytes));
}

Status PartFile::expect(ByteCount length) {
  REELKEEP_TRY(check_usable());
  promise(0);
  m_is_expected = false;
  m_next_space_check = m_written;
  const ByteCount lacking = length - ByteCount(m_size);
  if (lacking == ByteCount()) return {};
  REELKEEP_ASSIGN(const ByteCount free, free_bytes(m_file.get()));
  std::uint64_t others = m_place.promised->load();
  do {
    const ByteCount room = free - m_place.minimum_free_space - ByteCount(others);
    if (lacking > room)
      return Error{Errc::no_space, to_string(lacking) + " are still to come, there is room for " +
                                       to_string(room) + " at " + m_place.path};
  } while (!m_place.promised->compare_exchange_weak(others, others + lacking.get()));
  m_promised = lacking.get();
  m_is_expected = true;
  return {};
}

Status PartFile::append(std::span<const std::byte> bytes) {
  const std::uint64_t before = m_size;
  Status result = write(bytes);
  hash(bytes.first(m_size - before));
  return result;
}

void PartFile::hash(std::span<const std::byte> bytes) {
  m_hash.update(bytes);
  m_hashed += bytes.size();
}

void PartFile::hash_beside(std::span<const std::byte> bytes, StagingFile& other,
                           std::span<const std::byte> others) {
  auto* const part = dynamic_cast<PartFile*>(&other);
  if (part == nullptr) return StagingFile::hash_beside(bytes, other, others);
  Sha256::update_both(m_hash, bytes, part->m_hash, others);
  m_hashed += bytes.size();
  part->m_hashed += others.size();
}

Status PartFile::write(std::span<const std::byte> bytes) {
  REELKEEP_TRY(check_usable());
  REELKEEP_TRY(check_space());
  std::size_t written = 0;
  const Status result =
      write_all(m_file.get(), bytes, static_cast<off_t>(m_size), m_path, &written);
  REELKEEP_TRY(took(written, result));
  return or_spoil(m_write_back.reached(m_file.get(), m_size, m_path));
}

Status PartFile::write_whole(std::span<const std::byte> bytes) {
  REELKEEP_TRY(check_usable());
  if (m_size > 0) return Error{Errc::internal, m_path + " has a beginning already"};
  REELKEEP_TRY(check_space());
  std::size_t written = 0;
  const Status result = m_place.directly->write(m_file.get(), bytes, m_path, &written);
  REELKEEP_TRY(took(written, result));
  m_write_back.begin_at(m_size);
  return written < bytes.size() ? write(bytes.subspan(written)) : Status();
}

/// What became of a write at the file's end.
Status PartFile::took(std::size_t written, const Status& result) {
  if (!result && result.error().code != Errc::no_space) return spoil(result.error());
  m_size += written;
  brought(written);
  if (!result) m_next_space_check = 0;
  return result;
}

Status PartFile::set_mode(unsigned mode) {
  if (::fchmod(m_file.get(), mode) == 0) return {};
  return Error::from_errno(errno, "cannot make " + m_path + " private");
}

Status PartFile::spread() {
  REELKEEP_TRY(check_usable());
  if (m_is_spread) return {};
  struct stat status {};
  // Filesystems without modes of their own may accept the bit and forget it.
  if (!set_mode(k_private_spread) || ::fstat(m_file.get(), &status) != 0 ||
      (status.st_mode & S_ISVTX) == 0)
    return Error{Errc::unavailable, "the filesystem of " + m_path + " keeps no sticky bit"};
  m_is_spread = true;
  return {};
}

Status PartFile::write_ahead(ByteCount offset, std::span<const std::byte> bytes) {
  REELKEEP_TRY(check_usable());
  if (!m_is_spread || offset.get() <= m_size)
    return Error{Errc::internal, m_path + " is written out of order"};
  REELKEEP_TRY(check_space());
  const auto at = static_cast<off_t>(offset.get());
  if (Status result = write_all(m_file.get(), bytes, at, m_path, nullptr); !result) {
    m_next_space_check = 0;
    return result.error().code == Errc::no_space ? result : Status(spoil(result.error()));
  }
  brought(bytes.size());
  return or_spoil(WriteBack::start(m_file.get(), offset.get(), bytes.size(), m_path));
}

Status PartFile::take_in(ByteCount end) {
  REELKEEP_TRY(check_usable());
  if (end.get() <= m_size) return {};
  if (Status hashed = hash_range(m_size, end.get()); !hashed) return spoil(hashed.error());
  m_size = end.get();
  m_write_back.begin_at(m_size);
  return {};
}

Status PartFile::gather() {
  REELKEEP_TRY(check_usable());
  if (!m_is_spread) return {};
  REELKEEP_TRY(truncate(m_size));
  if (Status status = set_mode(k_private); !status) return spoil(status.error());
  m_is_spread = false;
  return {};
}

Status PartFile::restart() {
  REELKEEP_TRY(check_usable());
  REELKEEP_TRY(truncate(0));
  m_size = 0;
  REELKEEP_TRY(gather());
  m_hash = Sha256();
  m_hashed = 0;
  m_write_back.begin_at(0);
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
  if (m_hashed != m_size) return Error{Errc::internal, m_path + " is not hashed to its end"};
  return m_hash.snapshot();
}

Result<std::size_t> PartFile::read_at(ByteCount offset, std::span<std::byte> into) {
  REELKEEP_TRY(check_usable());
  return read_some(m_file.get(), static_cast<off_t>(offset.get()), into, m_path);
}

Status PartFile::or_spoil(const Status& status) {
  return status ? status : Status(spoil(status.error()));
}

Error PartFile::spoil(Error error) {
  m_spoilt = true;
  // So that no later run takes its bytes for good; if even this fails the owner discards it anyway.
  if (::ftruncate(m_file.get(), 0) != 0) error.message += " (and it could not be emptied)";
  return error;
}

}  // namespace reelkeep::fs
