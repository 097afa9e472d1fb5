#include "s3/signature.hpp"

#include <doctest/doctest.h>

#include "reelkeep/base/url.hpp"

#include "crypto/sha256.hpp"
#include "s3/client.hpp"

using namespace reelkeep;
using namespace reelkeep::s3;

namespace {

/// The suite of AWS: docs.aws.amazon.com, "Signature Version 4 test suite".
std::string suite_signature(Signable request) {
  const AccessKey key{"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {}};
  const Timestamp now = parse_rfc3339("2015-08-30T12:36:00Z").value();
  request.host = "example.amazonaws.com";
  request.headers.emplace_back("X-Amz-Date", amz_date(now));
  request.payload = sha256("").hex();
  const std::string header = authorization(request, key, {"us-east-1", "service"}, now);
  CHECK(
      header.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                         "aws4_request,SignedHeaders=host;"));
  return header.substr(header.find("Signature=") + 10);
}

/// The examples of the S3 documentation, "Authenticating Requests (AWS Signature Version 4)".
const AccessKey k_key{
    "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}};
const Timestamp k_2013 =
    Timestamp(std::chrono::sys_days(std::chrono::year(2013) / std::chrono::May / 24));

std::string s3_signature(Signable request) {
  request.host = "examplebucket.s3.amazonaws.com";
  if (request.payload.empty()) request.payload = sha256("").hex();
  request.headers.emplace_back("x-amz-content-sha256", request.payload);
  request.headers.emplace_back("x-amz-date", amz_date(k_2013));
  const std::string header = authorization(request, k_key, {"us-east-1"}, k_2013);
  return header.substr(header.find("Signature=") + 10);
}

}  // namespace

TEST_CASE("the vectors of the published test suite come out") {
  CHECK(suite_signature({}) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  CHECK(suite_signature({.query = {{"Param2", "value2"}, {"Param1", "value1"}}}) ==
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  CHECK(suite_signature({.path = "/\u1234"}) ==
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  CHECK(suite_signature(
            {.path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}) ==
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
  CHECK(suite_signature({.method = "POST"}) ==
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  CHECK(suite_signature({.method = "POST", .headers = {{"My-Header1", "value1"}}}) ==
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
  CHECK(
      suite_signature({.headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}}) ==
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

TEST_CASE("the examples of the S3 documentation come out") {
  CHECK(s3_signature({.path = "/test.txt", .headers = {{"Range", "bytes=0-9"}}}) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(s3_signature({.method = "PUT",
                      .path = "/test$file.text",
                      .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                      .payload = sha256("Welcome to Amazon S3.").hex()}) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(s3_signature({.query = {{"lifecycle", ""}}}) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(s3_signature({.query = {{"max-keys", "2"}, {"prefix", "J"}}}) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("a presigned URL is that of the S3 documentation") {
  const BucketPlace bucket{Url::parse("https://s3.amazonaws.com").value(), "us-east-1",
                           "examplebucket", false};
  CHECK(presigned_url(bucket, "test.txt", k_key, k_2013, std::chrono::hours(24)) ==
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"
        "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"
        "X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_CASE("a session token is part of a presigned URL") {
  const BucketPlace bucket{Url::parse("http://[::1]:7480").value(), "r", "b", true};
  const std::string url = presigned_url(bucket, "k", {"id", Secret("s"), Secret("a+b/c=")}, k_2013,
                                        std::chrono::seconds(60));
  CHECK(url.starts_with("http://[::1]:7480/b/k?"));
  CHECK(url.find("X-Amz-Security-Token=a%2Bb%2Fc%3D&X-Amz-SignedHeaders") != std::string::npos);
}

TEST_CASE("a key is encoded byte for byte and never normalised") {
  CHECK(encoded_path("/b/a b+c~d'e\"f(g)h//i/../\u00e9\u4e2d%41?#&=.mp4") ==
        "/b/a%20b%2Bc~d%27e%22f%28g%29h//i/../%C3%A9%E4%B8%AD%2541%3F%23%26%3D.mp4");
  CHECK(encoded_query({{"b", "2"}, {"a-b", "/ +"}, {"a", ""}}) == "a=&a-b=%2F%20%2B&b=2");
}

TEST_CASE("the place of an object follows the style of the endpoint") {
  const Url endpoint = Url::parse("https://s3.example.com:9000").value();
  const auto by_path = place_of({endpoint, "r", "bucket", true}, "a/b");
  CHECK(by_path.host == "s3.example.com:9000");
  CHECK(by_path.path == "/bucket/a/b");
  const auto by_host = place_of({endpoint, "r", "bucket", false}, "a/b");
  CHECK(by_host.host == "bucket.s3.example.com:9000");
  CHECK(by_host.path == "/a/b");
  CHECK(place_of({endpoint, "r", "bucket", true}, "").path == "/bucket");
  CHECK(place_of({endpoint, "r", "bucket", false}, "").path == "/");
}
