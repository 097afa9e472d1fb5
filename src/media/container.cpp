#include "media/container.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace reelkeep::media {
namespace {

/// A day of fragments of one second has 172,800 boxes at the top level; reading is 16 bytes each.
constexpr int k_most_elements = 200'000;

constexpr std::uint64_t k_unknown_size = ~std::uint64_t{0};
constexpr std::uint32_t k_ebml = 0x1A45DFA3;
constexpr std::uint32_t k_segment = 0x18538067;
constexpr std::uint32_t k_void = 0xEC;
constexpr std::uint32_t k_crc32 = 0xBF;

using Header = std::array<std::byte, 16>;

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8U | std::to_integer<std::uint64_t>(byte);
  return value;
}

std::string_view type_of(const Header& header) {
  return {reinterpret_cast<const char*>(header.data()) + 4, 4};
}

/// Box types that a file may begin with (ISO 14496-12, QuickTime File Format).
bool begins_mp4(const Header& header, std::size_t held) {
  static constexpr std::array<std::string_view, 10> k_first = {
      "ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp", "moof", "sidx"};
  return held >= 8 && std::find(k_first.begin(), k_first.end(), type_of(header)) != k_first.end();
}

/// Printable ASCII or the copyright sign of QuickTime's own types.
bool is_box_type(std::string_view type) {
  return std::all_of(type.begin(), type.end(),
                     [](char c) { return (c >= 0x20 && c <= 0x7E) || c == '\xA9'; });
}

Error ends_beyond(std::string_view what, std::uint64_t offset, std::uint64_t declared,
                  std::uint64_t size) {
  std::string needs = " needs more than the ";
  if (declared != k_unknown_size && declared <= k_unknown_size - offset)
    needs = " needs " + std::to_string(offset + declared) + " bytes, more than the ";
  return Error{Errc::corrupt, "a truncated file: " + std::string(what) + needs +
                                  std::to_string(size) + " received"};
}

Status walk_mp4(std::uint64_t size, const ReadAt& read) {
  std::uint64_t offset = 0;
  for (int boxes = 0; boxes < k_most_elements && offset < size; ++boxes) {
    Header header{};
    REELKEEP_ASSIGN(const std::size_t held,
                    read_exactly(ByteCount(size), read, ByteCount(offset), header));
    if (held < 4) return {};
    std::uint64_t length = big_endian(std::span(header).first(4));
    if (length == 0) return {};  // to the end of the file, or a terminator
    // A cut header: its type is not whole, its length already says that more should follow.
    if (held < 8) {
      if (length == 1 || length >= 8)
        return ends_beyond("a box header", offset, k_unknown_size, size);
      return {};
    }
    const std::string_view type = type_of(header);
    if (!is_box_type(type)) return {};
    const std::string name = "its '" + std::string(type) + "' box";
    std::uint64_t least = 8;
    if (length == 1) {
      if (held < 16) return ends_beyond(name, offset, k_unknown_size, size);
      length = big_endian(std::span(header).subspan(8, 8));
      least = 16;
    }
    if (length < least) return {};
    if (length > size - offset) return ends_beyond(name, offset, length, size);
    offset += length;
  }
  return {};
}

struct Element {
  std::uint32_t id = 0;
  std::size_t header = 0;    ///< bytes of identifier and size; 0: cannot be read as an element
  std::uint64_t length = 0;  ///< of the content; k_unknown_size where the file does not say
  bool cut = false;          ///< the identifier is whole, the size is not
};

Element element_of(std::span<const std::byte> bytes) {
  Element element;
  const auto first = std::to_integer<std::uint8_t>(bytes[0]);
  const auto id_width = static_cast<std::size_t>(std::countl_zero(first)) + 1;
  if (id_width > 4 || id_width > bytes.size()) return element;
  element.id = static_cast<std::uint32_t>(big_endian(bytes.first(id_width)));
  bytes = bytes.subspan(id_width);
  if (bytes.empty()) {
    element.cut = true;
    return element;
  }
  const auto lead = std::to_integer<std::uint8_t>(bytes[0]);
  const auto width = static_cast<std::size_t>(std::countl_zero(lead)) + 1;
  if (width > 8) return element;
  if (width > bytes.size()) {
    element.cut = true;
    return element;
  }
  const std::uint64_t mask = (std::uint64_t{1} << (7 * width)) - 1;
  const std::uint64_t value = big_endian(bytes.first(width)) & mask;
  element.length = value == mask ? k_unknown_size : value;
  element.header = id_width + width;
  return element;
}

std::string_view name_of(std::uint32_t id) {
  if (id == k_ebml) return "its EBML header";
  if (id == k_segment) return "its Matroska segment";
  if (id == k_void || id == k_crc32) return "a Matroska element";
  return {};
}

Status walk_matroska(std::uint64_t size, const ReadAt& read) {
  std::uint64_t offset = 0;
  for (int elements = 0; elements < k_most_elements && offset < size; ++elements) {
    Header header{};
    REELKEEP_ASSIGN(const std::size_t held,
                    read_exactly(ByteCount(size), read, ByteCount(offset), header));
    const Element element = element_of(std::span(header).first(held));
    const std::string_view name = name_of(element.id);
    if (name.empty()) return {};
    if (element.cut) return ends_beyond(name, offset, k_unknown_size, size);
    if (element.header == 0 || element.length == k_unknown_size) return {};
    const std::uint64_t content = offset + element.header;
    if (element.length > size - content) return ends_beyond(name, content, element.length, size);
    offset = content + element.length;
  }
  return {};
}

}  // namespace

Result<std::size_t> read_exactly(ByteCount size, const ReadAt& read, ByteCount offset,
                                 std::span<std::byte> into) {
  const std::size_t wanted = std::min<std::uint64_t>(into.size(), (size - offset).get());
  std::size_t held = 0;
  while (held < wanted) {
    REELKEEP_ASSIGN(const std::size_t more,
                    read(offset + ByteCount(held), into.subspan(held, wanted - held)));
    if (more == 0)
      return Error{Errc::corrupt, "a truncated file: it ends at byte " +
                                      std::to_string(offset.get() + held) + " of " +
                                      std::to_string(size.get())};
    held += more;
  }
  return held;
}

Status check_container(ByteCount size, const ReadAt& read) {
  Header header{};
  REELKEEP_ASSIGN(const std::size_t held, read_exactly(size, read, ByteCount(), header));
  if (begins_mp4(header, held)) return walk_mp4(size.get(), read);
  if (held >= 4 && big_endian(std::span(header).first(4)) == k_ebml)
    return walk_matroska(size.get(), read);
  return {};
}

}  // namespace reelkeep::media
