#include "http/head.hpp"

#include <doctest/doctest.h>
#include <string>
#include <variant>
#include <vector>

using namespace reelkeep;
using namespace reelkeep::http;

namespace {

std::variant<Head, Refusal> parse(const std::string& text) {
  Codec codec(std::chrono::seconds(5));
  return parse_head(text, codec);
}

Head parse_good(const std::string& text) {
  auto parsed = parse(text);
  REQUIRE(std::holds_alternative<Head>(parsed));
  return std::get<Head>(std::move(parsed));
}

int refused_with(const std::string& text) {
  const auto parsed = parse(text);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  return refusal == nullptr ? 0 : refusal->status;
}

}  // namespace

TEST_CASE("a head is split into what the handler sees") {
  const auto head = parse_good(
      "POST /a%20b/c?x=1?y=%31 HTTP/1.1\r\nHost: h\r\nX-Mixed-Case: \t value %41, b \r\n"
      "Content-Length: 12\r\n\r\n");
  CHECK(head.request.method == "POST");
  CHECK(head.request.path == "/a b/c");
  CHECK(head.request.query == "x=1?y=%31");
  CHECK(head.request.target == "/a%20b/c?x=1?y=%31");
  REQUIRE(head.request.header("x-mixed-case") != nullptr);
  CHECK(*head.request.header("x-mixed-case") == "value %41, b");
  CHECK(head.request.header("absent") == nullptr);
  CHECK(head.framing.kind == BodyKind::length);
  CHECK(head.framing.length == 12);
  CHECK(head.keep_alive == KeepAlive::yes);
}

TEST_CASE("what was said of the target or answer before is not said of another one") {
  Codec codec(std::chrono::seconds(5));
  Request request;
  for (int round = 0; round < 2; ++round) {
    for (const std::string name : {"a", "b"}) {
      CHECK_FALSE(codec.read_target("/%" + std::string(name == "a" ? "61" : "62"), request));
      CHECK(request.path == "/" + name);
    }
    CHECK(codec.read_target("/" + std::string(10'000, 'x'), request) == 414);
    CHECK_FALSE(codec.read_target("/b", request));
    CHECK(request.path == "/b");
  }
  const auto head = [&](int status, const std::string& value, std::uint64_t length,
                        KeepAlive keep) {
    return codec.answer_head({.status = status, .headers = {{"X-A", value}}}, length, keep);
  };
  const std::string first = head(200, "1", 5, KeepAlive::yes);
  CHECK(first.starts_with("HTTP/1.1 200"));
  CHECK(head(200, "1", 5, KeepAlive::yes) == first);
  CHECK(head(503, "1", 5, KeepAlive::yes).starts_with("HTTP/1.1 503"));
  CHECK(head(503, "2", 5, KeepAlive::yes).find("X-A: 2\r\n") != std::string::npos);
  CHECK(head(503, "2", 6, KeepAlive::yes).find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(head(503, "2", 6, KeepAlive::no).find("Connection: close\r\n") != std::string::npos);
  CHECK(head(200, "1", 5, KeepAlive::yes) == first);
}

TEST_CASE("a target in absolute form loses its authority") {
  CHECK(parse_good("GET http://h:1/p?q HTTP/1.1\r\nHost: h\r\n\r\n").request.target == "/p?q");
  CHECK(parse_good("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").request.path == "/");
}

TEST_CASE("a query may hold what looks like a URL") {
  const auto head = parse_good("GET /p?u=http://x/ HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.request.path == "/p");
  CHECK(head.request.query == "u=http://x/");
}

TEST_CASE("keep-alive follows version and Connection header") {
  CHECK(parse_good("GET / HTTP/1.0\r\n\r\n").keep_alive == KeepAlive::no);
  CHECK(parse_good("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive ==
        KeepAlive::yes);
  CHECK(parse_good("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n").keep_alive ==
        KeepAlive::no);
}

TEST_CASE("a method that nobody knows is left to the handler") {
  CHECK(parse_good("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n").request.method == "BREW");
}

TEST_CASE("an expectation is seen in HTTP/1.1 only") {
  CHECK(parse_good("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n").expects ==
        Expects::go_ahead);
  CHECK(parse_good("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects == Expects::nothing);
}

TEST_CASE("a length of zero is no body, and a giant one is a length") {
  CHECK(parse_good("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").framing.kind ==
        BodyKind::none);
  CHECK(parse_good("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n")
            .framing.length == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("whatever could be read in two ways is refused") {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::vector<std::string> bad = {
      start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      start + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
      start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
      start + "Content-Length: 3, 3\r\n\r\n",
      start + "Content-Length: +3\r\n\r\n",
      start + "Content-Length: -3\r\n\r\n",
      start + "Content-Length: 0x3\r\n\r\n",
      start + "Content-Length: 3 4\r\n\r\n",
      start + "Content-Length:\r\n\r\n",
      start + "Content-Length : 3\r\n\r\n",
      start + " Content-Length: 3\r\n\r\n",
      start + "X: a\r\n folded\r\n\r\n",
      start + "X: a\rb\r\n\r\n",
      start + std::string("X: a\0b\r\n\r\n", 10),
      start + "X\r\n\r\n",
      start + ": x\r\n\r\n",
      start + "X Y: z\r\n\r\n",
      start + "Host: other\r\n\r\n",
      start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST / x HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /\tHTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /\r\nHost: h\r\n\r\n",
      "POST\r\n\r\n",
      "P(ST / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / http/1.1\r\nHost: h\r\n\r\n",
  };
  for (const auto& text : bad) {
    CAPTURE(text);
    CHECK(refused_with(text) == 400);
  }
}

TEST_CASE("what is understood but not spoken has its own status") {
  CHECK(refused_with("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n") ==
        501);
  CHECK(refused_with("POST / HTTP/1.1\r\nHost: h\r\nExpect: cake\r\n\r\n") == 417);
  CHECK(refused_with("PRI * HTTP/2.0\r\n\r\n") == 505);
  CHECK(refused_with("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n") == 414);
}

TEST_CASE("the end of a head is found wherever its bytes are cut") {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\nnext";
  std::size_t scanned = 0;
  for (std::size_t size = 0; size < text.size() - 4; ++size)
    CHECK(scan_head(text.substr(0, size), scanned).progress == HeadProgress::incomplete);
  const auto scan = scan_head(text, scanned);
  CHECK(scan.progress == HeadProgress::complete);
  CHECK(scan.size == text.size() - 4);
}

TEST_CASE("garbage is recognised before a head is complete") {
  for (const std::string garbage :
       {"\x16\x03\x01", "{\"a\":1}", " GET /", "\nGET", "GET / HTTP/1.1\n"}) {
    CAPTURE(garbage);
    std::size_t scanned = 0;
    CHECK(scan_head(garbage, scanned).progress == HeadProgress::malformed);
  }
}
