#include "reelkeep/base/byte_count.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <utility>
#include <vector>

using namespace reelkeep;

TEST_CASE("sizes are read in decimal and binary units") {
  const std::vector<std::pair<const char*, std::uint64_t>> table{
      {"0", 0},
      {"4096", 4096},
      {"512KiB", 512 * 1024},
      {"1 GiB", 1ULL << 30U},
      {"10MB", 10'000'000},
      {"64mib", 64ULL << 20U},
      {"7 B", 7},
      {" 2TB ", 2'000'000'000'000},
      {"1.5 GiB", 1'610'612'736},
      {"0.25KiB", 256},
      {"16383PiB", 16383ULL << 50U},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
  };
  for (const auto& [text, bytes] : table) {
    CAPTURE(text);
    const auto parsed = parse_byte_count(text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->get() == bytes);
  }
}

TEST_CASE("what is no size is refused with what is accepted") {
  for (const char* text : {"",
                           " ",
                           "KiB",
                           "-1",
                           "+1",
                           "1 apple",
                           "1KiBs",
                           "1.KiB",
                           ".5KiB",
                           "1.2345KiB",
                           "1.5",
                           "1.5B",
                           "1..5KiB",
                           "1.5.5KiB",
                           "0x10",
                           "1e3",
                           "18446744073709551616",
                           "16384PiB",
                           "16383.999999PiB",
                           "99999999999999999999GiB",
                           "1,5GiB"}) {
    CAPTURE(text);
    const auto parsed = parse_byte_count(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Errc::invalid);
    CHECK(parsed.error().message.find("512KiB") != std::string::npos);
  }
}

TEST_CASE("a fraction that leaves the range is refused") {
  CHECK(parse_byte_count("16383.999PiB").has_value());
  CHECK_FALSE(parse_byte_count("18446.999PB").has_value());
}

TEST_CASE("sizes are shown in the largest unit with one decimal at most") {
  const std::vector<std::pair<std::uint64_t, const char*>> table{
      {0, "0 B"},
      {512, "512 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {1024 * 1024 - 1, "1 MiB"},
      {3ULL << 29U, "1.5 GiB"},
      {std::numeric_limits<std::uint64_t>::max(), "16 EiB"},
  };
  for (const auto& [bytes, shown] : table) CHECK(to_string(ByteCount(bytes)) == shown);
}

TEST_CASE("taking away more than there is stops at zero") {
  CHECK(1_KiB - 2_KiB == ByteCount());
  CHECK(3_MiB - 1_MiB == 2_MiB);
  CHECK(1_GiB + 1_GiB == ByteCount(1ULL << 31U));
  CHECK(1_KiB < 1_MiB);
}
