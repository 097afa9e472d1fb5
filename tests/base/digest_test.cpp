#include "reelkeep/base/digest.hpp"

#include <doctest/doctest.h>

using namespace reelkeep;

TEST_CASE("a digest survives the way through its hex form") {
  const std::string hex = "00ff10a5e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b";
  const auto digest = parse_digest(hex);
  REQUIRE(digest.has_value());
  CHECK(std::to_integer<int>(digest->bytes[1]) == 0xFF);
  CHECK(digest->hex() == hex);
}

TEST_CASE("an upper-case digest is shown in lower case") {
  CHECK(parse_digest(std::string(64, 'A'))->hex() == std::string(64, 'a'));
}

TEST_CASE("anything but 64 hex digits is no digest") {
  for (const std::string& hex :
       {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(62, 'a'),
        std::string(66, 'a'), std::string(64, 'g'), std::string(63, 'a') + " "}) {
    CAPTURE(hex);
    const auto digest = parse_digest(hex);
    REQUIRE_FALSE(digest.has_value());
    CHECK(digest.error().code == Errc::invalid);
  }
}
