#include <doctest/doctest.h>
#include <utility>

#include "reelkeep/base/url.hpp"

using namespace reelkeep;

namespace {
const char* const k_base = "http://a/b/c/d;p?q";

std::string resolved(const char* base, std::string_view reference) {
  CAPTURE(reference);
  const auto url = Url::parse(base)->resolve(reference);
  REQUIRE(url.has_value());
  return url->without_user_info();
}
}  // namespace

TEST_CASE("references resolve as the examples of RFC 3986 do") {
  const std::vector<std::pair<const char*, const char*>> table{
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://other:8443/x/../y?z", "https://other:8443/y?z"},
      {"HTTP://A/G", "http://a/G"},
      {"%2e%2E/g", "http://a/b/g"},
      {"a:b/c", nullptr},
      {" /g\r\n", "http://a/g"},
      {"//g:81/x//y", "http://g:81/x//y"},
      {"./a:b", "http://a/b/c/a:b"},
      {"g?u=http://x/", "http://a/b/c/g?u=http://x/"},
  };
  for (const auto& [reference, expected] : table)
    if (expected != nullptr) CHECK(resolved(k_base, reference) == expected);
}

TEST_CASE("a base without a path has its root as one") {
  CHECK(resolved("https://host:444", "x") == "https://host:444/x");
  CHECK(resolved("https://host?q", "?r") == "https://host/?r");
  CHECK(resolved("https://[::1]:444/a", "/b") == "https://[::1]:444/b");
}

TEST_CASE("user info is not handed on, that of the reference is kept") {
  const Url base = *Url::parse("https://u:p@host/a");
  CHECK_FALSE(base.resolve("/b")->user_info().has_value());
  CHECK_FALSE(base.resolve("#b")->user_info().has_value());
  CHECK_FALSE(base.resolve("//host/b")->user_info().has_value());
  CHECK(base.resolve("https://x:y@host/b")->user_info()->username == "x");
}

TEST_CASE("what is no location is refused") {
  const Url base = *Url::parse(k_base);
  for (const char* reference : {"", " ", "http:", "http:g", "mailto:me", "javascript:alert(1)",
                                "data:text/html,x", "//", "///x", "http://", "/a b", "/a\\b",
                                "\\\\evil\\x", "/a\r\nX: y", "a:b/c", "http://[::1", "/\xFF"}) {
    CAPTURE(reference);
    const auto url = base.resolve(reference);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code == Errc::invalid);
  }
}
