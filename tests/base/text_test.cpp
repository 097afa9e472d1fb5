#include "reelkeep/base/text.hpp"

#include <doctest/doctest.h>
#include <utility>

using namespace reelkeep;

namespace {
std::string all_bytes() {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes += static_cast<char>(value);
  return bytes;
}
}  // namespace

TEST_CASE("hex goes both ways and refuses odd or foreign digits") {
  const std::string bytes = all_bytes();
  const std::string hex = text::to_hex(std::as_bytes(std::span(bytes)));
  CHECK(hex.substr(0, 6) == "000102");
  CHECK(hex.substr(506) == "fdfeff");
  const auto back = text::from_hex(hex);
  REQUIRE(back.has_value());
  CHECK(std::string(reinterpret_cast<const char*>(back->data()), back->size()) == bytes);
  CHECK(text::from_hex("")->empty());
  CHECK(text::from_hex("aF").has_value());
  for (const char* bad : {"a", "0g", "g0", " 0", "0x", "00 "}) CHECK_FALSE(text::from_hex(bad));
}

TEST_CASE("base64 follows RFC 4648 both ways") {
  const std::vector<std::pair<std::string, std::string>> table{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {"\xFB\xFF\xFE", "+//+"}};
  for (const auto& [plain, encoded] : table) {
    CHECK(text::to_base64(plain) == encoded);
    CHECK(text::from_base64(encoded) == plain);
  }
  CHECK(text::from_base64(text::to_base64(all_bytes())) == all_bytes());
}

TEST_CASE("base64 that is not exactly that is refused") {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v=", "Zm=v", "Zm9vZg=v",
                          "Zm 9", "Zm-_", "Zh==", "Zm9=", "Zg==Zg=="}) {
    CAPTURE(bad);
    CHECK_FALSE(text::from_base64(bad).has_value());
  }
}

TEST_CASE("case is that of ASCII, bytes beyond it stay") {
  CHECK(text::lower("AbC-\xC3\x84[Z]") == "abc-\xC3\x84[z]");
  CHECK(text::equals_ignoring_case("Content-Type", "content-TYPE"));
  CHECK_FALSE(text::equals_ignoring_case("a", "ab"));
  CHECK_FALSE(text::equals_ignoring_case("[", "{"));
  CHECK_FALSE(text::equals_ignoring_case("@", "`"));
}

TEST_CASE("trimming takes white space of both ends only") {
  CHECK(text::trim(" \t\r\n a b \v\f") == "a b");
  CHECK(text::trim("") == "");
  CHECK(text::trim(" \n ") == "");
}

TEST_CASE("splitting keeps empty parts") {
  using Parts = std::vector<std::string_view>;
  CHECK(text::split("a/b", '/') == Parts{"a", "b"});
  CHECK(text::split("/a//", '/') == Parts{"", "a", "", ""});
  CHECK(text::split("", '/') == Parts{""});
}

TEST_CASE("percent decoding happens once and leaves what is broken") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"a%20b", "a b"}, {"a+b", "a+b"}, {"%252e", "%2e"}, {"%2E%2e", ".."},       {"%", "%"},
      {"%2", "%2"},     {"%zz", "%zz"}, {"100%", "100%"}, {"%c3%A4", "\xC3\xA4"}, {"%%41", "%A"},
      {"%4%31", "%41"}};
  for (const auto& [encoded, plain] : table) {
    CAPTURE(encoded);
    CHECK(text::percent_decode(encoded) == plain);
  }
  CHECK(text::percent_decode("%00") == std::string(1, '\0'));
}

TEST_CASE("percent encoding spares unreserved characters and those to keep") {
  CHECK(text::percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(text::percent_encode("a b/c+%") == "a%20b%2Fc%2B%25");
  CHECK(text::percent_encode("a b/c", "/") == "a%20b/c");
  CHECK(text::percent_encode("\xC3\xA4") == "%C3%A4");
  CHECK(text::percent_decode(text::percent_encode(all_bytes())) == all_bytes());
}

TEST_CASE("the nearest known word is found when it is near enough") {
  const std::vector<std::string> known{"listen", "path", "username", "password", "concurrency"};
  CHECK(text::nearest("lisen", known) == "listen");
  CHECK(text::nearest("lsiten", known) == "listen");
  CHECK(text::nearest("PATH", known) == "path");
  CHECK(text::nearest("usrname", known) == "username");
  CHECK(text::nearest("concurency_", known) == "concurrency");
  CHECK(text::nearest("paths", known) == "path");
  CHECK_FALSE(text::nearest("zebra", known).has_value());
  CHECK_FALSE(text::nearest("", known).has_value());
  CHECK_FALSE(text::nearest("xy", std::vector<std::string>{"ab"}).has_value());
  CHECK_FALSE(text::nearest("path", {}).has_value());
}
