#include "media/synthetic.hpp"

#include <array>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

#include "media/judge.hpp"

using namespace reelkeep;
using namespace reelkeep::media;

namespace {

constexpr std::array k_formats = {SyntheticFormat::mp4,      SyntheticFormat::mov,
                                  SyntheticFormat::matroska, SyntheticFormat::webm,
                                  SyntheticFormat::json,     SyntheticFormat::text};

bool is_picture(SyntheticFormat format) {
  return format != SyntheticFormat::json && format != SyntheticFormat::text;
}

std::vector<std::byte> whole(const SyntheticMedia& file) {
  std::vector<std::byte> bytes(file.size().get());
  CHECK(file.fill(ByteCount(), bytes) == bytes.size());
  return bytes;
}

ReadAt reader(const SyntheticMedia& file) {
  return [&file](ByteCount offset, std::span<std::byte> into) {
    return Result<std::size_t>(file.fill(offset, into));
  };
}

}  // namespace

TEST_CASE("every format name is read back") {
  for (const SyntheticFormat format : k_formats)
    CHECK(parse_synthetic_format(to_string(format)) == format);
  CHECK_FALSE(parse_synthetic_format("avi").has_value());
}

TEST_CASE("any part of a synthetic file is the same as that part of the whole") {
  std::mt19937_64 random(7);  // fixed: the same parts in every run
  for (const SyntheticFormat format : k_formats) {
    const SyntheticMedia file("seed", ByteCount(3'333'337), format);
    const std::vector<std::byte> bytes = whole(file);
    const SyntheticMedia again("seed", ByteCount(3'333'337), format);
    for (int round = 0; round < 300; ++round) {
      const std::uint64_t offset = random() % (bytes.size() + 10);
      std::vector<std::byte> part(random() % (round % 10 == 0 ? 300'000 : 200) + 1);
      const std::size_t held = again.fill(ByteCount(offset), part);
      const std::size_t left = bytes.size() - std::min<std::size_t>(offset, bytes.size());
      CHECK(held == std::min(part.size(), left));
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() - left);
      CHECK(std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(held), from));
    }
  }
}

TEST_CASE("another seed gives other bytes") {
  for (const SyntheticFormat format : k_formats)
    CHECK(whole(SyntheticMedia("a", ByteCount(5000), format)) !=
          whole(SyntheticMedia("b", ByteCount(5000), format)));
}

TEST_CASE("synthetic recordings pass our judge at every size, small and huge") {
  for (const SyntheticFormat format : k_formats) {
    if (!is_picture(format)) continue;
    const std::uint64_t least = SyntheticMedia::least_size(format).get();
    for (const std::uint64_t size :
         {std::uint64_t{2}, std::uint64_t{9}, least - 1, least, least + 1, std::uint64_t{1} << 20U,
          (std::uint64_t{1} << 20U) * 2 + least - 1, (std::uint64_t{1} << 32U) + 1000,
          std::uint64_t{1} << 44U}) {
      CAPTURE(to_string(format));
      CAPTURE(size);
      const SyntheticMedia file("seed", ByteCount(size), format);
      CHECK(judge(Expectation::moving_picture, file.size(), reader(file)));
    }
  }
}

TEST_CASE("a synthetic recording that is cut does not pass our judge") {
  for (const SyntheticFormat format : k_formats) {
    if (!is_picture(format)) continue;
    const SyntheticMedia file("seed", ByteCount(5'000'000'000), format);
    CAPTURE(to_string(format));
    CHECK_FALSE(judge(Expectation::moving_picture, ByteCount(4'999'999'999), reader(file)));
    CHECK_FALSE(judge(Expectation::moving_picture, ByteCount(2000), reader(file)));
  }
}

TEST_CASE("synthetic text and JSON are what they say, and no recordings") {
  for (const SyntheticFormat format : {SyntheticFormat::json, SyntheticFormat::text})
    for (const std::uint64_t size : {1U, 2U, 3U, 130U, 131U, 100'000U}) {
      const SyntheticMedia file("seed", ByteCount(size), format);
      CAPTURE(size);
      CHECK(judge(Expectation::anything_but_html, file.size(), reader(file)));
      CHECK_FALSE(judge(Expectation::moving_picture, file.size(), reader(file)));
    }
}

TEST_CASE("a synthetic JSON file is one array of objects of the size asked for") {
  const std::vector<std::byte> bytes =
      whole(SyntheticMedia("seed", ByteCount(128 * 40 + 60), SyntheticFormat::json));
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(text.starts_with("[\n{\"at\": \"2026-01-04T00:00:00.000Z\", \"from\": \"participant-0"));
  std::size_t opened = 0;
  std::size_t closed = 0;
  std::size_t quotes = 0;
  for (const char c : text) {
    opened += c == '{';
    closed += c == '}';
    quotes += c == '"';
  }
  CHECK(opened == 40);
  CHECK(closed == 40);
  CHECK(quotes == 40 * 12);
  CHECK(text.substr(128 * 40, 3) == " \n]");
  CHECK(text.ends_with(" \n"));
}
