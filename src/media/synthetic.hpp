#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "reelkeep/base/byte_count.hpp"

namespace reelkeep::media {

enum class SyntheticFormat { mp4, mov, matroska, webm, json, text };
/// "mp4", "mov", "mkv", "webm", "json", "txt": also the file name extension.
std::string_view to_string(SyntheticFormat format) noexcept;
std::optional<SyntheticFormat> parse_synthetic_format(std::string_view text) noexcept;
/// "video/mp4" and so on.
std::string_view content_type(SyntheticFormat format) noexcept;

/// A file that exists only as a rule: seed, size and format decide every byte, and any part of it
/// is computed when asked for, whatever its size. MP4 and MOV hold a track of noise, Matroska and
/// WebM one of silence; players open them. Immutable: any thread.
class SyntheticMedia {
 public:
  /// Sizes below least_size() give binary bytes without a structure.
  SyntheticMedia(std::string_view seed, ByteCount size, SyntheticFormat format);

  [[nodiscard]] ByteCount size() const noexcept { return m_size; }
  [[nodiscard]] SyntheticFormat format() const noexcept { return m_format; }
  /// Fills `into` from `offset` on; fewer bytes at the end. Gigabytes per second.
  std::size_t fill(ByteCount offset, std::span<std::byte> into) const;
  [[nodiscard]] static ByteCount least_size(SyntheticFormat format);

 private:
  void fill_noise(std::uint64_t offset, std::span<std::byte> into) const noexcept;
  void fill_clusters(std::uint64_t offset, std::span<std::byte> into) const;

  std::uint64_t m_seed;
  ByteCount m_size;
  SyntheticFormat m_format;
  std::string m_head;                 ///< container structure before the noise
  std::uint64_t m_cluster_count = 0;  ///< Matroska: clusters after the head
};

}  // namespace reelkeep::media
