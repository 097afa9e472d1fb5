#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>

#include "enablex/api_answer.hpp"
#include "enablex/payload.hpp"
#include "enablex/provider_api.hpp"
#include "enablex/webhook_case.hpp"
#include "json/json.hpp"

namespace reelkeep {
namespace {

namespace stdfs = std::filesystem;

constexpr Timestamp k_asked_at = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);

ApiAccess access() {
  return {Url::parse("https://api.example.com/video/v2/").value(),
          Credential{"asked-app", Secret("hush-hush")}};
}

std::string content(const stdfs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

json::Value value_of(const std::string& text) {
  auto parsed = json::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), text);
  return *std::move(parsed);
}

/// What became of the answer, as members of expect.json.
std::vector<json::Member> outcome(const std::string& answer, int status) {
  const auto items = enablex::read_listing(HttpAnswer{.status = status, .body = answer}, access());
  if (!items) {
    json::Writer writer;
    writer.begin_object()
        .member("code", to_string(items.error().code))
        .member("message", items.error().message)
        .end_object();
    return {{"error", value_of(writer.take())}};
  }
  const auto provider = enablex::make_provider({});
  std::vector<json::Value> decoded;
  for (const std::string& item : *items)
    decoded.push_back(value_of(
        testing::described(provider->decode_listed(item, AppId("asked-app"), k_asked_at))));
  return {{"items", json::Value::of_array(std::move(decoded))}};
}

void write(json::Writer& writer, const json::Value& value) {
  if (value.is_array()) {
    writer.begin_array();
    for (const json::Value& item : value.items()) write(writer, item);
    writer.end_array();
  } else if (value.is_object()) {
    writer.begin_object();
    for (const json::Member& member : value.members()) {
      writer.key(member.key);
      write(writer, member.value);
    }
    writer.end_object();
  } else if (const auto text = value.string()) {
    writer.value(*text);
  } else if (const auto number = value.integer()) {
    writer.value(*number);
  } else if (const auto boolean = value.boolean()) {
    writer.value(*boolean);
  } else {
    writer.value(nullptr);
  }
}

TEST_CASE("every case of tests/cases/archive is read as its expect.json says") {
  const stdfs::path root = stdfs::path(REELKEEP_SOURCE_DIR) / "tests" / "cases" / "archive";
  std::size_t cases = 0;
  for (const auto& entry : stdfs::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    ++cases;
    CAPTURE(entry.path().filename().string());
    const json::Value expected = value_of(content(entry.path() / "expect.json"));
    const auto status = static_cast<int>(expected["status"].integer().value_or(200));
    std::vector<json::Member> members;
    for (const json::Member& member : expected.members())
      if (member.key == "about" || member.key == "status") members.push_back(member);
    for (json::Member& member : outcome(content(entry.path() / "answer"), status))
      members.push_back(std::move(member));
    const json::Value got = json::Value::of_object(std::move(members));
    json::Writer writer(json::Layout::pretty);
    write(writer, got);
    const std::string text = writer.take();
    // REELKEEP_ACCEPT=1 writes what is read now; the diff is then read by a person.
    if (std::getenv("REELKEEP_ACCEPT") != nullptr)
      std::ofstream(entry.path() / "expect.json") << text << "\n";
    CHECK_MESSAGE(testing::same(got, value_of(content(entry.path() / "expect.json"))), text);
  }
  CHECK(cases >= 14);
}

TEST_CASE("an item is kept as it was written, byte for byte") {
  const std::string item = R"({"conf_num" : "c1", /* lax */ "n":1.50, "t":"\u00e4]}\"",})";
  const std::string answer =
      "\xEF\xBB\xBF{\"x\":{\"archive\":[{}]},\"archive\":[ " + item + " ,\n{}]}";
  const auto items = enablex::read_listing(HttpAnswer{.status = 200, .body = answer}, access());
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 2);
  CHECK(items->at(0) == item);
  CHECK(items->at(1) == "{}");
}

TEST_CASE("hostile listings end in words, not in a crash") {
  const std::string deep = "{\"archive\":" + std::string(300'000, '[');
  for (const std::string& answer :
       {deep, std::string("{\"archive\":[{\"a\":") + std::string(100, '[') + "]",
        std::string("{\"archive\":[{}]}\0x", 19), std::string("{\"archive\":[{\"a\":\"\xff\"}]}"),
        std::string("7"), std::string("null")}) {
    const auto items = enablex::read_listing(HttpAnswer{.status = 200, .body = answer}, access());
    REQUIRE_FALSE(items.has_value());
    CHECK(items.error().code == Errc::corrupt);
  }
}

TEST_CASE("routes are those of the provider's page, with what comes from outside encoded") {
  using std::chrono::sys_days;
  using std::chrono::year;
  const Days days{sys_days(year(2026) / 1 / 3), sys_days(year(2026) / 1 / 4)};
  CHECK(enablex::archive_route({.conf_num = ConfNum("c/1 ?")}) == "archive/conf/c%2F1%20%3F");
  CHECK(enablex::archive_route({.days = days}) == "archive/period/2026-01-03/2026-01-04");
  CHECK(enablex::archive_route({.room_id = RoomId("r1")}) == "archive/room/r1");
  CHECK(enablex::archive_route({.room_id = RoomId("r1"), .days = days}) ==
        "archive/room-period/r1/2026-01-03/2026-01-04");
}

TEST_CASE("a CDR is kept once it has rows; before, it is waited for") {
  const auto judge = [](const std::string& answer) {
    return enablex::judge_cdr(answer, Credential{"app", Secret("hush-hush")});
  };
  for (const char* ready :
       {R"({"result":"0","cdr":[{"user":{"name":"A"}}]})", R"({"cdr":[null,{"x":1}]})",
        R"({"result":0,"cdr":{"x":1}})", R"([{"x":1}])"})
    CHECK_MESSAGE(judge(ready).has_value(), ready);
  for (const char* waits : {R"({"result":"0","cdr":[]})", R"({"result":0})", R"({"cdr":null})",
                            R"({"cdr":[{},null]})", "{}", "[]", "", " \n"}) {
    REQUIRE_FALSE_MESSAGE(judge(waits).has_value(), waits);
    CHECK(judge(waits).error().code == Errc::unavailable);
    CHECK(judge(waits).error().message.starts_with("the CDR is not ready"));
  }
  const Status refused = judge(R"({"result":4002,"error":"no","desc":"key hush-hush unknown"})");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error() ==
        Error{Errc::unavailable, "the provider's API refuses: result 4002: no: key *** unknown"});
  for (const char* other : {"plain text of Alice", "7", "{\"cdr\":[{\"name\":\"Alice"}) {
    REQUIRE_FALSE(judge(other).has_value());
    CHECK(judge(other).error().code == Errc::corrupt);
    CHECK(judge(other).error().message.find("Alice") == std::string::npos);
  }
}

}  // namespace
}  // namespace reelkeep
