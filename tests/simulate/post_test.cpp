#include "simulate/post.hpp"

#include <deque>
#include <doctest/doctest.h>
#include <string>
#include <vector>

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

/// Answers what it is told to, then 200; keeps what it was sent.
class ScriptedClient final : public HttpClient {
 public:
  Result<HttpAnswer> send(const HttpRequest& request) override {
    sent.push_back(request);
    if (script.empty()) return HttpAnswer{.status = 200, .headers = {}, .body = "{}"};
    auto answer = script.front();
    script.pop_front();
    return answer;
  }
  std::vector<HttpRequest> sent;
  std::deque<Result<HttpAnswer>> script;
};

struct Fixture {
  ScriptedClient client;
  std::vector<std::int64_t> waited;
  std::vector<PostProgress> steps;
  PostOptions options;
  std::vector<SimulatedEvent> events{{"session_start", ConfNum("c1"), "{\"a\":1}"},
                                     {"session_stop", ConfNum("c1"), "{\"a\":2}"}};

  Fixture() {
    options.url = *Url::parse("http://127.0.0.1:8080/webhook");
    options.wait = [this](Duration duration) {
      waited.push_back(duration.count());
      return true;
    };
  }
  Status post() {
    return post_events(client, events, options,
                       [this](const PostProgress& step) { steps.push_back(step); });
  }
};

HttpAnswer answer(int status, std::string body = "{}") {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "events are posted in order, byte for byte, with the credential") {
  options.credential = Credential{"enablex", Secret("pw")};
  REQUIRE(post());
  REQUIRE(client.sent.size() == 2);
  CHECK(client.sent[0].method == "POST");
  CHECK(client.sent[0].body == "{\"a\":1}");
  CHECK(client.sent[1].body == "{\"a\":2}");
  CHECK(client.sent[0].credential == options.credential);
  CHECK(waited.empty());
  REQUIRE(steps.size() == 2);
  CHECK(steps[1].number == 2);
  CHECK(steps[1].total == 2);
  CHECK_FALSE(steps[1].failure.has_value());
}

TEST_CASE_FIXTURE(Fixture, "an event is posted again until it is accepted, with growing delays") {
  options.retry_min = Duration(100);
  options.retry_max = Duration(300);
  client.script = {answer(503), Error{Errc::unavailable, "connection refused"}, answer(500),
                   answer(429), answer(200)};
  REQUIRE(post());
  CHECK(client.sent.size() == 6);
  CHECK(client.sent[4].body == "{\"a\":1}");
  CHECK(waited == std::vector<std::int64_t>{100, 200, 300, 300});
  REQUIRE(steps.size() == 6);
  CHECK(steps[0].failure->message == "http://127.0.0.1:8080/webhook answers 503");
  CHECK(steps[1].failure->message == "connection refused");
  CHECK(steps[4].attempt == 5);
  CHECK_FALSE(steps[4].failure.has_value());
}

TEST_CASE_FIXTURE(Fixture, "a longer Retry-After is respected, a broken one is not") {
  auto busy = answer(503);
  busy.headers = {{"retry-after", "7"}};
  auto broken = answer(503);
  broken.headers = {{"retry-after", "soon"}};
  client.script = {busy, broken};
  options.retry_min = Duration(100);
  REQUIRE(post());
  CHECK(waited == std::vector<std::int64_t>{7000, 200});
}

TEST_CASE_FIXTURE(Fixture, "the delay between events is waited once between each two") {
  options.delay = Duration(50);
  events.push_back(events[0]);
  REQUIRE(post());
  CHECK(waited == std::vector<std::int64_t>{50, 50});
}

TEST_CASE_FIXTURE(Fixture, "an answer that will not change ends the posting and names its cause") {
  const auto code_of = [this](int status) {
    client.script = {answer(status)};
    const Status result = post();
    REQUIRE_FALSE(result);
    return result.error().code;
  };
  CHECK(code_of(401) == Errc::unauthorized);
  CHECK(code_of(403) == Errc::unauthorized);
  CHECK(code_of(404) == Errc::not_found);
  CHECK(code_of(413) == Errc::invalid);
  CHECK(code_of(302) == Errc::invalid);
  CHECK(waited.empty());
}

TEST_CASE_FIXTURE(Fixture, "a wait that says no stops the posting as cancelled") {
  client.script = {answer(503)};
  options.wait = [](Duration) { return false; };
  const Status result = post();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::cancelled);
  CHECK(client.sent.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "the agent's word on duplicates is passed on") {
  client.script = {answer(200, "{\"delivery\": 1, \"duplicate\": true}"), answer(200, "ok")};
  REQUIRE(post());
  CHECK(steps[0].duplicate);
  CHECK_FALSE(steps[1].duplicate);
}
