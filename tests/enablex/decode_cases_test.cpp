#include <doctest/doctest.h>
#include <string>

#include "enablex/payload.hpp"
#include "enablex/webhook_case.hpp"

namespace reelkeep {
namespace {

TEST_CASE("every case of tests/cases/webhook is decoded as its expect.json says") {
  const auto cases = testing::webhook_cases();
  CHECK(cases.size() >= 60);
  for (const testing::WebhookCase& it : cases) {
    const auto provider = enablex::make_provider(
        [&](const AppId&) -> const std::vector<std::string>& { return it.volatile_query; });
    const Result<Decoded> decoded = provider->decode(it.body, it.received_at);
    if (!decoded) CHECK(decoded.error().code == Errc::invalid);
    const std::string got = testing::described(decoded);
    const Result<json::Value> value = json::parse(got);
    REQUIRE(value.has_value());
    CHECK_MESSAGE(testing::same(*value, it.expected), it.name << " got " << got);
  }
}

TEST_CASE("decoding twice gives the same") {
  const auto provider = enablex::make_provider({});
  for (const testing::WebhookCase& it : testing::webhook_cases())
    CHECK(testing::described(provider->decode(it.body, it.received_at)) ==
          testing::described(provider->decode(it.body, it.received_at)));
}

TEST_CASE("the volatile parameters are those of the event's project") {
  const std::vector<std::string> of_a{"session"};
  const std::vector<std::string> of_others;
  const auto provider =
      enablex::make_provider([&](const AppId& app) -> const std::vector<std::string>& {
        return app == AppId("a") ? of_a : of_others;
      });
  const auto key = [&](const std::string& app) {
    const auto decoded = provider->decode(
        R"({"type":"chatdata","conf_num":"c","url":"https://h/f?session=1","app_id":")" + app +
            "\"}",
        Timestamp());
    REQUIRE(decoded.has_value());
    REQUIRE(decoded->events.size() == 1);
    return std::get<FilesOffered>(decoded->events[0].fact).files.at(0).source_key.get();
  };
  CHECK(key("a") == "h/f");
  CHECK(key("b") == "h/f?session=1");
}

}  // namespace
}  // namespace reelkeep
