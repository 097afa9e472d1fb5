#include "json/writer.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <string>

#include "json/value.hpp"

namespace reelkeep::json {
namespace {

TEST_CASE("a compact document has no white space") {
  Writer writer;
  writer.begin_object()
      .member("text", "a\"b\\c\n\t\r")
      .member("yes", true)
      .member("number", -5)
      .member("large", std::uint64_t{18446744073709551615U})
      .member("half", 0.5)
      .member("nothing", nullptr)
      .key("list")
      .begin_array()
      .value(1)
      .value("two")
      .begin_object()
      .end_object()
      .end_array()
      .key("empty")
      .begin_array()
      .end_array()
      .end_object();
  CHECK(writer.take() ==
        R"({"text":"a\"b\\c\n\t\r","yes":true,"number":-5,"large":18446744073709551615,)"
        R"("half":0.5,"nothing":null,"list":[1,"two",{}],"empty":[]})");
}

TEST_CASE("a pretty document is indented by two and keeps empty containers on one line") {
  Writer writer(Layout::pretty);
  writer.begin_object().member("a", 1).key("b").begin_array().value(1).value(2).end_array();
  writer.key("c").begin_object().end_object().end_object();
  CHECK(writer.take() == "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}");
}

TEST_CASE("an optional that holds nothing is null") {
  Writer writer;
  writer.begin_array()
      .value(std::optional<std::string>())
      .value(std::optional<std::string>("x"))
      .value(std::optional<std::int64_t>(7))
      .value(std::optional<ByteCount>())
      .end_array();
  CHECK(writer.take() == R"([null,"x",7,null])");
}

TEST_CASE("values of the base vocabulary are written as the contract says") {
  Writer writer;
  writer.begin_array()
      .value(ByteCount(1048576))
      .value(Timestamp(Duration(1767520800000)))
      .value(AppId("app"))
      .value(Seq(17))
      .value(Digest{})
      .end_array();
  CHECK(writer.take() ==
        "[1048576,\"2026-01-04T10:00:00.000Z\",\"app\",17,\"" + std::string(64, '0') + "\"]");
}

TEST_CASE("infinities and NaN are null") {
  Writer writer;
  writer.begin_array()
      .value(std::numeric_limits<double>::infinity())
      .value(std::numeric_limits<double>::quiet_NaN())
      .end_array();
  CHECK(writer.take() == "[null,null]");
}

TEST_CASE("bytes that are not UTF-8 become replacement characters, one each") {
  Writer writer;
  writer.value("a\xFF\xC0\xAF\xED\xA0\x80\xE2\x82z\xF4\x90\x80\x80");
  const std::string r = "\xEF\xBF\xBD";
  CHECK(writer.take() == "\"a" + r + r + r + r + r + r + r + r + "z" + r + r + r + r + "\"");
}

TEST_CASE("control characters are escaped, C1 and DEL too, and the rest is kept") {
  Writer writer;
  writer.value(std::string_view("\0\x1B\x7F\xC2\x9B \xC3\xA9 \xF0\x9F\x98\x80", 13));
  CHECK(writer.take() == "\"\\u0000\\u001b\\u007f\\u009b \xC3\xA9 \xF0\x9F\x98\x80\"");
}

TEST_CASE("a document can be taken in pieces while it grows") {
  Writer writer;
  std::string all;
  writer.begin_array();
  for (int i = 0; i < 3; ++i) {
    writer.value(i);
    all += writer.take();
    CHECK(writer.size() == 0);
  }
  writer.end_array();
  all += writer.take();
  CHECK(all == "[0,1,2]");
}

TEST_CASE("every string that is written reads back the same") {
  std::string everything;
  for (char32_t c = 0; c < 0x300; ++c) {
    if (c < 0x80) {
      everything += static_cast<char>(c);
    } else {
      everything += static_cast<char>(0xC0U | (c >> 6U));
      everything += static_cast<char>(0x80U | (c & 0x3FU));
    }
  }
  Writer writer;
  writer.begin_object().member(everything, everything).end_object();
  const Result<Value> parsed = parse(writer.take());
  REQUIRE(parsed.has_value());
  CHECK((*parsed)[everything].string() == everything);
}

}  // namespace
}  // namespace reelkeep::json
