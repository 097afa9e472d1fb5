// The archive API over real connections: answers of a server that does as it is told.
#include "enablex/provider_api.hpp"

#include <doctest/doctest.h>

#include "curl/http_client.hpp"
#include "support/scripted_server.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

constexpr const char* k_path = "/video/v2/archive/conf/c1";
constexpr const char* k_item = R"({"conf_num":"c1","recording":[{"url":"https://f/1.mov"}]})";

struct Asked {
  Asked() : http(curl::make_http_client()), api(enablex::make_provider_api(*http)) {}

  Result<std::vector<std::string>> ask() {
    return api->archive(
        {Url::parse(server.url("/video/v2/")).value(), Credential{"the-app", Secret("hush-hush")}},
        {.conf_num = ConfNum("c1")}, &cancelled);
  }
  Result<std::vector<std::string>> answered(const std::string& status, const std::string& body,
                                            std::vector<std::string> headers = {
                                                "Content-Type: application/json"}) {
    server.on(k_path, http_answer(status, headers, body));
    return ask();
  }

  ScriptedServer server;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<ProviderApi> api;
  std::atomic<bool> cancelled = false;
};

bool says(const Result<std::vector<std::string>>& answer, const std::string& words) {
  if (answer || answer.error().message.find(words) == std::string::npos) {
    const std::string got = answer ? "a success" : answer.error().message;
    MESSAGE(got);
    return false;
  }
  return answer.error().message.find("hush-hush") == std::string::npos;
}

std::string listing(const std::string& items) {
  return R"({"result":"0","archive":[)" + items + "]}";
}

}  // namespace

TEST_CASE("a question goes out with the pair, pre-emptively, and its items come back as written") {
  Asked asked;
  const auto items = asked.answered("200 OK", listing(k_item));
  REQUIRE(items.has_value());
  CHECK(*items == std::vector<std::string>{k_item});
  const auto seen = asked.server.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "GET");
  CHECK(seen[0].target == k_path);
  CHECK(seen[0].header("authorization") == "Basic dGhlLWFwcDpodXNoLWh1c2g=");
  CHECK(seen[0].header("accept") == "application/json");
}

TEST_CASE("every shape of a success is read, whatever its content type is called") {
  Asked asked;
  for (const auto& [body, count] : std::vector<std::pair<std::string, std::size_t>>{
           {R"({"result":0,"archive":[]})", 0},
           {R"({"result":"0"})", 0},
           {R"({"result":"0","archive":null})", 0},
           {R"({"archive":[{}]})", 1},
           {std::string(R"({"result":0,"archive":)") + k_item + "}", 1},
           {"", 0},
           {"\xEF\xBB\xBF /* lax */ " + listing(k_item + std::string(",")), 1}}) {
    CAPTURE(body);
    for (const char* type :
         {"Content-Type: application/json", "Content-Type: text/html", "X-No: type"}) {
      const auto items = asked.answered("200 OK", body, {type});
      REQUIRE_MESSAGE(items.has_value(), (items ? "" : items.error().message));
      CHECK(items->size() == count);
    }
  }
}

TEST_CASE("a refusal is told in the provider's words, without the pair that it quotes") {
  Asked asked;
  auto refused =
      asked.answered("200 OK", R"({"result":4711,"error":"no","desc":"key hush-hush bad"})");
  CHECK(says(refused, "result 4711: no: key *** bad"));
  CHECK(refused.error().code == Errc::unavailable);

  refused = asked.answered("401 Unauthorized", R"({"result":1001,"error":"wrong key"})");
  CHECK(says(refused, "status 401: result 1001: wrong key; check api_id and api_key"));
  CHECK(refused.error().code == Errc::unauthorized);
  CHECK(asked.answered("403 Forbidden", "<html>no</html>").error().code == Errc::unauthorized);

  refused = asked.answered("404 Not Found", "");
  CHECK(says(refused, "is api_url right?"));
  CHECK(refused.error().code == Errc::not_found);
}

TEST_CASE("a server that wants to be left alone says for how long, within an hour") {
  Asked asked;
  auto busy = asked.answered("429 Too Many Requests", R"({"result":429,"desc":"slow down"})",
                             {"Retry-After: 120"});
  CHECK(says(busy, "status 429: result 429: slow down"));
  CHECK(busy.error().code == Errc::unavailable);
  CHECK(busy.error().retry_after == std::chrono::seconds(120));
  busy = asked.answered("503 Service Unavailable", "", {"Retry-After: 999999"});
  CHECK(busy.error().retry_after == std::chrono::hours(1));
  busy = asked.answered("503 Service Unavailable", "", {"Retry-After: soon"});
  CHECK_FALSE(busy.error().retry_after.has_value());
}

TEST_CASE("what is no whole answer is corrupt or cut off, never an empty list") {
  Asked asked;
  for (const std::string& body :
       {std::string("<html><body>Sign in</body></html>"), std::string("OK"),
        std::string("[") + k_item + "]", listing(k_item).substr(0, 30),
        std::string("{\"archive\":[{\"a\":") + std::string(100'000, '[')}) {
    const auto answer = asked.answered("200 OK", body);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Errc::corrupt);
    CHECK(says(answer, "archive API at 127.0.0.1"));
  }
  // Valid JSON so far, but less than was announced.
  asked.server.on(k_path, [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"archive\":[]}");
    connection.close();
  });
  const auto cut = asked.ask();
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().code == Errc::unavailable);
}

TEST_CASE("an answer larger than is read ends in words, and not in memory") {
  Asked asked;
  asked.server.on(k_path, [](ServerConnection& connection, const SeenRequest&) {
    const std::string piece(std::size_t{1} << 20U, ' ');
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"archive\":[");
    while (connection.send(piece)) {
    }
  });
  const auto answer = asked.ask();
  CHECK(says(answer, "more than 32"));
  CHECK(answer.error().code == Errc::corrupt);
}

TEST_CASE("a redirect is followed nowhere, so that nobody else is sent the pair") {
  Asked asked;
  ScriptedServer elsewhere;
  elsewhere.on(k_path, http_answer("200 OK", {}, listing(k_item)));
  for (const char* status : {"301 Moved Permanently", "302 Found", "307 Temporary Redirect"}) {
    const auto answer = asked.answered(status, "", {"Location: " + elsewhere.url(k_path)});
    CHECK(says(answer, "redirects are not followed: write the address it leads to as api_url"));
    CHECK(answer.error().code == Errc::unavailable);
  }
  CHECK(elsewhere.seen().empty());
  CHECK(asked.server.seen().size() == 3);
}

TEST_CASE("a question is given up when the agent stops") {
  Asked asked;
  asked.server.on(k_path, [&](ServerConnection& connection, const SeenRequest&) {
    asked.cancelled = true;
    connection.wait_until_closed();
  });
  CHECK(asked.ask().error().code == Errc::cancelled);
}
