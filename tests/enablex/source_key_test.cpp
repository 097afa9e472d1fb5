#include "enablex/source_key.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

namespace reelkeep::enablex {
namespace {

std::string key(std::string_view text, const std::vector<std::string>& volatile_query = {}) {
  const Result<Url> url = Url::parse(text);
  REQUIRE_MESSAGE(url.has_value(), text);
  return source_key(*url, volatile_query).get();
}

TEST_CASE("scheme, user info, default port and fragment do not identify a file") {
  const std::string expected = "portal.enablex.io/path/file1.mov";
  CHECK(key("https://portal.enablex.io/path/file1.mov") == expected);
  CHECK(key("http://portal.enablex.io/path/file1.mov") == expected);
  CHECK(key("HTTPS://Portal.EnableX.IO/path/file1.mov") == expected);
  CHECK(key("https://portal.enablex.io:443/path/file1.mov") == expected);
  CHECK(key("http://portal.enablex.io:80/path/file1.mov") == expected);
  CHECK(key("https://files:p%40ss@portal.enablex.io/path/file1.mov") == expected);
  CHECK(key("https://portal.enablex.io/path/file1.mov#t=10") == expected);
  CHECK(key("https://portal.enablex.io/path/file1.mov?") == expected);
}

TEST_CASE("host, other port, path and its case do identify a file") {
  const std::string one = key("https://portal.enablex.io/path/file1.mov");
  CHECK(key("https://portal2.enablex.io/path/file1.mov") != one);
  CHECK(key("https://portal.enablex.io/path/File1.mov") != one);
  CHECK(key("https://portal.enablex.io/path/file1.mov/") != one);
  CHECK(key("https://portal.enablex.io:8443/path/file1.mov") ==
        "portal.enablex.io:8443/path/file1.mov");
  CHECK(key("https://[2001:DB8::1]:8443/f") == "[2001:db8::1]:8443/f");
  CHECK(key("https://h") == "h/");
}

TEST_CASE("each signing or expiring parameter is left out, in any case and position") {
  for (const char* name :
       {"X-Amz-Signature", "x-amz-date", "X-AMZ-SECURITY-TOKEN", "X-Goog-Signature", "Expires",
        "Signature", "Key-Pair-Id", "Policy", "sig", "se", "sp", "sv", "sr", "token", "TOKEN",
        "AWSAccessKeyId", "GoogleAccessId", "e%78pires"}) {
    CAPTURE(name);
    const std::string n = name;
    CHECK(key("https://h/f?" + n + "=1") == "h/f");
    CHECK(key("https://h/f?" + n) == "h/f");
    CHECK(key("https://h/f?a=1&" + n + "=x%3D&b=2") == "h/f?a=1&b=2");
    CHECK(key("https://h/f?a=1&b=2&" + n + "=") == "h/f?a=1&b=2");
  }
}

TEST_CASE("other parameters choose the file and keep their order") {
  CHECK(key("https://h/get?id=7&part=2") == "h/get?id=7&part=2");
  CHECK(key("https://h/get?part=2&id=7") == "h/get?part=2&id=7");
  CHECK(key("https://h/get?tokens=1&mysig=2&signature_id=3&st=4") ==
        "h/get?tokens=1&mysig=2&signature_id=3&st=4");
  CHECK(key("https://h/get?a&b=&&c=1=2") == "h/get?a&b=&c=1=2");
}

TEST_CASE("a shared access signature of Azure takes its own parameters along") {
  CHECK(key("https://h/c/b.mov?sv=2022&st=2024&se=2025&sr=b&spr=https&skoid=1&sig=x&part=2") ==
        "h/c/b.mov?part=2");
}

TEST_CASE("a project may name further parameters that do not identify") {
  CHECK(key("https://h/f?Nonce=1&id=7", {"nonce"}) == "h/f?id=7");
  CHECK(key("https://h/f?nonces=1", {"nonce"}) == "h/f?nonces=1");
}

TEST_CASE("different spellings of one percent-encoding are one key") {
  CHECK(key("https://h/%66ile%2d1%2E%7emov") == "h/file-1.~mov");
  CHECK(key("https://h/a%2fb%c3%a9") == "h/a%2Fb%C3%A9");
  CHECK(key("https://h/a/b\xC3\xA9") == "h/a/b%C3%A9");
  CHECK(key("https://h/100%") == "h/100%25");
  CHECK(key("https://h/100%25") == "h/100%25");
  CHECK(key("https://h/%zz%4") == "h/%25zz%254");
  CHECK(key("https://h/a+b%2Bc") == "h/a+b%2Bc");
  CHECK(key("https://h/f?q=%7e%2f{x}") == "h/f?q=~%2F%7Bx%7D");
}

TEST_CASE("a key is its own normal form") {
  for (const char* text : {"https://h/a%2fb%zz?x={1}&y=%7e", "http://H:8080/%20\xC3\xA9",
                           "https://h/?%", "https://h"}) {
    CAPTURE(text);
    CHECK(key("https://" + key(text)) == key(text));
  }
}

TEST_CASE("the key of a bucket's object is encoded, whatever the raw key holds") {
  CHECK(location_key("s3://bucket/room/a b?c#d%20.mov", {}).get() ==
        "bucket/room/a%20b%3Fc%23d%2520.mov");
  CHECK(location_key("sftp://h:2222/room/a%20b", {}).get() == "h:2222/room/a%20b");
  CHECK(location_key("https://h/f?sig=1&id=2", {}).get() == "h/f?id=2");
}

TEST_CASE("a URL without its signature keeps everything else as given") {
  const Result<Url> url = Url::parse("https://h/a%2fb?x={1}&X-Amz-Date=1&y");
  REQUIRE(url.has_value());
  CHECK(without_signature(*url, {}).without_user_info() == "https://h/a%2fb?x={1}&y");
}

}  // namespace
}  // namespace reelkeep::enablex
