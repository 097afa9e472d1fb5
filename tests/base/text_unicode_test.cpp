#include <doctest/doctest.h>
#include <utility>

#include "reelkeep/base/text.hpp"

using namespace reelkeep;

TEST_CASE("UTF-8 is valid without overlong forms, surrogates and what lies beyond Unicode") {
  for (const char* good : {"", "plain", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8E\xA5",
                           "\xF4\x8F\xBF\xBD", "\xEE\x80\x80"}) {
    CAPTURE(good);
    CHECK(text::is_valid_utf8(good));
  }
  for (const char* bad : {"\x80", "\xFF", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "a\xE2\x82"}) {
    CAPTURE(bad);
    CHECK_FALSE(text::is_valid_utf8(bad));
  }
  CHECK(text::is_valid_utf8(std::string_view("a\0b", 3)));
}

TEST_CASE("printable text cannot forge a line, colour a terminal or turn the reading direction") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"plain \xC3\xA4 \xF0\x9F\x8E\xA5", "plain \xC3\xA4 \xF0\x9F\x8E\xA5"},
      {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
      {"\x1B[31mred", "\\x1b[31mred"},
      {"\x7F", "\\x7f"},
      {"\xC2\x85", "\\u{85}"},
      {"\xC2\x9B"
       "31m",
       "\\u{9b}31m"},
      {"exe.\xE2\x80\xAE"
       "4pm",
       "exe.\\u{202e}4pm"},
      {"\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C", "\\u{2066}\\u{200f}\\u{61c}"},
      {"\xE2\x80\xA8\xE2\x80\xA9", "\\u{2028}\\u{2029}"},
      {"\xFF\xC0\xAF", "\\xff\\xc0\\xaf"},
      {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
  };
  for (const auto& [given, shown] : table) {
    CAPTURE(shown);
    CHECK(text::printable(given) == shown);
    CHECK(text::printable(shown) == shown);
    CHECK(text::is_valid_utf8(text::printable(given)));
  }
  CHECK(text::printable(std::string_view("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("names that a filesystem may take for one fold to one") {
  const std::vector<std::pair<std::string, std::string>> same{
      {"File.MOV", "file.mov"},
      {"\xC3\x84.mov", "a\xCC\x88.mov"},
      {"STRASSE",
       "stra\xC3\x9F"
       "e"},
      {"\xEF\xAC\x81le", "file"},                                // fi ligature
      {"\xE2\x84\xAA", "k"},                                     // Kelvin sign
      {"\xE2\x84\xAB", "\xC3\xA5"},                              // Angstrom sign
      {"\xCE\xA3\xCE\x91\xCE\xA3", "\xCF\x83\xCE\xB1\xCF\x82"},  // final sigma
      {"q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87"},                // order of marks
      {"\xE1\xBE\x80", "\xE1\xBE\x88"},                          // alpha with iota below
  };
  for (const auto& [a, b] : same) {
    CAPTURE(a);
    CHECK(text::fold_name(a) == text::fold_name(b));
    CHECK(text::fold_name(text::fold_name(a)) == text::fold_name(a));
  }
  CHECK(text::fold_name("a.mov") != text::fold_name("b.mov"));
  CHECK(text::fold_name("a") != text::fold_name("\xC3\xA4"));
  CHECK(text::fold_name("") == "");
}

TEST_CASE("a name that is no UTF-8 folds as bytes") {
  CHECK(text::fold_name("A\xFFZ") == "a\xFFz");
  CHECK(text::fold_name("A\xFF") != text::fold_name("A\xFE"));
}

TEST_CASE("display width counts columns") {
  CHECK(text::display_width("") == 0);
  CHECK(text::display_width("abc") == 3);
  CHECK(text::display_width("a\xCC\x88") == 1);
  CHECK(text::display_width("\xE4\xBC\x9A\xE8\xAD\xB0") == 4);
  CHECK(text::display_width("\xF0\x9F\x8E\xA5") == 2);
  CHECK(text::display_width("\xFF") == 1);
}
