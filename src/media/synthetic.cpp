#include "media/synthetic.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "media/noise.hpp"
#include "media/overlay.hpp"
#include "media/synthetic_layout.hpp"
#include "media/synthetic_text.hpp"

namespace reelkeep::media {
namespace {

struct Row {
  SyntheticFormat format;
  std::string_view name;
  std::string_view content_type;
};

constexpr std::array k_table{
    Row{SyntheticFormat::mp4, "mp4", "video/mp4"},
    Row{SyntheticFormat::mov, "mov", "video/quicktime"},
    Row{SyntheticFormat::matroska, "mkv", "video/x-matroska"},
    Row{SyntheticFormat::webm, "webm", "video/webm"},
    Row{SyntheticFormat::json, "json", "application/json"},
    Row{SyntheticFormat::text, "txt", "text/plain; charset=utf-8"},
};

const Row& row(SyntheticFormat format) noexcept {
  for (const Row& candidate : k_table)
    if (candidate.format == format) return candidate;
  abort_broken_invariant("a SyntheticFormat outside its table");
}

/// FNV-1a.
std::uint64_t number_of(std::string_view seed) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : seed) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return noise(hash, 0);
}

std::string head_of(SyntheticFormat format, std::uint64_t size) {
  switch (format) {
    case SyntheticFormat::mp4:
      return layout::mp4_head(layout::Brand::mp4, size);
    case SyntheticFormat::mov:
      return layout::mp4_head(layout::Brand::mov, size);
    case SyntheticFormat::matroska:
      return layout::matroska_head(layout::DocType::matroska, size);
    case SyntheticFormat::webm:
      return layout::matroska_head(layout::DocType::webm, size);
    case SyntheticFormat::json:
    case SyntheticFormat::text:
      return {};
  }
  abort_broken_invariant("a SyntheticFormat outside its enumeration");
}

bool has_clusters(SyntheticFormat format) {
  return format == SyntheticFormat::matroska || format == SyntheticFormat::webm;
}

}  // namespace

std::string_view to_string(SyntheticFormat format) noexcept {
  return row(format).name;
}

std::optional<SyntheticFormat> parse_synthetic_format(std::string_view text) noexcept {
  for (const Row& candidate : k_table)
    if (candidate.name == text) return candidate.format;
  return std::nullopt;
}

std::string_view content_type(SyntheticFormat format) noexcept {
  return row(format).content_type;
}

SyntheticMedia::SyntheticMedia(std::string_view seed, ByteCount size, SyntheticFormat format)
    : m_seed(number_of(seed)), m_size(size), m_format(format) {
  if (size < least_size(format)) return;
  m_head = head_of(format, size.get());
  if (has_clusters(format))
    m_cluster_count = std::max<std::uint64_t>(1, (size.get() - m_head.size()) / layout::k_cluster);
}

ByteCount SyntheticMedia::least_size(SyntheticFormat format) {
  return ByteCount(head_of(format, 0).size() + (has_clusters(format) ? layout::k_cluster_head : 0));
}

std::size_t SyntheticMedia::fill(ByteCount offset, std::span<std::byte> into) const {
  into = into.first(std::min<std::uint64_t>(into.size(), (m_size - offset).get()));
  if (m_format == SyntheticFormat::json) {
    fill_json(m_seed, m_size.get(), offset.get(), into);
  } else if (m_format == SyntheticFormat::text) {
    fill_text(m_seed, m_size.get(), offset.get(), into);
  } else {
    fill_noise(offset.get(), into);
    overlay(m_head, 0, offset.get(), into);
    if (m_cluster_count > 0) fill_clusters(offset.get(), into);
    // Without a structure: bytes that pass for no text.
    if (m_head.empty()) overlay(std::string_view("\0\xFF", 2), 0, offset.get(), into);
  }
  return into.size();
}

void SyntheticMedia::fill_noise(std::uint64_t offset, std::span<std::byte> into) const noexcept {
  std::byte* out = into.data();
  std::byte* const end = out + into.size();
  std::uint64_t index = offset / 8;
  std::size_t within = offset % 8;
  while (out < end) {
    const auto word = std::bit_cast<std::array<std::byte, 8>>(noise(m_seed, index++));
    const auto count = std::min<std::size_t>(8 - within, static_cast<std::size_t>(end - out));
    if (count == 8)
      std::memcpy(out, word.data(), 8);
    else
      std::memcpy(out, word.data() + within, count);
    out += count;
    within = 0;
  }
}

void SyntheticMedia::fill_clusters(std::uint64_t offset, std::span<std::byte> into) const {
  const std::uint64_t base = m_head.size();
  const std::uint64_t end = offset + into.size();
  std::uint64_t index = offset < base ? 0 : (offset - base) / layout::k_cluster;
  for (index = std::min(index, m_cluster_count - 1); index < m_cluster_count; ++index) {
    const std::uint64_t at = base + index * layout::k_cluster;
    if (at >= end) break;
    const std::uint64_t length =
        index + 1 == m_cluster_count ? m_size.get() - at : layout::k_cluster;
    overlay(layout::cluster_head(index, length), at, offset, into);
  }
}

}  // namespace reelkeep::media
