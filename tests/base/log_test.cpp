#include "reelkeep/base/log.hpp"

#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "support/heard.hpp"

using namespace reelkeep;
using testing::heard;

namespace {

/// A line without its time, which is checked to be one.
std::string after_time(const std::string& line) {
  const std::size_t space = line.find(' ');
  REQUIRE(space != std::string::npos);
  CHECK(parse_rfc3339(line.substr(0, space)).has_value());
  return line.substr(space + 1);
}

}  // namespace

TEST_CASE("a text line has time, level, message and fields") {
  const std::string line = heard([] {
    log::warn("cannot store", {{"artifact", "3fa9c1"}, {"error", "disk full"}});
  });
  CHECK(after_time(line) == "warn cannot store artifact=3fa9c1 error=\"disk full\"\n");
}

TEST_CASE("lines for the system journal carry a priority instead of time and level") {
  const std::string lines = heard([] {
    struct stat stream {};
    REQUIRE(::fstat(STDERR_FILENO, &stream) == 0);
    const std::string name = std::to_string(stream.st_dev) + ":" + std::to_string(stream.st_ino);
    ::setenv("JOURNAL_STREAM", name.c_str(), 1);
    log::configure(log::Level::debug, log::Format::text);
    log::error("an artifact is at risk", {{"artifact", "3fa9c1"}});
    log::info("ready");
    log::configure(log::Level::info, log::Format::json);
    log::warn("w");
    ::setenv("JOURNAL_STREAM", "1:1", 1);  // stderr was sent elsewhere since
    log::configure(log::Level::info, log::Format::text);
    log::info("elsewhere");
    ::unsetenv("JOURNAL_STREAM");
  });
  CHECK(lines.starts_with("<3>an artifact is at risk artifact=3fa9c1\n<6>ready\n<4>{\"time\":"));
  CHECK(lines.find("info elsewhere\n") != std::string::npos);
  CHECK(lines.find("<6>elsewhere") == std::string::npos);
}

TEST_CASE("field values are quoted where they would be ambiguous") {
  const std::string line = heard([] {
    log::info("x", {{"a", ""}, {"b", "q\"q"}, {"c", "k=v"}, {"d", "back\\slash"}, {"e", "plain"}});
  });
  CHECK(after_time(line) == "info x a=\"\" b=\"q\\\"q\" c=\"k=v\" d=\"back\\\\slash\" e=plain\n");
}

TEST_CASE("a value from the network cannot forge a line") {
  const std::string hostile = "x\n2026-01-04T10:00:00.000Z error forged\x1B[31m\xFF";
  for (const log::Format format : {log::Format::text, log::Format::json}) {
    const std::string line = heard([&] {
      log::configure(log::Level::info, format);
      log::info("got " + hostile, {{"name", hostile}});
    });
    CHECK(text::split(line, '\n').size() == 2);
    CHECK(line.find('\x1B') == std::string::npos);
    CHECK(text::is_valid_utf8(line));
  }
}

TEST_CASE("a json line has one member for each part") {
  const std::string line = heard([] {
    log::configure(log::Level::info, log::Format::json);
    log::error("it \"failed\"", {{"path", "a\\b"}, {"note", "\xC3\xA4\n"}});
  });
  const std::string begin = "{\"time\":\"";
  REQUIRE(line.substr(0, begin.size()) == begin);
  CHECK(parse_rfc3339(line.substr(begin.size(), 24)).has_value());
  CHECK(line.substr(begin.size() + 24) ==
        "\",\"level\":\"error\",\"message\":\"it \\\"failed\\\"\",\"path\":\"a\\\\b\","
        "\"note\":\"\xC3\xA4\\\\x0a\"}\n");
}

TEST_CASE("nothing below the level is written") {
  CHECK(log::enabled(log::Level::info));
  CHECK_FALSE(log::enabled(log::Level::debug));
  CHECK(heard([] { log::debug("quiet"); }) == "");
  const std::string all = heard([] {
    log::configure(log::Level::trace, log::Format::text);
    log::trace("one");
    log::debug("two");
    log::configure(log::Level::error, log::Format::text);
    log::warn("three");
    log::error("four");
  });
  CHECK(all.find("trace one") != std::string::npos);
  CHECK(all.find("debug two") != std::string::npos);
  CHECK(all.find("three") == std::string::npos);
  CHECK(all.find("error four") != std::string::npos);
}

TEST_CASE("lines of several threads stay whole") {
  constexpr std::size_t k_threads = 4;
  constexpr std::size_t k_lines = 200;
  const std::string all = heard([] {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < k_threads; ++i)
      threads.emplace_back([i] {
        for (std::size_t n = 0; n < k_lines; ++n)
          log::info("line", {{"from", std::to_string(i) + std::string(300, 'x')}});
      });
    for (std::thread& thread : threads) thread.join();
  });
  const auto lines = text::split(all, '\n');
  CHECK(lines.size() == k_threads * k_lines + 1);
  bool whole = true;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i)
    whole &=
        after_time(std::string(lines[i])).size() == std::string("info line from=0").size() + 300;
  CHECK(whole);
}

TEST_CASE("levels and formats are read back from their names") {
  using log::Format;
  using log::Level;
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error})
    CHECK(log::parse_level(log::to_string(level)) == level);
  for (const Format format : {Format::text, Format::json})
    CHECK(log::parse_format(log::to_string(format)) == format);
  CHECK_FALSE(log::parse_level("warning").has_value());
  CHECK_FALSE(log::parse_format("xml").has_value());
}
