#include <chrono>
#include <doctest/doctest.h>
#include <string>

#include "json/json.hpp"

namespace reelkeep::json {
namespace {

std::string failure(std::string_view text) {
  const Result<Value> parsed = parse(text);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == Errc::invalid);
  return parsed.error().message;
}

Value good(std::string_view text) {
  Result<Value> parsed = parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
  return std::move(parsed).value();
}

TEST_CASE("every kind of value is read back as what it is") {
  const Value value = good(R"({"n": null, "t": true, "f": false, "s": "text", "i": -42,
                               "d": 1.5, "a": [1, "two"], "o": {"k": 1}})");
  CHECK(value.is_object());
  CHECK(value["n"].is_null());
  CHECK(value.find("n") != nullptr);
  CHECK(value["t"].boolean() == true);
  CHECK(value["f"].boolean() == false);
  CHECK(value["s"].string() == "text");
  CHECK(value["i"].integer() == -42);
  CHECK(value["d"].number() == 1.5);
  CHECK(value["a"].items().size() == 2);
  CHECK(value["a"].items()[1].string() == "two");
  CHECK(value["o"]["k"].integer() == 1);
  CHECK(value.members().size() == 8);
  CHECK(value.members()[0].key == "n");
}

TEST_CASE("asking for another type than a value has gives nothing") {
  for (const char* text : {"null", "true", "1", "\"text\"", "[]", "{}"}) {
    CAPTURE(text);
    const Value value = good(text);
    const auto has = [&](Value::Kind kind) { return value.kind() == kind; };
    CHECK(value.boolean().has_value() == has(Value::Kind::boolean));
    CHECK(value.string().has_value() == has(Value::Kind::string));
    CHECK(value.number_text().has_value() == has(Value::Kind::number));
    CHECK(value.integer().has_value() == has(Value::Kind::number));
    CHECK(value.number().has_value() == has(Value::Kind::number));
    CHECK(value.items().empty());
    CHECK(value.members().empty());
    CHECK(value["x"]["y"]["z"].is_null());
    CHECK(value.find("x") == nullptr);
  }
}

TEST_CASE("a number keeps its text, and is an integer only when it is one exactly") {
  const Value value = good(R"([9223372036854775807, 9223372036854775808, -9223372036854775808,
      12345678901234567890123, 1e3, 7.0, 7.5, 1e300, 0, -0, 1e-400])");
  const auto at = [&](std::size_t i) -> const Value& { return value.items()[i]; };
  CHECK(at(0).integer() == INT64_MAX);
  CHECK_FALSE(at(1).integer().has_value());
  CHECK(at(1).number_text() == "9223372036854775808");
  CHECK(at(1).number() == 9223372036854775808.0);
  CHECK(at(2).integer() == INT64_MIN);
  CHECK(at(3).number_text() == "12345678901234567890123");
  CHECK_FALSE(at(3).integer().has_value());
  CHECK(at(4).integer() == 1000);
  CHECK(at(4).number_text() == "1e3");
  CHECK(at(5).integer() == 7);
  CHECK_FALSE(at(6).integer().has_value());
  CHECK_FALSE(at(7).integer().has_value());
  CHECK(at(7).number() == 1e300);
  CHECK(at(8).integer() == 0);
  CHECK(at(9).integer() == 0);
  CHECK(at(10).number() == 0.0);
}

TEST_CASE("a number beyond every double is an error, not an infinity") {
  CHECK(failure("[1e400]").find("number") != std::string::npos);
  CHECK(failure(std::string(5000, '9')).find("number") != std::string::npos);
}

TEST_CASE("comments, trailing commas and a byte order mark are accepted") {
  const Value value =
      good("\xEF\xBB\xBF// head\n{ /* a */ \"a\": [1, 2, ], // b\n \"b\": 2, } // end");
  CHECK(value["a"].items().size() == 2);
  CHECK(value["b"].integer() == 2);
}

TEST_CASE("what is not JSON is an error that tells line, column and offset") {
  CHECK(failure("{\"a\": 1,\n \"b\" 2}").find("(line 2, column 6, offset 14)") !=
        std::string::npos);
  CHECK(failure("") == "not JSON: empty, there is no value (line 1, column 1, offset 0)");
  CHECK(failure("  \n ").find("empty") != std::string::npos);
  CHECK(failure("\xEF\xBB\xBF{").find("offset 4") != std::string::npos);
  for (const char* text :
       {"{",        "[",        "\"",           "{\"a\"",  "{\"a\":",   "{\"a\":1", "[1",
        "[1,,2]",   "{,}",      "nul",          "tru",     "+1",        "01",       ".5",
        "1.",       "'single'", "{a: 1}",       "[1] [2]", "{} x",      "/* open",  "NaN",
        "[1]//\n]", "\x01",     "\"\t\"",       "\"\\x\"", "\"\\u12\"", "}",        "]",
        "[}",       "{]",       "<html></html>"}) {
    CAPTURE(text);
    CHECK(failure(text).starts_with("not JSON: "));
  }
}

TEST_CASE("an error never quotes the text") {
  CHECK(failure("{\"password\": \"hunter2\" oops}").find("hunter2") == std::string::npos);
  CHECK(failure("hunter2").find("hunter2") == std::string::npos);
}

TEST_CASE("a NUL byte is an error wherever it stands, and never hides what follows") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"\0"sv, "{}\0"sv, "{\"a\":1}\0garbage"sv, "{\"a\0b\": 1}"sv,
                                      "[\0]"sv, "//\0\n{}"sv, "/*\0*/{}"sv, "1\0"sv})
    CHECK(failure(text).find("NUL") != std::string::npos);
  CHECK(good("\"a\\u0000b\"").string() == "a\0b"sv);
}

TEST_CASE("text that is not valid Unicode is an error") {
  for (const char* text :
       {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xE2\x82\"", "{\"\xFE\": 1}",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "{\"\\udfff\": 1}"}) {
    CAPTURE(text);
    failure(text);
  }
  CHECK(good("\"\\ud83d\\ude00 \xF0\x9F\x98\x80\"").string() ==
        "\xF0\x9F\x98\x80 \xF0\x9F\x98\x80");
}

TEST_CASE("where a key comes twice the last one wins") {
  const Value value = good(R"({"a": 1, "b": 2, "a": 3, "c": 4, "b": {"x": 5}})");
  CHECK(value["a"].integer() == 3);
  CHECK(value["b"]["x"].integer() == 5);
  REQUIRE(value.members().size() == 3);
  CHECK(value.members()[0].key == "a");
  CHECK(value.members()[1].key == "c");
  CHECK(value.members()[2].key == "b");
}

TEST_CASE("the last one wins in short and in long objects, and wherever the two stand") {
  for (const int keys : {2, 3, 31, 32, 33, 200}) {
    for (const auto& [first, second] :
         {std::pair(0, 1), std::pair(0, keys - 1), std::pair(keys - 2, keys - 1)}) {
      CAPTURE(keys);
      CAPTURE(second);
      std::string text;
      for (int i = 0; i < keys; ++i)
        text += (i == 0 ? "{\"k" : ",\"k") + std::to_string(i == second ? first : i) +
                "\":" + std::to_string(i);
      const Value value = good(text + "}");
      CHECK(value.members().size() == static_cast<std::size_t>(keys) - 1);
      CHECK(value["k" + std::to_string(first)].integer() == second);
      CHECK(value["k" + std::to_string(second)].is_null());
    }
  }
}

TEST_CASE("64 levels are read and 65 are an error") {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  good(nested(64));
  CHECK(failure(nested(65)).find("64 levels") != std::string::npos);
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  CHECK(failure(objects).find("64 levels") != std::string::npos);
}

TEST_CASE("a megabyte of brackets is given up at the depth limit, not after reading it") {
  CHECK(failure(std::string(1U << 20U, '[')).find("offset 64)") != std::string::npos);
  CHECK(failure(std::string(1U << 20U, '{')).starts_with("not JSON"));
}

TEST_CASE("a large flat document is read whole") {
  std::string text = "[";
  for (int i = 0; i < 200'000; ++i) text += "0,";
  CHECK(good(text + "]").items().size() == 200'000);
  std::string object = "{";
  for (int i = 0; i < 50'000; ++i) object += "\"k" + std::to_string(i % 25'000) + "\":1,";
  CHECK(good(object + "}").members().size() == 25'000);
}

TEST_CASE("a value can be copied, and the copy outlives its source") {
  Value copy;
  {
    const Value value = good(R"({"a": [1, {"b": "deep"}]})");
    copy = value;
  }
  CHECK(copy["a"].items()[1]["b"].string() == "deep");
}

}  // namespace
}  // namespace reelkeep::json
