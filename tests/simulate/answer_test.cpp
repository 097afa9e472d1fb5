#include "simulate/answer.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

const Timestamp k_now{std::chrono::seconds(784'111'777)};

/// One recording with these failures.
struct Served {
  explicit Served(std::vector<std::string> failures, ByteCount size = ByteCount(1000))
      : plan({.recordings = 1,
              .size = size,
              .kinds = {ArtifactKind::recording},
              .failures = rules(failures)},
             k_now) {}

  static std::vector<FailureRule> rules(const std::vector<std::string>& failures) {
    std::vector<FailureRule> out;
    for (const std::string& failure : failures) out.push_back(*parse_failure(failure));
    return out;
  }

  http::Response get(http::Headers headers = {}, std::uint64_t earlier = 0) const {
    const http::Request request{.method = "GET",
                                .target = "/files/x",
                                .path = "/files/x",
                                .query = {},
                                .headers = std::move(headers),
                                .body = {},
                                .remote = {}};
    return answer_file(plan.sessions()[0].files[0], k_now,
                       {.request = request, .earlier = earlier});
  }
  Plan plan;
};

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

}  // namespace

TEST_CASE("an HTTP date is written as the standard's example") {
  CHECK(http_date(k_now) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(Timestamp{std::chrono::seconds(1'767'520'800)}) ==
        "Sun, 04 Jan 2026 10:00:00 GMT");
}

TEST_CASE("a whole file is offered with length, ranges and validators") {
  const http::Response response = Served({}).get();
  CHECK(response.status == 200);
  CHECK(response.stream->length == 1000);
  CHECK(header(response, "Accept-Ranges") == "bytes");
  CHECK(header(response, "ETag").starts_with('"'));
  CHECK(header(response, "Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(header(response, "Content-Type") == "video/quicktime");
}

TEST_CASE("a range is honoured exactly while its validator is the same") {
  const Served served({});
  const std::string etag = header(served.get(), "ETag");
  const auto with = [&](const std::string& if_range) {
    return served.get({{"range", "bytes=400-"}, {"if-range", if_range}}).status;
  };
  CHECK(with(etag) == 206);
  CHECK(with("Sun, 06 Nov 1994 08:49:37 GMT") == 206);
  CHECK(with("\"other\"") == 200);
  CHECK(with("W/" + etag) == 200);
  CHECK(with("Sun, 06 Nov 1994 08:49:38 GMT") == 200);
  const http::Response part = served.get({{"range", "bytes=400-"}});
  CHECK(header(part, "Content-Range") == "bytes 400-999/1000");
  CHECK(part.stream->length == 600);
  const http::Response beyond = served.get({{"range", "bytes=1000-"}});
  CHECK(beyond.status == 416);
  CHECK(header(beyond, "Content-Range") == "bytes */1000");
}

TEST_CASE("a stall or a truncation ends the body after its share, of a part too") {
  const http::Response stalled = Served({"stall:0.25"}).get();
  CHECK(stalled.stream->length == 1000);
  CHECK(stalled.stream->cut_after == 250);
  CHECK(stalled.stream->at_cut == http::AtCut::stall);
  const Served truncating({"truncate:0.5:1"});
  CHECK(truncating.get().stream->cut_after == 500);
  CHECK(truncating.get().stream->at_cut == http::AtCut::close);
  CHECK(truncating.get({{"range", "bytes=500-"}}).stream->cut_after == 250);
  CHECK(truncating.get({}, 1).stream->cut_after > 1000);
}

TEST_CASE("a slow file has its pace as often as asked for") {
  const Served slow({"slow:1KiB:1"});
  CHECK(slow.get().stream->bytes_per_second == 1024);
  CHECK(slow.get({}, 1).stream->bytes_per_second == 0);
}

TEST_CASE("a shortened file looks whole: its length fits it") {
  const http::Response response = Served({"short:0.5"}).get({{"range", "bytes=0-"}});
  CHECK(response.stream->length == 500);
  CHECK(header(response, "Content-Range") == "bytes 0-499/500");
}

TEST_CASE("statuses come as often as asked for, busy ones with Retry-After") {
  const Served missing({"404:2"});
  CHECK(missing.get().status == 404);
  CHECK(missing.get({}, 1).status == 404);
  CHECK(missing.get({}, 2).status == 200);
  CHECK(header(Served({"503:1:30"}).get(), "Retry-After") == "30");
  CHECK(header(Served({"429"}).get(), "Retry-After") == "1");
  CHECK(header(Served({"500"}).get(), "Retry-After").empty());
}

TEST_CASE("wrong content comes with a friendly 200") {
  CHECK(Served({"html"}).get().body.starts_with("<!DOCTYPE html>"));
  CHECK(Served({"json"}).get().body.starts_with("{"));
  const http::Response empty = Served({"empty"}).get();
  CHECK(empty.status == 200);
  CHECK(empty.body.empty());
  CHECK_FALSE(empty.stream.has_value());
  CHECK(header(Served({"gzip"}).get(), "Content-Encoding") == "gzip");
}

TEST_CASE("validators and ranges can be missing or weak") {
  const http::Response none = Served({"no-validator"}).get();
  CHECK(header(none, "ETag").empty());
  CHECK(header(none, "Last-Modified").empty());
  const http::Response weak = Served({"weak-etag"}).get();
  CHECK(header(weak, "ETag").starts_with("W/\""));
  CHECK(header(weak, "Last-Modified").empty());
  const http::Response whole = Served({"no-ranges"}).get({{"range", "bytes=400-"}});
  CHECK(whole.status == 200);
  CHECK(header(whole, "Accept-Ranges").empty());
}

TEST_CASE("a changed file has other bytes and another validator than before") {
  const Served served({"changed:1"});
  const http::Response before = served.get();
  const http::Response after = served.get({}, 1);
  CHECK(header(before, "ETag") != header(after, "ETag"));
  CHECK(header(before, "Last-Modified") != header(after, "Last-Modified"));
  std::string old_bytes(1000, '\0');
  std::string new_bytes(1000, '\0');
  CHECK(before.stream->fill(0, old_bytes) == 1000);
  CHECK(after.stream->fill(0, new_bytes) == 1000);
  CHECK(old_bytes != new_bytes);
  CHECK(served.get({{"range", "bytes=400-"}, {"if-range", header(before, "ETag")}}, 1).status ==
        200);
}

TEST_CASE("a redirect leads to the other name of this host") {
  const http::Response response = Served({"redirect"}).get({{"host", "127.0.0.1:4711"}});
  CHECK(response.status == 302);
  CHECK(header(response, "Location") == "http://localhost:4711/files/x?X-Amz-Signature=simulated");
}

TEST_CASE("an empty file is an empty answer, and no range of it can be had") {
  const Served served({}, ByteCount());
  CHECK(served.get().status == 200);
  CHECK_FALSE(served.get().stream.has_value());
  CHECK(served.get({{"range", "bytes=0-"}}).status == 416);
}
