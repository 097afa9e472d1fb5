#include <doctest/doctest.h>
#include <random>
#include <string>

#include "reelkeep/base/text.hpp"

#include "enablex/fields.hpp"
#include "enablex/payload.hpp"
#include "enablex/webhook_case.hpp"

namespace reelkeep {
namespace {

void check_text(std::string_view text, std::size_t most) {
  CHECK(text.size() <= most);
  CHECK_FALSE(enablex::has_control(text));
  CHECK(text::is_valid_utf8(text));
}

void check_url(const std::string& text) {
  const Result<Url> url = Url::parse(text);
  REQUIRE(url.has_value());
  CHECK_FALSE(url->user_info().has_value());
}

/// What holds for every body, whoever wrote it.
void check_promises(const Result<Decoded>& decoded) {
  if (!decoded) {
    CHECK(decoded.error().code == Errc::invalid);
    CHECK_FALSE(decoded.error().message.empty());
    return check_text(decoded.error().message, 2000);
  }
  check_text(decoded->type, 512);
  check_text(decoded->app_id, 512);
  check_text(decoded->conf_num, 512);
  check_text(decoded->remark.value_or(""), 2000);
  CHECK_FALSE(decoded->type.empty());
  CHECK(decoded->known_type == !decoded->events.empty());
  for (const Event& event : decoded->events) {
    CHECK_FALSE(event.session.app_id.empty());
    CHECK_FALSE(event.session.conf_num.empty());
    check_text(event.room_id.get(), 512);
    if (const auto* offered = std::get_if<FilesOffered>(&event.fact)) {
      CHECK_FALSE(offered->files.empty());
      check_text(offered->stage, 512);
      for (const OfferedFile& file : offered->files) {
        check_url(file.url);
        CHECK_FALSE(file.name.empty());
        CHECK_FALSE(file.source_key.empty());
      }
    }
    if (const auto* pushed = std::get_if<FilesPushed>(&event.fact)) {
      CHECK_FALSE(pushed->files.empty());
      CHECK(pushed->destination_host.find('@') == std::string::npos);
      for (const DeliveredFile& file : pushed->files) {
        CHECK_FALSE(enablex::has_control(file.location));
        CHECK_FALSE(file.name.empty());
        CHECK_FALSE(file.source_key.empty());
      }
    }
  }
}

TEST_CASE("every prefix of every case keeps the promises of decode") {
  const auto provider = enablex::make_provider({});
  for (const testing::WebhookCase& it : testing::webhook_cases()) {
    CAPTURE(it.name);
    const std::size_t prefixes = it.body.size() > 4096 ? 4 : 200;
    const std::size_t step = it.body.size() / prefixes + 1;
    for (std::size_t size = 0; size <= it.body.size(); size += step)
      check_promises(provider->decode(std::string_view(it.body).substr(0, size), it.received_at));
  }
}

TEST_CASE("no change of a few bytes makes decode break a promise") {
  const auto provider = enablex::make_provider({});
  std::mt19937 random(20240421);  // the same bodies in every run
  const std::string pieces[] = {"{",    "}",       "[",       "]",    "\"",
                                ":",    ",",       "null",    "1e99", "-1",
                                "true", "\\u0000", "\\ud800", "\xFF", std::string(1, '\0'),
                                "\n",   "//",      "/*",      "@",    "%",
                                "%00",  "://",     "s3://",   "?",    "#",
                                "..",   "\xC2\x85"};
  for (const testing::WebhookCase& it : testing::webhook_cases()) {
    if (it.body.empty() || it.body.size() > 4096) continue;
    CAPTURE(it.name);
    for (int round = 0; round < 40; ++round) {
      std::string body = it.body;
      for (int change = 0; change < 3; ++change) {
        const std::string& piece = pieces[random() % std::size(pieces)];
        const std::size_t at = random() % (body.size() + 1);
        body.replace(at, random() % 3, piece);
      }
      check_promises(provider->decode(body, it.received_at));
    }
  }
}

TEST_CASE("a password in a URL reaches nothing that decode returns") {
  const auto provider = enablex::make_provider({});
  for (const testing::WebhookCase& it : testing::webhook_cases()) {
    CAPTURE(it.name);
    CHECK(testing::described(provider->decode(it.body, it.received_at)).find("s3cr3t") ==
          std::string::npos);
  }
}

}  // namespace
}  // namespace reelkeep
