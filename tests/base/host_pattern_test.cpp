#include <doctest/doctest.h>

#include "reelkeep/base/url.hpp"

using namespace reelkeep;

namespace {
bool matches(const char* pattern, const char* url) {
  CAPTURE(pattern);
  CAPTURE(url);
  const auto parsed = HostPattern::parse(pattern);
  REQUIRE(parsed.has_value());
  const auto target = Url::parse(url);
  REQUIRE(target.has_value());
  return parsed->matches(*target);
}
}  // namespace

TEST_CASE("a pattern below a domain takes any depth, but not the domain itself") {
  CHECK(matches("*.enablex.io", "https://portal.enablex.io/x"));
  CHECK(matches("*.enablex.io", "https://a.b.enablex.io:8443/x"));
  CHECK(matches("*.EnableX.io", "https://PORTAL.enablex.IO/"));
  CHECK(matches("*.enablex.io", "https://portal.enablex.io./"));
  CHECK_FALSE(matches("*.enablex.io", "https://enablex.io/"));
  CHECK_FALSE(matches("*.enablex.io", "https://evilenablex.io/"));
  CHECK_FALSE(matches("*.enablex.io", "https://enablex.io.evil.com/"));
  CHECK_FALSE(matches("*.enablex.io", "https://portal.enablex.io@evil.com/"));
}

TEST_CASE("a plain host takes itself only") {
  CHECK(matches("files.example.com", "https://files.example.com:444/"));
  CHECK_FALSE(matches("files.example.com", "https://x.files.example.com/"));
  CHECK_FALSE(matches("files.example.com", "https://files.example.com.evil.net/"));
}

TEST_CASE("a port, once written, must be the one that is used") {
  CHECK(matches("host:8443", "https://host:8443/"));
  CHECK_FALSE(matches("host:8443", "https://host/"));
  CHECK(matches("host:443", "https://host/"));
  CHECK_FALSE(matches("host:443", "http://host/"));
  CHECK(matches("*.x.io:443", "https://a.x.io/"));
  CHECK(matches("[::1]:443", "https://[0:0::1]/"));
  CHECK_FALSE(matches("[::1]:443", "https://[::2]/"));
  CHECK(matches("[::1]", "http://[::1]:8080/"));
}

TEST_CASE("what is no host pattern is refused") {
  for (const char* text :
       {"",      "*",   "*.",        "a.*.io",     "**.io",  "*x.io",       "https://host",
        "host/", "a b", "host:0",    "host:65536", "host:x", "*.[::1]",     "::1",
        "[::1",  "[x]", "user@host", "a..b",       ".a",     "h\xC3\xB6st", "a,b",
        "*.*.io"}) {
    CAPTURE(text);
    const auto pattern = HostPattern::parse(text);
    REQUIRE_FALSE(pattern.has_value());
    CHECK(pattern.error().code == Errc::invalid);
  }
}

TEST_CASE("a pattern is shown in its normal form") {
  CHECK(HostPattern::parse("*.EnableX.IO")->text() == "*.enablex.io");
  CHECK(HostPattern::parse("[0::1]:443")->text() == "[::1]:443");
  CHECK(*HostPattern::parse("A") == *HostPattern::parse("a"));
}
