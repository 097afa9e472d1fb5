#include "simulate/failure.hpp"

#include <doctest/doctest.h>
#include <string_view>

#include "simulate/options.hpp"

using namespace reelkeep;
using namespace reelkeep::simulate;
using Kind = Failure::Kind;

TEST_CASE("every failure that can be written is read back the same") {
  for (const std::string_view text :
       {"403",          "404:2",         "slow:65536", "slow:100:2", "503:5:30",
        "truncate:0.5", "stall:0.25:1",  "short:0.9",  "html",       "html:2",
        "json",         "empty",         "gzip",       "redirect",   "changed:1",
        "no-ranges",    "no-validator",  "weak-etag",  "wrong-size", "403@recording",
        "404:2@25%",    "html@chat.json"}) {
    CAPTURE(text);
    const auto rule = parse_failure(text);
    REQUIRE(rule);
    CHECK(to_string(*rule) == text);
    CHECK(*parse_failure(to_string(*rule)) == *rule);
  }
}

TEST_CASE("the parts of a failure are taken apart") {
  const auto busy = *parse_failure("503:5:30");
  CHECK(busy.failure.kind == Kind::status);
  CHECK(busy.failure.status == 503);
  CHECK(busy.failure.times == 5);
  CHECK(busy.failure.retry_after.count() == 30);
  const auto cut = *parse_failure("truncate@transcoded");
  CHECK(cut.failure.kind == Kind::truncate);
  CHECK(cut.failure.share == doctest::Approx(0.5));
  CHECK_FALSE(cut.failure.times.has_value());
  CHECK(cut.target.kind == ArtifactKind::transcoded);
  CHECK(parse_failure("stall:10%:1")->failure.share == doctest::Approx(0.1));
  CHECK(parse_failure("changed")->failure.times == 1);
}

TEST_CASE("a failure that cannot be understood is refused with a reason") {
  for (const std::string_view text :
       {"", "42", "200", "404:x", "404:-1", "404:1:1:1", "truncate:2", "truncate:-1",
        "truncate:nan", "truncate:0.5:1:1", "no-ranges:1", "html:", "slow:0", "slow:fast", "403@",
        "403@150%", "explode"}) {
    CAPTURE(text);
    const auto rule = parse_failure(text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().code == Errc::invalid);
  }
  CHECK(parse_failure("trucnate").error().message ==
        "failure 'trucnate': not known, did you mean 'truncate'?");
}

TEST_CASE("a failure for a number of times ends after them") {
  const Failure twice = parse_failure("404:2")->failure;
  CHECK(twice.applies(0));
  CHECK(twice.applies(1));
  CHECK_FALSE(twice.applies(2));
  CHECK(parse_failure("404")->failure.applies(1'000'000));
}

TEST_CASE("a share of the files is met exactly, whatever the share") {
  for (const int percent : {0, 1, 10, 25, 33, 50, 99, 100}) {
    const auto rule = *parse_failure("403@" + std::to_string(percent) + "%");
    int hit = 0;
    for (std::size_t index = 0; index < 1000; ++index)
      hit += rule.target.matches(index, ArtifactKind::recording, "x.mp4") ? 1 : 0;
    CHECK(hit == percent * 10);
  }
}

TEST_CASE("a target of a kind or of a name leaves the other files alone") {
  const auto kind = parse_failure("403@recording")->target;
  CHECK(kind.matches(0, ArtifactKind::recording, "a.mp4"));
  CHECK_FALSE(kind.matches(0, ArtifactKind::chatdata, "recording.json"));
  const auto name = parse_failure("403@participant-2")->target;
  CHECK(name.matches(0, ArtifactKind::recording, "participant-2.mov"));
  CHECK_FALSE(name.matches(0, ArtifactKind::recording, "participant-1.mov"));
}

TEST_CASE("kinds are read from a list, and unknown ones are refused with what is known") {
  CHECK(*parse_kinds("all") == StandInOptions::every_kind());
  CHECK(*parse_kinds("recording, chatdata,recording") ==
        std::vector{ArtifactKind::recording, ArtifactKind::chatdata});
  CHECK(parse_kinds("recording,films")
            .error()
            .message.starts_with("kind 'films' is not known: all, recording, transcoded"));
}

TEST_CASE("options that make no sense are refused") {
  CHECK(StandInOptions().check());
  CHECK_FALSE(StandInOptions{.sessions = 0}.check());
  CHECK_FALSE(StandInOptions{.sessions = 10'000'000}.check());
  CHECK_FALSE(StandInOptions{.duplicates = 1.5}.check());
  CHECK_FALSE(StandInOptions{.app_id = ""}.check());
  CHECK_FALSE(StandInOptions{.public_url = "not a url"}.check());
  CHECK_FALSE(StandInOptions{.public_url = "http://files.example.com/"}.check());
}
