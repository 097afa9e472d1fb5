#include "fs/file_io.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "crypto/secure.hpp"
#include "crypto/sha256.hpp"

namespace reelkeep::fs {
namespace {

constexpr std::size_t k_block = std::size_t{1} << 20U;
constexpr std::uint64_t k_writeback_step = std::uint64_t{1} << 20U;

/// k_block bytes at an address that O_DIRECT accepts.
class AlignedBlock {
 public:
  AlignedBlock() : m_storage(k_block + k_alignment) {
    void* begin = m_storage.data();
    std::size_t room = m_storage.size();
    m_begin = static_cast<std::byte*>(std::align(k_alignment, k_block, begin, room));
  }
  [[nodiscard]] std::span<std::byte> bytes() const { return {m_begin, k_block}; }

 private:
  std::vector<std::byte> m_storage;
  std::byte* m_begin = nullptr;
};

bool is_lost_on_medium(int error_number) {
  return error_number == EIO || error_number == EBADMSG || error_number == EUCLEAN;
}

Error read_error(int error_number, const std::string& what) {
  Error error = Error::from_errno(error_number, "cannot read " + what);
  if (is_lost_on_medium(error_number)) error.code = Errc::corrupt;
  return error;
}

/// What a failed sync_file_range() means. Where it is not known, or forbidden, nothing was lost:
/// the sync at the end does all of it.
Status lost_bytes(int fd, const std::string& what) {
  const int why = errno;
  if (::sync_file_range(fd, 0, 1, 0) != 0) return {};
  return Error::from_errno(why, "cannot write " + what);
}

Status make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  const int why = errno;
  struct stat status {};
  if (why == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  Error error = Error::from_errno(why == EEXIST ? ENOTDIR : why, "cannot create directory " + path);
  if (why == EEXIST) error.code = Errc::conflict;
  return error;
}

/// Random, because a pid comes again; with the pid, because a forked process inherits the rest.
std::string process_token() {
  static const std::string token = random_hex(16);
  return token + "-" + std::to_string(::getpid()) + "-";
}

constexpr std::string_view k_temp_prefix = ".reelkeep-tmp-";

/// Puts the name of a directory on the medium: whatever is synced in it is reached through that.
/// Also of one that was there: the run that made it may have been killed before its sync.
Status sync_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent =
      slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int result = 0;
  if (folder) {
    result = ::fsync(folder.get());
  } else if (errno == EACCES) {
    // We may pass through the parent but not read it.
    folder.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return Error::from_errno(errno, "cannot open " + path);
    result = ::syncfs(folder.get());
  } else {
    result = -1;
  }
  // A parent that cannot be written (a mount point on a read-only system) has nothing to sync.
  if (result == 0 || errno == EINVAL || errno == EROFS) return {};
  return Error::from_errno(errno, "cannot sync " + parent);
}

}  // namespace

Status make_private_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    struct stat status {};
    if (::stat(parent.c_str(), &status) != 0 && errno == ENOENT) {
      REELKEEP_TRY(make_directory(parent, 0755));
      REELKEEP_TRY(sync_name(parent));
    }
  }
  return make_private_leaf_directory(path);
}

Status make_private_leaf_directory(const std::string& path) {
  REELKEEP_TRY(make_directory(path, 0700));
  return sync_name(path);
}

Status write_all(int fd, std::span<const std::byte> bytes, off_t offset, const std::string& what,
                 std::size_t* written) {
  std::size_t done = 0;
  int failure = 0;
  while (done < bytes.size() && failure == 0) {
    const ssize_t n =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, offset + static_cast<off_t>(done));
    if (n > 0)
      done += static_cast<std::size_t>(n);
    else if (n == 0)
      failure = ENOSPC;
    else if (errno != EINTR)
      failure = errno;
  }
  if (written != nullptr) *written = done;
  if (failure != 0) return Error::from_errno(failure, "cannot write " + what);
  return {};
}

Result<std::size_t> read_some(int fd, off_t offset, std::span<std::byte> into,
                              const std::string& what) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n =
        ::pread(fd, into.data() + done, into.size() - done, offset + static_cast<off_t>(done));
    if (n == 0) break;
    if (n > 0)
      done += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      return read_error(errno, what);
  }
  return done;
}

Status WriteBack::start(int fd, std::uint64_t from, std::uint64_t length, const std::string& what) {
  if (::sync_file_range(fd, static_cast<off_t>(from), static_cast<off_t>(length),
                        SYNC_FILE_RANGE_WRITE) == 0)
    return {};
  return lost_bytes(fd, what);
}

Status WriteBack::reached(int fd, std::uint64_t size, const std::string& what) {
  if (size < m_from + k_writeback_step) return {};
  REELKEEP_TRY(start(fd, m_from, size - m_from, what));
  const std::uint64_t before = m_from - std::min(m_from, k_writeback_step);
  m_from = size;
  if (before == 0 ||
      ::sync_file_range(fd, 0, static_cast<off_t>(before), SYNC_FILE_RANGE_WAIT_BEFORE) == 0)
    return {};
  return lost_bytes(fd, what);
}

Status sync_file(int fd, const std::string& what) {
  int result = 0;
  do result = ::fsync(fd);
  while (result != 0 && errno == EINTR);
  if (result != 0) return Error::from_errno(errno, "cannot sync " + what);
  return {};
}

bool set_direct(int fd, bool direct) {
  return ::fcntl(fd, F_SETFL, direct ? O_DIRECT : 0) == 0;
}

Status check_writable(int directory, const std::string& path) {
  if (::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  const int why = errno;
  Error error = Error::from_errno(why, path + " cannot be written");
  if (why == EROFS)
    error.message +=
        "; mount it read-write (the kernel may have made it read-only after errors: look at dmesg)";
  else if (error.code == Errc::unauthorized)
    error.message +=
        "; it has to belong to the user that runs reelkeep, and a systemd unit has to allow it "
        "(ReadWritePaths)";
  error.code = Errc::unavailable;
  return error;
}

Result<ReadBack> read_back(int fd, Origin origin, const std::string& what, const ReadSink& sink) {
  const AlignedBlock block;
  bool direct = origin == Origin::medium;
  if (direct) {
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    // A filesystem without O_DIRECT refuses; then the dropped cache has to do.
    (void)set_direct(fd, true);
  } else {
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  Sha256 hash;
  std::uint64_t offset = 0;
  for (;;) {
    const ssize_t n =
        ::pread(fd, block.bytes().data(), block.bytes().size(), static_cast<off_t>(offset));
    if (n == 0) break;
    if (n > 0) {
      const std::span<const std::byte> bytes = block.bytes().first(static_cast<std::size_t>(n));
      hash.update(bytes);
      if (sink) REELKEEP_TRY(sink(bytes));
      offset += static_cast<std::uint64_t>(n);
    }
    // An offset that is no multiple of the sector, or a filesystem that only said yes to the flag.
    const bool unaligned = n > 0 && offset % k_alignment != 0;
    const bool refused = n < 0 && errno == EINVAL;
    if (direct && (unaligned || refused)) {
      (void)set_direct(fd, false);
      direct = false;
    } else if (n < 0 && errno != EINTR) {
      return read_error(errno, what);
    }
  }
  return ReadBack{hash.finish(), ByteCount(offset)};
}

TempFile::TempFile(int directory, std::string name, UniqueFd file) noexcept
    : m_directory(directory), m_name(std::move(name)), m_file(std::move(file)) {}

TempFile::TempFile(TempFile&& other) noexcept
    : m_directory(other.m_directory),
      m_name(std::exchange(other.m_name, {})),
      m_file(std::move(other.m_file)) {}

TempFile& TempFile::operator=(TempFile&& other) noexcept {
  std::swap(m_directory, other.m_directory);
  std::swap(m_name, other.m_name);
  std::swap(m_file, other.m_file);
  return *this;
}

TempFile::~TempFile() {
  if (!m_name.empty()) ::unlinkat(m_directory, m_name.c_str(), 0);
}

Result<TempFile> TempFile::create(int directory) {
  static std::atomic<std::uint64_t> counter{0};
  std::string name(k_temp_prefix);
  name += process_token() + std::to_string(counter.fetch_add(1));
  UniqueFd file(
      ::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return Error::from_errno(errno, "cannot create a temporary file");
  return TempFile(directory, std::move(name), std::move(file));
}

bool TempFile::is_temp_name(std::string_view name) {
  return name.starts_with(k_temp_prefix);
}

bool TempFile::is_own_name(std::string_view name) {
  return is_temp_name(name) && name.substr(k_temp_prefix.size()).starts_with(process_token());
}

Result<ReadBack> copy_hashed(int from, int to, const std::string& what) {
  if (::ioctl(to, FICLONE, from) == 0) return read_back(to, Origin::cache, "the copy of " + what);
  const AlignedBlock block;
  Sha256 hash;
  std::uint64_t offset = 0;
  WriteBack write_back;
  for (;;) {
    REELKEEP_ASSIGN(const std::size_t n,
                    read_some(from, static_cast<off_t>(offset), block.bytes(), what));
    if (n == 0) break;
    const std::span<const std::byte> bytes(block.bytes().first(n));
    hash.update(bytes);
    REELKEEP_TRY(write_all(to, bytes, static_cast<off_t>(offset), "the copy of " + what));
    offset += n;
    REELKEEP_TRY(write_back.reached(to, offset, "the copy of " + what));
  }
  return ReadBack{hash.finish(), ByteCount(offset)};
}

}  // namespace reelkeep::fs
