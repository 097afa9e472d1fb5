#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/artifact.hpp"

namespace reelkeep {

/// The bytes of one transfer on their way in. One thread at a time (the fetcher hands it over).
/// After a failed write or sync the file is spoilt: every further call fails; discard it.
class StagingFile {
 public:
  virtual ~StagingFile() = default;
  /// Opens or creates the file and reads back and hashes the prefix that `resume` vouches for; the
  /// rest is cut off. Blocking, possibly for seconds: never on the agent's thread.
  virtual Status prepare() = 0;
  /// Any thread: a running or coming prepare() gives up soon with Errc::cancelled and leaves the
  /// bytes as they were: reading back a long prefix must not hold up a shutdown.
  virtual void interrupt() noexcept {}
  /// Bytes held.
  [[nodiscard]] virtual ByteCount size() const = 0;
  /// The file is going to have `length` bytes: what is lacking is kept free for it, until it is
  /// there or the object goes. Errc::no_space: there is no room for that; nothing has changed.
  virtual Status expect(ByteCount length) = 0;
  /// Appends and hashes. Errc::no_space: the guard or the disk says stop (nothing is spoilt by the
  /// guard; what was written stays).
  virtual Status append(std::span<const std::byte> bytes) = 0;
  /// append() in two halves, so that neither waits for the other: every byte that write() took is
  /// owed to hash(), in the same order. hash() may run on another thread beside write() and sync(),
  /// beside nothing else.
  virtual Status write(std::span<const std::byte> bytes) = 0;
  /// write() of a whole body to an empty file. What is long enough may go past the kernel's cache:
  /// that takes less of the machine, but whoever reads it back asks the medium.
  virtual Status write_whole(std::span<const std::byte> bytes) { return write(bytes); }
  virtual void hash(std::span<const std::byte> bytes) = 0;
  /// hash() of this file and of another one at once, which may take less time than one after the
  /// other. Neither is in the hands of another thread's hash().
  virtual void hash_beside(std::span<const std::byte> bytes, StagingFile& other,
                           std::span<const std::byte> others) {
    hash(bytes);
    other.hash(others);
  }
  /// Back to zero bytes; also the end of spread().
  virtual Status restart() = 0;

  /// From here on bytes may also be written ahead of size(). What is there counts for nothing until
  /// it is taken in: after a crash only what the catalog's resume point vouches for is kept, also
  /// within the same boot. Errc::unavailable: this place cannot tell such a file apart; nothing has
  /// changed.
  virtual Status spread() = 0;
  /// Writes at `offset`, which lies beyond size(). Errors as append().
  virtual Status write_ahead(ByteCount offset, std::span<const std::byte> bytes) = 0;
  /// Reads back and hashes what was written ahead from size() to `end`, all of it: then it is as if
  /// it had been appended.
  virtual Status take_in(ByteCount end) = 0;
  /// Cuts off what is ahead and ends spread().
  virtual Status gather() = 0;

  /// fdatasync.
  virtual Status sync() = 0;
  /// SHA-256 of all bytes so far. Errc::internal: some of them are still owed to hash().
  virtual Result<Digest> digest() = 0;
  /// Reads back; fewer bytes at the end.
  virtual Result<std::size_t> read_at(ByteCount offset, std::span<std::byte> into) = 0;
  [[nodiscard]] virtual const std::string& path() const = 0;
};

/// The private place of incomplete bytes. Any thread.
class Staging {
 public:
  virtual ~Staging() = default;
  /// `name` is safe (row-independent: the artifact's staging name). Nothing is touched yet.
  /// `resume` nothing: starts at zero.
  virtual std::unique_ptr<StagingFile> open(const std::string& name,
                                            std::optional<ResumePoint> resume) = 0;
  /// Size on disk; nothing: no such file.
  virtual Result<std::optional<ByteCount>> stat(const std::string& name) = 0;
  virtual Status remove(const std::string& name) = 0;  ///< absent is success
  /// Keeps a bad body apart (`<name>.bad`, the newest only), or takes it back as the staging file.
  virtual Status set_aside(const std::string& name) = 0;
  virtual Status take_back(const std::string& name) = 0;
  virtual Status discard_aside(const std::string& name) = 0;  ///< absent is success
  /// Names of all files here, without suffix; each once.
  virtual Result<std::vector<std::string>> list() = 0;
  virtual Result<ByteCount> free_space() = 0;
  /// Of the free space, what running transfers were promised by StagingFile::expect() and have not
  /// written yet.
  [[nodiscard]] virtual ByteCount promised() = 0;
  /// Identity of this boot of the machine.
  [[nodiscard]] virtual const std::string& boot_id() const = 0;
  [[nodiscard]] virtual std::string path_of(const std::string& name) const = 0;
};

}  // namespace reelkeep
