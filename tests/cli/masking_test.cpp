#include <doctest/doctest.h>
#include <vector>

#include "daemon/operator_masking.hpp"

namespace reelkeep::daemon {
namespace {

const std::vector<std::string> k_volatile{"ticket"};

std::string masked(const std::string& body) {
  return mask_secrets(body, k_volatile);
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("user info of a URL is masked, the rest of the URL stays") {
  const std::string text = masked(R"({"url":"https://user:p@ss@h.example/a.mov?part=1"})");
  CHECK(has(text, R"("https://***@h.example/a.mov?part=1")"));
  CHECK_FALSE(has(text, "p@ss"));
  CHECK_FALSE(has(text, "user"));
}

TEST_CASE("escapes do not hide a secret") {
  const std::string text =
      masked(R"({"url":"https:\/\/user\u003asesame\u0040h.example/a","pass\u0077ord":"x1y2"})");
  CHECK_FALSE(has(text, "sesame"));
  CHECK_FALSE(has(text, "x1y2"));
}

TEST_CASE("signing and volatile parameters are masked by name") {
  const std::string text = masked(
      R"(["https://h.example/a?X-Amz-Signature=abc&part=7&token=def&ticket=ghi&Expires=99"])");
  for (const char* secret : {"abc", "def", "ghi", "99"}) CHECK_FALSE(has(text, secret));
  CHECK(has(text, "part=7"));
}

TEST_CASE("members named like a secret are masked, whatever they hold") {
  const std::string text = masked(
      R"({"password":"one","api_key":2345,"credentials":{"user":"bob","id":["three"]},"conf":"C1"})");
  for (const char* secret : {"one", "2345", "bob", "three"}) CHECK_FALSE(has(text, secret));
  CHECK(has(text, "\"conf\": \"C1\""));
}

TEST_CASE("members of a document that is cut, or lies within a text, are masked too") {
  CHECK(masked(R"({"password" : "one\"two","conf":"C1")") == R"({"password" : "***","conf":"C1")");
  CHECK(masked(R"({"api_key":2345,"conf":"C1")") == R"({"api_key":***,"conf":"C1")");
  CHECK(masked(R"({"token":"cut of)") == R"({"token":"***)");
  CHECK_FALSE(has(masked(R"({"inner":"{\"password\":\"sesame\"}"})"), "sesame"));
}

TEST_CASE("text that is no JSON is masked too and otherwise stays as it is") {
  CHECK(masked("a=1&password=sesame&b=2") == "a=1&password=***&b=2");
  CHECK(masked("{broken \"url\": \"https://u:pw@h.example/x\"") ==
        "{broken \"url\": \"https://***@h.example/x\"");
  CHECK(masked("Authorization: Basic dXNlcjpwYXNz") == "Authorization: Basic ***");
  CHECK(masked("basic things") == "basic things");
  CHECK(masked("") == "");
}

}  // namespace
}  // namespace reelkeep::daemon
