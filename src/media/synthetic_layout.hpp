#pragma once

#include <cstdint>
#include <string>

namespace reelkeep::media::layout {

enum class Brand { mp4, mov };
/// ftyp, moov with one sound track whose samples are what follows, and the header of the mdat that
/// fills the rest of a file of `size` bytes. The length of the answer depends on `size` only by the
/// 64-bit mdat header.
std::string mp4_head(Brand brand, std::uint64_t size);

enum class DocType { matroska, webm };
/// EBML header, Segment of exactly the rest, Info, Tracks; clusters follow.
std::string matroska_head(DocType type, std::uint64_t size);
/// Clusters are this long; the last one also takes what is left over.
inline constexpr std::uint64_t k_cluster = 1U << 20U;
inline constexpr std::uint64_t k_cluster_head = 40;
/// Cluster number `index` of `length` bytes: its time, a block of 20 ms of silence, a Void for the
/// noise. k_cluster_head bytes.
std::string cluster_head(std::uint64_t index, std::uint64_t length);

}  // namespace reelkeep::media::layout
