#include "media/synthetic_layout.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace reelkeep::media::layout {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t k_rate = 48'000;     // samples per second, also every time scale
constexpr std::uint64_t k_sample_bytes = 4;  // two channels of 16 bits
constexpr std::uint64_t k_silence_ms = 20;   // one Opus packet

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int at = bytes - 1; at >= 0; --at)
    out += static_cast<char>(value >> (8U * static_cast<unsigned>(at)) & 0xFFU);
  return out;
}
std::string u16(std::uint64_t value) {
  return big_endian(value, 2);
}
std::string u32(std::uint64_t value) {
  return big_endian(value, 4);
}
std::string u64(std::uint64_t value) {
  return big_endian(value, 8);
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

std::string box(std::string_view type, std::initializer_list<std::string_view> parts) {
  const std::string content = join(parts);
  return u32(content.size() + 8) + std::string(type) + content;
}

/// Version 1 of a box: 64-bit times.
const std::string k_version_1 = u32(0x01000000);
const std::string k_version_0 = u32(0);

std::string matrix() {
  return join({u32(0x00010000), u32(0), u32(0), u32(0), u32(0x00010000), u32(0), u32(0), u32(0),
               u32(0x40000000)});
}

std::string sample_table(std::uint64_t samples, std::uint64_t chunk_offset) {
  const std::string entry = box("sowt", {std::string(6, '\0'), u16(1), std::string(8, '\0'), u16(2),
                                         u16(16), u32(0), u32(std::uint64_t{k_rate} << 16U)});
  return box("stbl", {box("stsd", {k_version_0, u32(1), entry}),
                      box("stts", {k_version_0, u32(1), u32(samples), u32(1)}),
                      box("stsc", {k_version_0, u32(1), u32(1), u32(samples), u32(1)}),
                      box("stsz", {k_version_0, u32(k_sample_bytes), u32(samples)}),
                      box("stco", {k_version_0, u32(1), u32(chunk_offset)})});
}

std::string movie(Brand brand, std::uint64_t samples, std::uint64_t chunk_offset) {
  const std::string times = u64(0) + u64(0);
  const std::string mvhd =
      box("mvhd", {k_version_1, times, u32(k_rate), u64(samples), u32(0x00010000), u16(0x0100),
                   std::string(10, '\0'), matrix(), std::string(24, '\0'), u32(2)});
  const std::string tkhd =
      box("tkhd", {u32(0x01000007), times, u32(1), u32(0), u64(samples), std::string(12, '\0'),
                   u16(0x0100), u16(0), matrix(), u32(0), u32(0)});
  const std::string mdhd =
      box("mdhd", {k_version_1, times, u32(k_rate), u64(samples), u16(0x55C4), u16(0)});
  const std::string_view component = brand == Brand::mov ? "mhlr"sv : "\0\0\0\0"sv;
  const std::string hdlr =
      box("hdlr", {k_version_0, component, "soun", std::string(12, '\0'), "\0"sv});
  const std::string dinf = box("dinf", {box("dref", {k_version_0, u32(1), box("url ", {u32(1)})})});
  const std::string minf =
      box("minf", {box("smhd", {k_version_0, u32(0)}), dinf, sample_table(samples, chunk_offset)});
  return box("moov", {mvhd, box("trak", {tkhd, box("mdia", {mdhd, hdlr, minf})})});
}

/// An element whose content has any length; the size takes eight bytes.
std::string long_element(std::string_view id, std::uint64_t length) {
  return std::string(id) + big_endian(std::uint64_t{1} << 56U | length, 8);
}

std::string element(std::string_view id, std::string_view content) {
  return std::string(id) + big_endian(0x4000 | content.size(), 2) + std::string(content);
}

}  // namespace

std::string mp4_head(Brand brand, std::uint64_t size) {
  const std::string ftyp = brand == Brand::mov
                               ? box("ftyp", {"qt  ", u32(0x20050300), "qt  "})
                               : box("ftyp", {"isom", u32(0x200), "isom", "iso2", "mp41"});
  const std::uint64_t before = ftyp.size() + movie(brand, 0, 0).size();
  const std::uint64_t mdat = size - std::min(size, before);
  const bool wide = mdat > std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t chunk = before + (wide ? 16 : 8);
  // The sample count has 32 bits: beyond 16 GiB the rest of the mdat is in no sample.
  const std::uint64_t samples = std::min<std::uint64_t>(
      (size - std::min(size, chunk)) / k_sample_bytes, std::numeric_limits<std::uint32_t>::max());
  return ftyp + movie(brand, samples, chunk) +
         (wide ? u32(1) + "mdat" + u64(mdat) : u32(mdat) + "mdat");
}

std::string matroska_head(DocType type, std::uint64_t size) {
  const std::string_view name = type == DocType::webm ? "webm"sv : "matroska"sv;
  const std::string ebml = element(
      "\x1A\x45\xDF\xA3"sv, join({element("\x42\x86"sv, "\x01"), element("\x42\xF7"sv, "\x01"),
                                  element("\x42\xF2"sv, "\x04"), element("\x42\xF3"sv, "\x08"),
                                  element("\x42\x82"sv, name), element("\x42\x87"sv, "\x04"),
                                  element("\x42\x85"sv, "\x02")}));
  const std::string info =
      element("\x15\x49\xA9\x66"sv,
              join({element("\x2A\xD7\xB1"sv, u32(1'000'000)), element("\x4D\x80"sv, "reelkeep"),
                    element("\x57\x41"sv, "reelkeep simulate")}));
  // OpusHead: version 1, two channels, no pre-skip, 48 kHz, no gain, mapping family 0.
  const std::string opus = join({"OpusHead\x01\x02"sv, u16(0), "\x80\xBB\0\0"sv, u16(0), "\0"sv});
  const std::string audio = element(
      "\xE1"sv, join({element("\xB5"sv, u64(0x40E7700000000000)), element("\x9F"sv, "\x02")}));
  const std::string tracks =
      element("\x16\x54\xAE\x6B"sv,
              element("\xAE"sv, join({element("\xD7"sv, "\x01"), element("\x73\xC5"sv, "\x01"),
                                      element("\x83"sv, "\x02"), element("\x86"sv, "A_OPUS"),
                                      element("\x63\xA2"sv, opus), audio})));
  const std::uint64_t before = ebml.size() + 12;
  return ebml + long_element("\x18\x53\x80\x67"sv, size - std::min(size, before)) + info + tracks;
}

std::string cluster_head(std::uint64_t index, std::uint64_t length) {
  // Track 1, relative time 0, key frame; the packet is 20 ms of silence (RFC 6716, CELT, stereo).
  constexpr std::string_view k_block = "\xA3\x87\x81\0\0\x80\xFC\xFF\xFE"sv;
  return join({long_element("\x1F\x43\xB6\x75"sv, length - 12), "\xE7\x88"sv,
               u64(index * k_silence_ms), k_block,
               long_element("\xEC"sv, length - k_cluster_head)});
}

}  // namespace reelkeep::media::layout
