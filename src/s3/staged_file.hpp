#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "crypto/sha256.hpp"

namespace reelkeep::s3 {

/// The complete file in staging that is uploaded. Reading: any thread.
class StagedFile {
 public:
  /// Errc::corrupt: it is gone, is no file, or has another size: it has to be fetched again.
  static Result<StagedFile> open(const std::string& path, ByteCount size);

  [[nodiscard]] ByteCount size() const noexcept { return m_size; }
  /// Fills as much of `into` as there is; Errc::corrupt where the file ends before its size.
  Result<std::size_t> read_at(ByteCount offset, std::span<std::byte> into) const;
  /// Feeds a range to each of `takers`, in pieces of `buffer`'s size. Errc::cancelled once
  /// `stop` is set.
  Status read_through(ByteCount offset, ByteCount length, std::span<std::byte> buffer,
                      const std::function<bool()>& stop,
                      const std::function<void(std::span<const std::byte>)>& taker) const;

 private:
  StagedFile(std::string path, UniqueFd file, ByteCount size)
      : m_path(std::move(path)), m_file(std::move(file)), m_size(size) {}
  std::string m_path;
  UniqueFd m_file;
  ByteCount m_size;
};

}  // namespace reelkeep::s3
