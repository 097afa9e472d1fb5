#include "curl/judgement.hpp"

#include <doctest/doctest.h>

#include "curl/answer_head.hpp"

using namespace reelkeep;
using namespace reelkeep::curl;

namespace {

AnswerHead head_of(std::initializer_list<const char*> lines) {
  AnswerHead head;
  for (const char* line : lines) head.add(std::string(line) + "\r\n");
  head.add("\r\n");
  return head;
}

Judgement judged(std::initializer_list<const char*> lines, const Asked& asked = {}) {
  return judge(head_of(lines), asked, Timestamp(Duration(1'767'225'600'000)));  // 2026-01-01
}

}  // namespace

TEST_CASE("a head is complete with its empty line, but an interim answer's is not the end") {
  AnswerHead head;
  CHECK(head.add("HTTP/1.1 100 Continue\r\n") == AnswerHead::Line::more);
  CHECK(head.add("\r\n") == AnswerHead::Line::more);
  CHECK_FALSE(head.complete());
  CHECK(head.add("HTTP/1.1 200 OK\r\n") == AnswerHead::Line::more);
  CHECK(head.add("ETag:  \"x\" \r\n") == AnswerHead::Line::more);
  CHECK(head.add("Content-Length : 9\r\n") == AnswerHead::Line::more);
  CHECK(head.add("X-Folded: one\r\n") == AnswerHead::Line::more);
  CHECK(head.add("  two\r\n") == AnswerHead::Line::more);
  CHECK(head.add("\r\n") == AnswerHead::Line::complete);
  CHECK_FALSE(head.find("content-length"));  // nor does libcurl take it for one
  CHECK(head.status() == 200);
  CHECK(head.find("etag") == "\"x\"");
  CHECK(head.find("x-folded") == "one two");
  CHECK_FALSE(head.find("none"));
  CHECK(head.add("Etag: \"trailer\"\r\n") == AnswerHead::Line::more);
  CHECK(head.find_all("etag").size() == 1);
}

TEST_CASE("a head of more than 64 KiB is refused") {
  AnswerHead head;
  head.add("HTTP/1.1 200 OK\r\n");
  const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  int lines = 0;
  while (head.add(line) == AnswerHead::Line::more) ++lines;
  CHECK(lines == 65);
}

TEST_CASE("with chunks a Content-Length means nothing") {
  const Judgement judgement =
      judged({"HTTP/1.1 200 OK", "Content-Length: 5", "Transfer-Encoding: chunked"});
  CHECK(judgement.kind == Judgement::Kind::whole);
  CHECK_FALSE(judgement.body_length);
  CHECK_FALSE(judgement.length);
}

TEST_CASE("the last byte of a range may not lie beyond its file") {
  Asked asked;
  asked.offset = ByteCount(10);
  asked.validator = "\"a\"";
  CHECK(judged({"HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 10-19/20"}, asked).kind ==
        Judgement::Kind::rest);
  CHECK(judged({"HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 10-20/20"}, asked).kind ==
        Judgement::Kind::again);
  CHECK(judged({"HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 10-9/20"}, asked).kind ==
        Judgement::Kind::again);
  CHECK(judged({"HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes  10-19/20"}, asked).kind ==
        Judgement::Kind::rest);
  asked.may_ask_again = false;
  CHECK(judged({"HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 0-9/20"}, asked).kind ==
        Judgement::Kind::refused);
}

TEST_CASE("a Retry-After date counts from the server's clock, else from ours") {
  const Judgement ours =
      judged({"HTTP/1.1 429 Slow", "Retry-After: Thu, 01 Jan 2026 00:01:30 GMT"});
  CHECK(ours.error->retry_after == std::chrono::seconds(90));
  const Judgement theirs = judged({"HTTP/1.1 429 Slow", "Date: Mon, 01 Jan 2024 00:00:00 GMT",
                                   "Retry-After: Mon, 01 Jan 2024 00:00:10 GMT"});
  CHECK(theirs.error->retry_after == std::chrono::seconds(10));
}

TEST_CASE("a date that could split a header line is no validator") {
  // What curl takes for a date, whatever stands between its parts.
  for (const char* date : {"Thu, 01 Jan 2020\r00:00:00 GMT", "Thu, 01 Jan 2020 00:00:00\r GMT",
                           "Thu, 01 Jan 2020 \x01 00:00:00 GMT"}) {
    CAPTURE(date);
    const std::string line = std::string("Last-Modified: ") + date;
    CHECK(judged({"HTTP/1.1 200 OK", line.c_str()}).validator.empty());
  }
  CHECK_FALSE(judged({"HTTP/1.1 200 OK", "Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT"})
                  .validator.empty());
}

TEST_CASE("an entity tag that could split a header line is no validator") {
  for (const char* tag : {"\"", "\"a", "a\"", "\"a\"b\"", "\"a b\"", "\"a\tb\""}) {
    CAPTURE(tag);
    const std::string line = std::string("ETag: ") + tag;
    CHECK(judged({"HTTP/1.1 200 OK", line.c_str()}).validator.empty());
  }
  CHECK(judged({"HTTP/1.1 200 OK", "ETag: \"\""}).validator == "\"\"");
}
