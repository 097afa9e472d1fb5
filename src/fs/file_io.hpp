#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"
#include "reelkeep/port/store.hpp"

// Small steps on descriptors that staging and store share. Any thread; `what` names the file in
// errors.
namespace reelkeep::fs {

/// The directory exists afterwards, its name on the medium: 0700 when it had to be made, its
/// missing parents 0755.
Status make_private_directory(const std::string& path);
/// The same with missing parents being an error (a mount point that is not mounted).
Status make_private_leaf_directory(const std::string& path);

/// All bytes, whatever the interruptions. The Error is that of the first failed write;
/// `*written` tells how many bytes there are in any case.
Status write_all(int fd, std::span<const std::byte> bytes, off_t offset, const std::string& what,
                 std::size_t* written = nullptr);
/// At most `into.size()` bytes from `offset`; fewer only at the end of the file.
Result<std::size_t> read_some(int fd, off_t offset, std::span<std::byte> into,
                              const std::string& what);
Status sync_file(int fd, const std::string& what);

/// What O_DIRECT asks of addresses, offsets and lengths on every common disk.
inline constexpr std::size_t k_alignment = 4096;
/// Whether reading and writing a regular file, which needs no other status flag, go past the
/// kernel's cache from now on. False: this filesystem refuses, and nothing has changed.
bool set_direct(int fd, bool direct);

/// Sends a file that is written from front to end on its way to the medium while it grows, so that
/// the last sync is short, and waits where more than about 2 MiB of it are on their way: behind
/// what several downloads had queued stood the journal's syncs (figures in docs/performance.md).
class WriteBack {
 public:
  /// `length` bytes at `from` (0: all after it) go on their way; nothing waits. An Error is of
  /// bytes that are lost: ext4 drops what it finds no room for, and the next sync need not tell it.
  static Status start(int fd, std::uint64_t from, std::uint64_t length, const std::string& what);

  /// Nothing below `from` is on its way.
  void begin_at(std::uint64_t from) noexcept { m_from = from; }
  /// The file is `size` bytes long now. An Error is of bytes that are lost: no later sync tells it.
  Status reached(int fd, std::uint64_t size, const std::string& what);

 private:
  std::uint64_t m_from = 0;  // below: written out or under way
};
/// Whether the open directory may be written by us now; cheap, nothing is made. Errc::unavailable,
/// with the way out: mounted read-only (also by the kernel, after errors of the medium), or not
/// ours.
Status check_writable(int directory, const std::string& path);

enum class Origin {
  cache,   ///< wherever the kernel has the bytes
  medium,  ///< past the kernel's cache as far as the filesystem lets us
};
struct ReadBack {
  Digest digest;
  ByteCount size;
};
/// Reads the whole file; `sink` (may be empty) is given all of it, and its Error ends the reading.
/// Errc::corrupt: the medium cannot give the bytes back.
Result<ReadBack> read_back(int fd, Origin origin, const std::string& what,
                           const ReadSink& sink = {});

/// A file under a name that no other process and thread uses, removed again unless it was renamed.
/// `directory` is borrowed and has to outlive it.
class TempFile {
 public:
  static Result<TempFile> create(int directory);
  /// Whether `name` is one that create() of any process gives, and of this process.
  static bool is_temp_name(std::string_view name);
  static bool is_own_name(std::string_view name);

  TempFile(TempFile&& other) noexcept;
  TempFile& operator=(TempFile&& other) noexcept;
  ~TempFile();
  [[nodiscard]] int fd() const noexcept { return m_file.get(); }
  [[nodiscard]] int directory() const noexcept { return m_directory; }
  [[nodiscard]] const std::string& name() const noexcept { return m_name; }
  /// The name is gone (renamed away): nothing is removed any more.
  void renamed() noexcept { m_name.clear(); }

 private:
  TempFile(int directory, std::string name, UniqueFd file) noexcept;
  int m_directory = -1;
  std::string m_name;
  UniqueFd m_file;
};

/// Reads `from` from its beginning and writes `to`, sharing blocks where the filesystem can; the
/// digest is of the bytes as copied.
Result<ReadBack> copy_hashed(int from, int to, const std::string& what);

}  // namespace reelkeep::fs
