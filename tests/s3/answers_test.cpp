#include "s3/answers.hpp"

#include <doctest/doctest.h>

#include "s3/refusal.hpp"
#include "s3/upload.hpp"

using namespace reelkeep;
using namespace reelkeep::s3;

namespace {

Error refused(int status, const std::string& code, const std::string& more = "",
              std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code>" + more + "</Error>";
  return explain(answer, parse_refusal(answer.body),
                 {"s3.example.com", "films", "eu-west-1", "PUT", "a/b.mp4",
                  parse_rfc3339("2026-01-04T10:25:00Z").value()});
}

bool says(const Error& error, std::string_view words) {
  CAPTURE(error.message);
  return error.message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("an error document is known by its root, also after spaces that kept the connection") {
  CHECK(parse_refusal("  \n\n<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>")
            ->code == "InternalError");
  CHECK_FALSE(parse_refusal("<CompleteMultipartUploadResult/>"));
  CHECK_FALSE(parse_refusal(""));
  CHECK_FALSE(parse_refusal("<Error"));
  CHECK_FALSE(parse_refusal(std::string(100'000, '<')));
}

TEST_CASE("causes are told apart in words and codes") {
  const Error skew =
      refused(403, "RequestTimeTooSkewed", "", {{"date", "Sun, 04 Jan 2026 10:00:00 GMT"}});
  CHECK(skew.code == Errc::unavailable);
  CHECK(says(skew, "clock is 25m ahead of the server's"));

  const Error region =
      refused(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>");
  CHECK(region.code == Errc::invalid);
  CHECK(says(region, "is in region eu-central-1, not in eu-west-1"));
  CHECK(says(refused(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "us-east-2"}}),
             "is in region us-east-2"));

  CHECK(refused(404, "NoSuchBucket").code == Errc::unavailable);
  CHECK(says(refused(404, "NoSuchBucket"), "no bucket films"));
  CHECK(refused(404, "NoSuchKey").code == Errc::not_found);
  CHECK(refused(404, "NoSuchUpload").code == Errc::not_found);

  CHECK(says(refused(403, "InvalidAccessKeyId"), "access_key_id"));
  CHECK(refused(403, "InvalidAccessKeyId").code == Errc::unauthorized);
  CHECK(says(refused(403, "SignatureDoesNotMatch"), "secret_access_key"));
  CHECK(says(refused(400, "ExpiredToken"), "session_token"));
  CHECK(says(refused(403, "AccessDenied"), "s3:PutObject"));
  CHECK(refused(403, "AccessDenied").code == Errc::unauthorized);

  CHECK(refused(403, "QuotaExceeded").code == Errc::no_space);
  CHECK(refused(412, "PreconditionFailed").code == Errc::conflict);
  CHECK(refused(200, "InternalError").code == Errc::unavailable);
  CHECK(refused(501, "NotImplemented").code == Errc::invalid);

  const Error busy = refused(503, "SlowDown", "", {{"retry-after", "17"}});
  CHECK(busy.code == Errc::unavailable);
  CHECK(busy.retry_after == std::chrono::seconds(17));
  CHECK(refused(503, "SlowDown", "", {{"retry-after", "99999999"}}).retry_after ==
        std::chrono::hours(1));
}

TEST_CASE("a server's own words cannot forge a line") {
  const Error error = refused(400, "Strange", "<Message>a&#10;b&#27;[31m</Message>");
  CHECK(error.message.find('\n') == std::string::npos);
  CHECK(error.message.find('\x1b') == std::string::npos);
  for (const int status : {429, 500, 503, 507})
    CHECK(refused(status, "a&#10;b&#27;[31m").message.find_first_of("\n\x1b") == std::string::npos);
  CHECK(refused(400, "Strange", "<Message>" + std::string(100'000, 'x') + "</Message>")
            .message.size() < 1000);
}

TEST_CASE("listings of uploads and parts are read with their next page") {
  const auto uploads = parse_uploads(
      "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<IsTruncated>true</IsTruncated><NextKeyMarker>k2</NextKeyMarker>"
      "<NextUploadIdMarker>u2</NextUploadIdMarker><Upload><Key>a &amp; b</Key>"
      "<UploadId>u1</UploadId><Initiated>2026-01-04T10:00:00.000Z</Initiated></Upload>"
      "</ListMultipartUploadsResult>");
  REQUIRE(uploads);
  CHECK(uploads->uploads.at(0).key == "a & b");
  CHECK(to_rfc3339(uploads->uploads.at(0).begun) == "2026-01-04T10:00:00.000Z");
  CHECK(uploads->next->id == "u2");

  const auto parts = parse_parts(
      "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber>"
      "<ETag>\"abc\"</ETag><Size>16777216</Size></Part></ListPartsResult>");
  REQUIRE(parts);
  CHECK(parts->parts.at(3).etag == "abc");
  CHECK(parts->parts.at(3).size == 16_MiB);
  CHECK_FALSE(parts->next);
  CHECK_FALSE(parts->has_checksums);
  CHECK(parse_parts("<html>").error().code == Errc::unavailable);
  CHECK(parse_begun_upload("<InitiateMultipartUploadResult/>").error().code == Errc::unavailable);
}

TEST_CASE("an upload is completed with its parts in order") {
  CHECK(completion({{2, {ByteCount(1), "e2", ""}}, {1, {ByteCount(1), "e1", "c1="}}}) ==
        "<CompleteMultipartUpload><Part><ChecksumSHA256>c1=</ChecksumSHA256><ETag>\"e1\"</ETag>"
        "<PartNumber>1</PartNumber></Part><Part><ETag>\"e2\"</ETag><PartNumber>2</PartNumber>"
        "</Part></CompleteMultipartUpload>");
}

TEST_CASE("parts grow so that ten thousand of them are enough for every size") {
  CHECK(part_size(16_MiB) == 16_MiB);
  CHECK(part_size(100_GiB) == 16_MiB);
  for (const ByteCount size :
       {ByteCount(160'000ULL << 20U), ByteCount((160'000ULL << 20U) + 1), k_largest_object}) {
    const std::uint64_t part = part_size(size).get();
    CHECK((size.get() + part - 1) / part <= k_most_parts);
    CHECK(part % (1U << 20U) == 0);
  }
  CHECK(part_size(k_largest_object) <= 1_GiB);
}

TEST_CASE("a Date header is read") {
  CHECK(to_rfc3339(*parse_http_date("Fri, 24 May 2013 00:00:01 GMT")) ==
        "2013-05-24T00:00:01.000Z");
  CHECK_FALSE(parse_http_date("Fri, 24 Foo 2013 00:00:00 GMT"));
  CHECK_FALSE(parse_http_date("now"));
}
