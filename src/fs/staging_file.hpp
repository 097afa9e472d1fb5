#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "reelkeep/base/unique_fd.hpp"
#include "reelkeep/port/staging.hpp"

#include "crypto/sha256.hpp"
#include "fs/direct_writing.hpp"
#include "fs/file_io.hpp"

namespace reelkeep::fs {

/// Where a staging file lives and what it must not eat up. Borrowed from the Staging.
struct StagingPlace {
  UniqueFd directory;
  std::string path;
  ByteCount minimum_free_space;
  std::string boot_id;
  /// Bytes that files in hand are still going to bring, as far as they know.
  std::unique_ptr<std::atomic<std::uint64_t>> promised =
      std::make_unique<std::atomic<std::uint64_t>>(0);
  std::unique_ptr<DirectWriting> directly = std::make_unique<DirectWriting>();
};

/// The port's contract, on a file. Space: ENOSPC of a write refuses bytes without harm, so the file
/// is as good as before; any other failed write, and every failed sync, may have dropped bytes that
/// were accepted: the file is emptied and spoilt.
/// While bytes may lie ahead of the rest the file carries the sticky bit: a process that dies then
/// leaves a file whose length says nothing.
class PartFile final : public StagingFile {
 public:
  PartFile(const StagingPlace& place, const std::string& name, std::optional<ResumePoint> resume);
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() override { promise(0); }

  Status prepare() override;
  void interrupt() noexcept override { m_interrupted = true; }
  [[nodiscard]] ByteCount size() const override { return ByteCount(m_size); }
  Status expect(ByteCount length) override;
  Status append(std::span<const std::byte> bytes) override;
  Status write(std::span<const std::byte> bytes) override;
  Status write_whole(std::span<const std::byte> bytes) override;
  void hash(std::span<const std::byte> bytes) override;
  void hash_beside(std::span<const std::byte> bytes, StagingFile& other,
                   std::span<const std::byte> others) override;
  Status restart() override;
  Status spread() override;
  Status write_ahead(ByteCount offset, std::span<const std::byte> bytes) override;
  Status take_in(ByteCount end) override;
  Status gather() override;
  Status sync() override;
  Result<Digest> digest() override;
  Result<std::size_t> read_at(ByteCount offset, std::span<std::byte> into) override;
  [[nodiscard]] const std::string& path() const override { return m_path; }

 private:
  Result<struct stat> open_file();
  [[nodiscard]] std::uint64_t bytes_to_keep(std::uint64_t on_disk) const;
  Status hash_range(std::uint64_t from, std::uint64_t end);
  Status set_mode(unsigned mode);
  Status truncate(std::uint64_t length);
  Status check_usable() const;
  Status check_space();
  void promise(std::uint64_t bytes) noexcept;
  void brought(std::uint64_t bytes) noexcept;
  Status took(std::size_t written, const Status& result);
  Status or_spoil(const Status& status);
  Error spoil(Error error);

  // Constant after construction.
  const StagingPlace& m_place;
  const std::string m_leaf;  // empty: not a name that is allowed here
  const std::string m_path;
  const std::optional<ResumePoint> m_resume;

  std::atomic<bool> m_interrupted{false};

  // Of the thread that has the hashing in hand.
  Sha256 m_hash;
  std::uint64_t m_hashed = 0;

  // Of the one thread that has the rest in hand.
  UniqueFd m_file;
  std::uint64_t m_size = 0;
  WriteBack m_write_back;
  std::uint64_t m_written = 0;  // in all, for the space check
  std::uint64_t m_next_space_check = 0;
  std::uint64_t m_promised = 0;  // of StagingPlace::promised
  bool m_is_expected = false;    // that is all that is lacking
  bool m_is_spread = false;      // may hold more than m_size bytes; the file's mode says so too
  bool m_name_synced = false;
  bool m_spoilt = false;
};

/// The name may be a file name here: no separator, nothing hidden, not too long.
bool is_staging_name(const std::string& name);

}  // namespace reelkeep::fs
