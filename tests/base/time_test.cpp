#include "reelkeep/base/time.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <utility>
#include <vector>

using namespace reelkeep;
using namespace std::chrono_literals;

namespace {
Timestamp at(std::int64_t milliseconds) {
  return Timestamp(Duration(milliseconds));
}
}  // namespace

TEST_CASE("a time is written in UTC with milliseconds") {
  CHECK(to_rfc3339(at(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(at(1767520800000)) == "2026-01-04T10:00:00.000Z");
  CHECK(to_rfc3339(at(1713600000123)) == "2024-04-20T08:00:00.123Z");
  CHECK(to_rfc3339(at(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(at(951782400000)) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("times of RFC 3339 and ISO-8601 are read") {
  const std::vector<std::pair<const char*, std::int64_t>> table{
      {"2026-01-04T10:00:00.000Z", 1767520800000},
      {"2026-01-04t10:00:00z", 1767520800000},
      {"2026-01-04 10:00:00Z", 1767520800000},
      {"2026-01-04 10:00:00 +0000", 1767520800000},
      {"2026-01-04T10:00:00", 1767520800000},
      {"2026-01-04T10:00", 1767520800000},
      {"2026-01-04T10:00Z", 1767520800000},
      {"2026-01-04T15:30:00+05:30", 1767520800000},
      {"2026-01-04T15:30:00+0530", 1767520800000},
      {"2026-01-04T02:00:00-08", 1767520800000},
      {"2026-01-03T23:59:00-10:01", 1767520800000},
      {" 2026-01-04T10:00:00Z\n", 1767520800000},
      {"2026-01-04", 1767484800000},
      {"2026-01-04T10:00:00.1Z", 1767520800100},
      {"2026-01-04T10:00:00,25Z", 1767520800250},
      {"2026-01-04T10:00:00.123999999Z", 1767520800123},
      {"2016-12-31T23:59:60Z", 1483228800000},
      {"2000-02-29", 951782400000},
  };
  for (const auto& [text, milliseconds] : table) {
    CAPTURE(text);
    const auto time = parse_rfc3339(text);
    REQUIRE(time.has_value());
    CHECK(*time == at(milliseconds));
  }
}

TEST_CASE("a time survives the way through its text") {
  for (const std::int64_t milliseconds : {0LL, 1LL, 1767520800123LL, -1LL, -86400001LL})
    CHECK(*parse_rfc3339(to_rfc3339(at(milliseconds))) == at(milliseconds));
}

TEST_CASE("what is no time is refused") {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-01",
                           "2026-1-4",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-01-00",
                           "2026-01-32",
                           "2025-02-29",
                           "2026-04-31",
                           "2026-01-04T",
                           "2026-01-04T10",
                           "2026-01-04T24:00",
                           "2026-01-04T10:60",
                           "2026-01-04T10:00:61",
                           "2026-01-04T10:00:00.",
                           "2026-01-04T10:00:00.Z",
                           "2026-01-04T10:00:00X",
                           "2026-01-04T10:00:00Zx",
                           "2026-01-04T10:00:00+",
                           "1713600000",
                           "2026-01-04T10:00:00+24:00",
                           "2026-01-04T10:00:00+05:60",
                           "2026-01-04X10:00:00",
                           "-026-01-04",
                           "2026-01-04T10:00:00+5:30",
                           "+2026-01-04"}) {
    CAPTURE(text);
    const auto time = parse_rfc3339(text);
    REQUIRE_FALSE(time.has_value());
    CHECK(time.error().code == Errc::invalid);
  }
}

TEST_CASE("durations are read in the five units") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("90s") == 90s);
  CHECK(*parse_duration("15m") == 15min);
  CHECK(*parse_duration("72h") == 72h);
  CHECK(*parse_duration(" 30 d ") == 720h);
  CHECK(*parse_duration("0s") == 0s);
  CHECK(*parse_duration("0") == 0s);
  for (const char* text : {"", "5", "s", "-5s", "1.5h", "5 years", "5S", "1h30m", "5sx",
                           "9223372036854775807d", "99999999999999999999s", "0x5s"}) {
    CAPTURE(text);
    const auto duration = parse_duration(text);
    REQUIRE_FALSE(duration.has_value());
    CHECK(duration.error().code == Errc::invalid);
    CHECK(duration.error().message.find("72h") != std::string::npos);
  }
}

TEST_CASE("durations are shown in two units at most") {
  const std::vector<std::pair<Duration, const char*>> table{{0ms, "0s"},
                                                            {850ms, "850ms"},
                                                            {1s, "1s"},
                                                            {1500ms, "1s 500ms"},
                                                            {90s, "1m 30s"},
                                                            {2h + 5min, "2h 5m"},
                                                            {72h, "3d"},
                                                            {72h + 5min, "3d"},
                                                            {25h + 59min, "1d 1h"},
                                                            {59min + 59s, "59m 59s"},
                                                            {-90s, "-1m 30s"},
                                                            {2h + 5min + 59s, "2h 5m"}};
  for (const auto& [duration, shown] : table) CHECK(to_string(duration) == shown);
  CHECK(to_string(Duration(std::numeric_limits<std::int64_t>::min())) == "-106751991167d 7h");
}

TEST_CASE("a moment is told from the present") {
  const Timestamp now = at(1767520800000);
  CHECK(relative(now, now) == "now");
  CHECK(relative(now + 999ms, now) == "now");
  CHECK(relative(now - 999ms, now) == "now");
  CHECK(relative(now + 1500ms, now) == "in 1s");
  CHECK(relative(now + 2h + 5min, now) == "in 2h 5m");
  CHECK(relative(now - 72h, now) == "3d ago");
}
