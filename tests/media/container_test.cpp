#include "media/container.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>

#include "memory.hpp"

using namespace reelkeep;
using namespace reelkeep::media;
using namespace std::string_literals;

namespace {

constexpr auto k_picture = Expectation::moving_picture;

std::string number(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned at = bytes; at-- > 0;) out += static_cast<char>(value >> (8 * at) & 0xFF);
  return out;
}

std::string box(const std::string& type, const std::string& content) {
  return number(content.size() + 8, 4) + type + content;
}

std::string wide_box(const std::string& type, const std::string& content) {
  return number(1, 4) + type + number(content.size() + 16, 8) + content;
}

const std::string k_ftyp = box("ftyp", "isom\0\0\2\0"s);
const std::string k_payload = std::string(300, '\x9C');

const std::string k_ebml = "\x1A\x45\xDF\xA3\x84\x42\x86\x81\x01"s;

std::string segment(const std::string& content) {
  return "\x18\x53\x80\x67\x01"s + number(content.size(), 7) + content;
}

}  // namespace

TEST_CASE("an MP4 whose boxes end with its file is accepted") {
  CHECK(verdict(k_picture, k_ftyp + box("mdat", k_payload) + box("moov", "x")).empty());
  CHECK(verdict(k_picture, k_ftyp + wide_box("mdat", k_payload)).empty());
  CHECK(verdict(k_picture, box("wide", "") + box("mdat", k_payload)).empty());
  // size 0: to the end of the file
  CHECK(verdict(k_picture, k_ftyp + number(0, 4) + "mdat" + k_payload).empty());
}

TEST_CASE("an MP4 cut anywhere inside a box or its header is truncated") {
  const std::string whole =
      k_ftyp + box("moov", k_payload) + wide_box("mdat", k_payload) + box("free", "1234");
  REQUIRE(verdict(k_picture, whole).empty());
  for (std::size_t length = 8; length < whole.size(); ++length) {
    std::size_t boundary = 0;
    bool on_boundary = false;
    for (const std::size_t box_size : {k_ftyp.size(), std::size_t{308}, std::size_t{316}}) {
      boundary += box_size;
      // Up to three bytes are too few to be told from harmless trailing ones.
      on_boundary = on_boundary || (length >= boundary && length < boundary + 4);
    }
    CAPTURE(length);
    CHECK(verdict(k_picture, whole.substr(0, length)).starts_with("a truncated file: ") !=
          on_boundary);
  }
}

TEST_CASE("the words name the box and both sizes") {
  const std::string cut = k_ftyp + number(5000, 4) + "mdat" + k_payload;
  CHECK(verdict(k_picture, cut) ==
        "a truncated file: its 'mdat' box needs 5016 bytes, more than the 324 received");
}

TEST_CASE("an error page appended to an MP4 is noticed") {
  CHECK_FALSE(verdict(k_picture, k_ftyp + box("mdat", k_payload) + "<html>416</html>").empty());
}

TEST_CASE("what is merely odd about an MP4 is accepted") {
  CHECK(verdict(k_picture, k_ftyp + number(3, 4) + "mdat" + k_payload).empty());
  CHECK(verdict(k_picture, k_ftyp + number(1, 4) + "mdat" + number(9, 8) + k_payload).empty());
  CHECK(verdict(k_picture, k_ftyp + number(99, 4) + "\1\2\3\4" + k_payload).empty());
  CHECK(verdict(k_picture, k_ftyp + std::string(3, '\n')).empty());
  CHECK(verdict(k_picture, k_ftyp + std::string(4, '\0')).empty());
  CHECK(verdict(k_picture, k_ftyp + box("\xA9xyz", "1") + box("zzzz", "2")).empty());
}

TEST_CASE("a 64-bit box size near the limit does not overflow") {
  const std::string huge = k_ftyp + number(1, 4) + "mdat" + number(~std::uint64_t{0}, 8);
  CHECK(verdict(k_picture, huge) ==
        "a truncated file: its 'mdat' box needs more than the 32 received");
}

TEST_CASE("a file of countless boxes takes a bounded number of reads") {
  std::size_t reads = 0;
  const ReadAt endless = [&reads](ByteCount, std::span<std::byte> into) {
    ++reads;
    const std::string free_box =
        "\0\0\0\x08"
        "free"s;
    for (std::size_t at = 0; at < into.size(); ++at)
      into[at] = static_cast<std::byte>(free_box[at % 8]);
    return Result<std::size_t>(into.size());
  };
  CHECK(check_container(ByteCount(std::uint64_t{1} << 50U), endless));
  CHECK(reads < 300'000);
}

TEST_CASE("a Matroska file whose segment ends with its file is accepted") {
  CHECK(verdict(k_picture, k_ebml + segment(k_payload)).empty());
  CHECK(verdict(k_picture, k_ebml + "\xEC\x82xx" + segment(k_payload)).empty());
  CHECK(verdict(k_picture, k_ebml + segment(k_payload) + k_ebml + segment("x")).empty());
  CHECK(verdict(k_picture, k_ebml + segment(k_payload) + "trailing").empty());
}

TEST_CASE("a Matroska segment of unknown size is accepted at every length") {
  const std::string eight = k_ebml + "\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF" + k_payload;
  const std::string one = k_ebml + "\x18\x53\x80\x67\xFF" + k_payload;
  CHECK(verdict(k_picture, eight).empty());
  CHECK(verdict(k_picture, one).empty());
  CHECK(verdict(k_picture, one.substr(0, one.size() / 2)).empty());
}

TEST_CASE("a Matroska file cut inside its header or segment is truncated") {
  const std::string whole = k_ebml + segment(k_payload);
  for (std::size_t length = 4; length < whole.size(); ++length) {
    // Between the two elements, or with less than the identifier of the second, nothing is known.
    const bool told = length < k_ebml.size() || length >= k_ebml.size() + 4;
    CAPTURE(length);
    CHECK(verdict(k_picture, whole.substr(0, length)).starts_with("a truncated file: ") == told);
  }
}

TEST_CASE("a malformed EBML size is not taken for truncation") {
  CHECK(verdict(k_picture, k_ebml + "\x18\x53\x80\x67\x00" + k_payload).empty());
  CHECK(verdict(k_picture, "\x1A\x45\xDF\xA3\x00"s + k_payload).empty());
}
