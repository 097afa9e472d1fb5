#include "http/body.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "http/message.hpp"

using namespace reelkeep;
using namespace reelkeep::http;

namespace {

struct Taken {
  BodyProgress progress = BodyProgress::more;
  std::string body;
  std::string rest;
};

/// Feeds `text` in pieces of `piece` bytes.
Taken take(Framing framing, std::uint64_t max_body, const std::string& text, std::size_t piece) {
  BodyReader reader(framing, max_body);
  Taken taken;
  std::string pending;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    pending += text.substr(at, piece);
    std::string_view input = pending;
    if (taken.progress == BodyProgress::more) taken.progress = reader.consume(input, &taken.body);
    pending = std::string(input);
  }
  taken.rest = pending;
  return taken;
}

constexpr Framing k_chunked{.kind = BodyKind::chunked};

}  // namespace

TEST_CASE("a chunked body is the same wherever its bytes are cut") {
  const std::string text =
      "5;ext=\"a\"\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: "
      "y\r\n\r\nNEXT";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    const auto taken = take(k_chunked, 16, text, piece);
    CHECK(taken.progress == BodyProgress::complete);
    CHECK(taken.body == "hello 0123456789");
    CHECK(taken.rest == "NEXT");
  }
}

TEST_CASE("a chunked body without data is complete and empty") {
  const auto taken = take(k_chunked, 0, "0\r\n\r\n", 1);
  CHECK(taken.progress == BodyProgress::complete);
  CHECK(taken.body.empty());
}

TEST_CASE("the limit holds for what arrives in chunks, to the byte") {
  CHECK(take(k_chunked, 6, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 1).progress ==
        BodyProgress::complete);
  CHECK(take(k_chunked, 5, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 1).progress ==
        BodyProgress::too_large);
}

TEST_CASE("a giant chunk is refused when its size is read") {
  CHECK(take(k_chunked, 100, "fffffffff\r\n", 3).progress == BodyProgress::too_large);
  CHECK(take(k_chunked, 100, "ffffffffffffffffffffffff\r\n", 3).progress ==
        BodyProgress::too_large);
  CHECK(take(k_chunked, 100, "0000000000000000000000005\r\n", 3).progress ==
        BodyProgress::too_large);
}

TEST_CASE("endless extensions and trailers are bounded") {
  CHECK(take(k_chunked, 100, "1;" + std::string(20000, 'x'), 1000).progress ==
        BodyProgress::too_large);
  CHECK(take(k_chunked, 100, "0\r\n" + std::string(20000, 'x'), 1000).progress ==
        BodyProgress::too_large);
}

TEST_CASE("a broken chunked coding is malformed") {
  const std::vector<std::string> broken = {"\r\n",
                                           "x\r\n",
                                           "-1\r\n",
                                           "0x5\r\nhello\r\n",
                                           "5 \r\nhello\r\n",
                                           "5\nhello\n",
                                           "5\r\nhelloo\r\n",
                                           "5\r\nhello\n0\r\n",
                                           "5\r\nhello\rX",
                                           "0\r\nA: b\n\r\n",
                                           "0\r\nA\rb\r\n\r\n",
                                           "5;a\nb\r\nhello\r\n"};
  for (const auto& text : broken) {
    CAPTURE(text);
    CHECK(take(k_chunked, 100, text, 1).progress == BodyProgress::malformed);
  }
}

TEST_CASE("a body with a length ends there and leaves the next request alone") {
  const auto taken = take({.kind = BodyKind::length, .length = 5}, 5, "helloGET /", 3);
  CHECK(taken.progress == BodyProgress::complete);
  CHECK(taken.body == "hello");
  CHECK(taken.rest == "GET /");
  CHECK(take({.kind = BodyKind::length, .length = 6}, 5, "h", 1).progress ==
        BodyProgress::too_large);
}

TEST_CASE("a Range header asks for a part, the whole, or what is not there") {
  const auto part = [](std::string_view value, std::uint64_t size) {
    const auto range = parse_range(value, size);
    REQUIRE(range.kind == RangeKind::part);
    return range.bytes;
  };
  CHECK(part("bytes=0-0", 10) == ByteRange{0, 0});
  CHECK(part("bytes=3-", 10) == ByteRange{3, 9});
  CHECK(part("bytes=3-100", 10) == ByteRange{3, 9});
  CHECK(part("bytes=-4", 10) == ByteRange{6, 9});
  CHECK(part("bytes=-40", 10) == ByteRange{0, 9});
  CHECK(part("bytes=2-99999999999999999999999", 10) == ByteRange{2, 9});
  for (const auto* none : {"bytes=10-", "bytes=99999999999999999999999-", "bytes=-0"})
    CHECK(parse_range(none, 10).kind == RangeKind::unsatisfiable);
  CHECK(parse_range("bytes=0-", 0).kind == RangeKind::unsatisfiable);
  CHECK(parse_range("bytes=-1", 0).kind == RangeKind::unsatisfiable);
  for (const auto* ignored : {"", "items=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3",
                              "bytes=0-1,3-4", "bytes 0-1", "bytes=1"})
    CHECK(parse_range(ignored, 10).kind == RangeKind::whole);
}
