#include "cli/arguments.hpp"

#include <doctest/doctest.h>

namespace reelkeep::cli {
namespace {

const Timestamp k_now = parse_rfc3339("2026-01-04T10:00:00Z").value();

Arguments parsed(std::vector<std::string> words) {
  auto result = parse_arguments(std::move(words), k_now);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
  return std::get<Arguments>(*std::move(result));
}

template <class Wanted>
Wanted as(std::vector<std::string> words) {
  return std::get<Wanted>(parsed(std::move(words)).command);
}

std::string refused(std::vector<std::string> words) {
  const auto result = parse_arguments(std::move(words), k_now);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid);
  return result.error().message;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("--config is taken before and after the command") {
  CHECK(parsed({"--config", "a.toml", "sessions"}).config == "a.toml");
  CHECK(parsed({"sessions", "--config", "a.toml"}).config == "a.toml");
  CHECK(parsed({"--config=a.toml", "sessions"}).config == "a.toml");
  CHECK(parsed({"sessions"}).config == std::nullopt);
}

TEST_CASE("a bare --wait never takes the argument after it, but for a duration") {
  const auto bare = as<RedownloadArguments>({"redownload", "--wait", "C1"});
  CHECK(bare.conf_num == ConfNum("C1"));
  CHECK(bare.wait);
  CHECK(bare.limit == std::nullopt);
  CHECK(as<RedownloadArguments>({"redownload", "C1", "--wait=90s"}).limit == Duration(90'000));
  CHECK(as<RedownloadArguments>({"redownload", "C1", "--wait", "90s"}).limit == Duration(90'000));
  CHECK_FALSE(as<RedownloadArguments>({"redownload", "C1"}).wait);
  CHECK(has(refused({"redownload", "C1", "--wait=soon"}), "--wait soon"));
}

TEST_CASE("verify reads all, a session or an artifact, in full unless it is quick") {
  CHECK_FALSE(as<VerifyArguments>({"verify"}).conf_num.has_value());
  CHECK(as<VerifyArguments>({"verify", "C1"}).depth == Depth::full);
  CHECK(as<VerifyArguments>({"verify", "--quick", "--store", "s3"}).depth == Depth::quick);
  CHECK(as<VerifyArguments>({"verify", "--store", "s3"}).store == StoreId("s3"));
  CHECK(has(refused({"verify", "C1", "--artifact", "3fa9"}), "not both"));
}

TEST_CASE("people get fifty rows, scripts all, and --limit decides for both") {
  CHECK(as<SessionsArguments>({"sessions"}).filter.limit == 50);
  CHECK(as<SessionsArguments>({"sessions", "--json"}).filter.limit == -1);
  CHECK(as<SessionsArguments>({"sessions", "--json", "--limit", "3"}).filter.limit == 3);
  CHECK(has(refused({"sessions", "--limit", "0"}), "1 or more"));
  CHECK(has(refused({"sessions", "--limit", "x"}), "--limit x: has to be a number"));
  CHECK(has(refused({"replay", "x"}), "SEQ x: has to be a number"));
}

TEST_CASE("--since is a time or an age") {
  CHECK(as<DeliveriesArguments>({"deliveries", "--since", "24h"}).filter.since ==
        k_now - std::chrono::hours(24));
  CHECK(as<DeliveriesArguments>({"deliveries", "--since", "2026-01-01"}).filter.since ==
        parse_rfc3339("2026-01-01T00:00:00Z").value());
  CHECK(has(refused({"deliveries", "--since", "yesterday"}), "--since yesterday"));
}

TEST_CASE("what is not known is refused with what is nearest to it") {
  CHECK(has(refused({"sesions"}), "did you mean sessions?"));
  CHECK(has(refused({"show", "C1", "--jsno"}), "did you mean --json?"));
  CHECK(has(refused({"sessions", "--state", "overdu"}), "did you mean overdue?"));
  CHECK(has(refused({"paths", "C1", "--kind", "recordings"}), "did you mean recording?"));
  CHECK(has(refused({"show", "C1", "C2"}), "unexpected argument C2"));
  CHECK(has(refused({"show"}), "show what? give a CONF_NUM or --artifact ID"));
  CHECK(has(refused({}), "which command?"));
  CHECK(has(refused({"--config", "a.toml"}), "which command?"));
  CHECK(has(refused({"--bogus"}), "unknown option --bogus; all of them: reelkeep --help"));
  CHECK(has(refused({"--confg=a.toml"}), "did you mean --config?"));
}

TEST_CASE("a state of sessions is none of deliveries") {
  CHECK(as<DeliveriesArguments>({"deliveries", "--state", "pending"}).filter.state == "pending");
  CHECK(has(refused({"deliveries", "--state", "overdue"}), "known: pending"));
}

TEST_CASE("repeated options gather, and never take the session's number") {
  const auto it = as<RedownloadArguments>(
      {"redownload", "--artifact", "3f", "--artifact", "a0", "--kind", "cdr", "C1"});
  CHECK(it.artifacts == std::vector<std::string>{"3f", "a0"});
  CHECK(it.kinds == std::vector{ArtifactKind::cdr});
  CHECK(it.conf_num == ConfNum("C1"));
}

TEST_CASE("giving up needs a target and a reason") {
  CHECK(has(refused({"cancel", "--reason", "x"}), "cancel what?"));
  CHECK(has(refused({"cancel", "C1"}), "--reason"));
  CHECK(has(refused({"cancel", "C1", "--reason", "  "}), "--reason"));
  const auto it = as<CancelArguments>({"cancel", "--artifact", "3f", "--reason", "test call"});
  CHECK(it.conf_num == std::nullopt);
  CHECK(it.reason == "test call");
}

TEST_CASE("--unmasked without --raw is refused") {
  CHECK(has(refused({"deliveries", "--unmasked"}), "--raw"));
  CHECK(as<DeliveriesArguments>({"deliveries", "--raw", "3", "--unmasked"}).raw == Seq(3));
}

TEST_CASE("every command has help with an example") {
  for (const char* command : {"serve", "check", "sessions", "show", "paths", "deliveries",
                              "redownload", "replay", "cancel", "accept", "simulate"}) {
    CAPTURE(command);
    const auto answer = parse_arguments({command, "--help"}, k_now);
    REQUIRE(answer.has_value());
    const std::string text = std::get<Answer>(*answer).text;
    CHECK(has(text, "Example:\n  reelkeep " + std::string(command)));
    const auto other = parse_arguments({"help", command}, k_now);
    REQUIRE(other.has_value());
    CHECK(std::get<Answer>(*other).text == text);
  }
  CHECK(std::get<Answer>(parse_arguments({"--version"}, k_now).value()).text ==
        "reelkeep " REELKEEP_VERSION "\n");
}

}  // namespace
}  // namespace reelkeep::cli
