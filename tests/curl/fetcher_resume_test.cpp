#include <array>
#include <doctest/doctest.h>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

ResumePoint point(std::size_t offset, std::string validator,
                  std::optional<std::size_t> length = std::nullopt) {
  ResumePoint resume;
  resume.offset = ByteCount(offset);
  resume.validator = std::move(validator);
  if (length) resume.length = ByteCount(*length);
  return resume;
}

const std::string k_old = "Last-Modified: Mon, 01 Dec 2025 00:00:00 GMT";
const std::string k_date = "Date: Thu, 01 Jan 2026 00:00:00 GMT";

}  // namespace

TEST_CASE("a download goes on where it stopped when the server proves the same version") {
  FetchBench bench;
  const std::string content = pattern(300'000);
  bench.server.serve("/f", content);
  const Fetched fetched = bench.fetch(
      bench.request("/f", content.substr(0, 100'000), point(100'000, "\"v1\"", content.size())));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
  CHECK(fetched.from_network == ByteCount(200'000));
  CHECK(fetched.received == ByteCount(300'000));
  CHECK(fetched.length == ByteCount(300'000));
  CHECK(file_of(fetched).restarts == 0);
  const auto seen = bench.server.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].header("range") == "bytes=100000-");
  CHECK(seen[0].header("if-range") == "\"v1\"");
}

TEST_CASE(
    "a resumed download starts again at zero when the file has changed or ranges are ignored") {
  FetchBench bench;
  const std::string content = pattern(200'000);
  bench.server.serve("/changed", content, "\"v2\"");
  bench.server.on("/ignored", http_answer("200 OK", {"ETag: \"v1\""}, content));
  for (const char* path : {"/changed", "/ignored"}) {
    CAPTURE(path);
    const Fetched fetched =
        bench.fetch(bench.request(path, std::string(50'000, '?'), point(50'000, "\"v1\"")));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
    CHECK(fetched.digest == MemoryFile::digest_of(content));
    CHECK(file_of(fetched).restarts == 1);
    REQUIRE(bench.sink.checkpoints().size() >= 1);
    CHECK(bench.sink.checkpoints().back().resume.offset == ByteCount(0));
    CHECK(bench.server.seen(path).size() == 1);
  }
}

TEST_CASE(
    "a partial answer that is not exactly what was asked for is thrown away, all is asked once") {
  const std::string content = pattern(1000);
  struct Row {
    const char* lie;
    std::vector<std::string> headers;
  };
  const std::array rows{
      Row{"another start", {"Content-Range: bytes 401-999/1000", "ETag: \"v1\""}},
      Row{"from zero", {"Content-Range: bytes 0-999/1000", "ETag: \"v1\""}},
      Row{"not to the end", {"Content-Range: bytes 400-899/1000", "ETag: \"v1\""}},
      Row{"another length", {"Content-Range: bytes 400-1999/2000", "ETag: \"v1\""}},
      Row{"unknown length", {"Content-Range: bytes 400-999/*", "ETag: \"v1\""}},
      Row{"no range", {"ETag: \"v1\""}},
      Row{"two ranges",
          {"Content-Range: bytes 400-999/1000", "Content-Range: bytes 0-9/1000", "ETag: \"v1\""}},
      Row{"nonsense", {"Content-Range: items 400-999/1000", "ETag: \"v1\""}},
      Row{"overflow", {"Content-Range: bytes 400-99999999999999999999/1000", "ETag: \"v1\""}},
      Row{"another version", {"Content-Range: bytes 400-999/1000", "ETag: \"v2\""}},
      Row{"weak version", {"Content-Range: bytes 400-999/1000", "ETag: W/\"v1\""}},
      Row{"no version", {"Content-Range: bytes 400-999/1000"}},
      Row{"shorter body", {"Content-Range: bytes 400-999/1000", "ETag: \"v1\"", "X-Short: 1"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lie);
    FetchBench bench;
    bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
      if (!request.header("range"))
        connection.send(http_answer("200 OK", {"ETag: \"v1\""}, content));
      else
        connection.send(
            http_answer("206 Partial Content", row.headers,
                        std::string(row.headers.back() == "X-Short: 1" ? 599 : 600, '!')));
    });
    const Fetched fetched =
        bench.fetch(bench.request("/f", content.substr(0, 400), point(400, "\"v1\"", 1000)));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
    CHECK(bench.server.seen().size() == 2);
  }
}

TEST_CASE("416 is asked once more from zero, and not for ever") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.serve("/shrunk", content);
  const Fetched shrunk =
      bench.fetch(bench.request("/shrunk", std::string(5000, '?'), point(5000, "\"v1\"")));
  REQUIRE(shrunk.status);
  CHECK(difference(bytes_of(shrunk), content) == "");
  CHECK(bench.server.seen("/shrunk").size() == 2);

  bench.server.on("/stubborn", http_answer("416 Range Not Satisfiable", {}, "<html>416</html>"));
  const Fetched stubborn =
      bench.fetch(bench.request("/stubborn", std::string(50, '?'), point(50, "\"v1\"")));
  CHECK(stubborn.status.error().code == Errc::unavailable);
  CHECK(bench.server.seen("/stubborn").size() == 2);
  CHECK(difference(bytes_of(stubborn), std::string(50, '?')) == "");
}

TEST_CASE("a file whose bytes are all there is confirmed with its last byte") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.serve("/f", content);
  const Fetched fetched = bench.fetch(bench.request("/f", content, point(1000, "\"v1\"", 1000)));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
  CHECK(bench.server.seen().at(0).header("range") == "bytes=999-");
}

TEST_CASE("what the file holds beyond the last checkpoint is not fetched again") {
  FetchBench bench;
  const std::string content = pattern(300'000);
  bench.server.serve("/f", content);
  for (const std::size_t checkpoint : {std::size_t{0}, std::size_t{100'000}}) {
    const Fetched fetched = bench.fetch(bench.request("/f", content.substr(0, 150'000),
                                                      point(checkpoint, "\"v1\"", content.size())));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
    CHECK(fetched.from_network == ByteCount(150'000));
    CHECK(bench.server.seen().back().header("range") == "bytes=150000-");
  }
}

TEST_CASE("a resume point without a validator, or beyond the length, asks for all") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.serve("/f", content);
  for (const ResumePoint& resume :
       {point(400, ""), point(400, "\"v1\"", 300), point(401, "\"v1\"")}) {
    const Fetched fetched = bench.fetch(bench.request("/f", std::string(400, '?'), resume));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
    CHECK_FALSE(bench.server.seen().back().header("range"));
  }
}

TEST_CASE("a part that goes on behind its range is refused, and nothing of that is kept") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest&) {
    const auto chunk = [](const std::string& bytes) {
      return "12c\r\n" + bytes.substr(0, 300) + "\r\n";
    };
    connection.send(
        "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 400-999/1000\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        chunk(content.substr(400)) + chunk(content.substr(700)) + chunk(content) + "0\r\n\r\n");
  });
  const Fetched fetched =
      bench.fetch(bench.request("/f", content.substr(0, 400), point(400, "\"v1\"", 1000)));
  REQUIRE_FALSE(fetched.status);
  CHECK(fetched.status.error().code == Errc::corrupt);
  CHECK(fetched.status.error().message.find("sends more than the 600 bytes") != std::string::npos);
  CHECK(fetched.received <= ByteCount(1000));
}

TEST_CASE("an old Last-Modified serves as a validator") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
    const std::string modified = "Mon, 01 Dec 2025 00:00:00 GMT";
    if (request.header("if-range") == modified)
      connection.send(http_answer("206 Partial Content",
                                  {k_old, "Content-Range: bytes 400-999/1000"},
                                  content.substr(400)));
    else
      connection.send(http_answer("500 Oops", {}, ""));
  });
  const Fetched fetched = bench.fetch(bench.request(
      "/f", content.substr(0, 400), point(400, "Mon, 01 Dec 2025 00:00:00 GMT", 1000)));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
}

TEST_CASE("what can be continued is decided by the strength of the validator") {
  struct Row {
    std::vector<std::string> headers;
    std::string validator;
  };
  const std::array rows{
      Row{{"ETag: \"v1\""}, "\"v1\""},
      Row{{"ETag: \"v1\"", k_date, k_old}, "\"v1\""},
      Row{{"ETag: W/\"v1\""}, ""},
      Row{{"ETag: v1"}, ""},
      Row{{"ETag: \"v1\"", "Accept-Ranges: none"}, ""},
      Row{{k_date, k_old}, "Mon, 01 Dec 2025 00:00:00 GMT"},
      Row{{k_date, "Last-Modified: Wed, 31 Dec 2025 23:59:50 GMT"}, ""},
      Row{{k_date, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"}, ""},
      Row{{}, ""},
  };
  FetchBench bench;
  for (const Row& row : rows) {
    CAPTURE(row.headers.size());
    bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest&) {
      const std::string whole = http_answer("200 OK", row.headers, pattern(1000));
      connection.send(std::string_view(whole).substr(0, whole.size() - 600));
      connection.close();
    });
    const Fetched fetched = bench.fetch("/f");
    REQUIRE_FALSE(fetched.status);
    CHECK(fetched.status.error().code == Errc::unavailable);
    CHECK(fetched.received == ByteCount(400));
    CHECK(fetched.length == ByteCount(1000));
    CHECK(fetched.resume.has_value() == !row.validator.empty());
    if (fetched.resume) CHECK(*fetched.resume == point(400, row.validator, 1000));
  }
}

TEST_CASE(
    "a download that is cut at every tenth, by an end or a reset, ends with the right bytes") {
  const std::string content = pattern(1'000'000);
  for (const bool by_reset : {false, true}) {
    CAPTURE(by_reset);
    FetchBench bench;
    bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
      const auto range = request.header("range");
      const std::size_t start = range ? std::stoul(range->substr(6)) : 0;
      std::vector<std::string> headers{"ETag: \"v1\""};
      if (range)
        headers.push_back("Content-Range: bytes " + std::to_string(start) + "-999999/1000000");
      const std::string rest = content.substr(start);
      const std::string whole =
          http_answer(range ? "206 Partial Content" : "200 OK", headers, rest);
      const std::size_t head = whole.size() - rest.size();
      if (rest.size() <= 100'000) {
        connection.send(whole);
        return;
      }
      connection.send(std::string_view(whole).substr(0, head + 100'000));
      by_reset ? connection.reset() : connection.close();
    });
    std::string have;
    std::optional<ResumePoint> resume;
    std::optional<Fetched> last;
    for (int attempt = 0; attempt < 200; ++attempt) {
      last.emplace(bench.fetch(bench.request("/f", have, resume)));
      if (last->status) break;
      REQUIRE(last->status.error().code == Errc::unavailable);
      have = bytes_of(*last);
      REQUIRE(content.starts_with(have));
      resume = last->resume;
      if (!resume) {
        have.clear();  // a reset may have come before the first byte
        continue;
      }
      CHECK(resume->offset == ByteCount(have.size()));
      CHECK(file_of(*last).synced == have.size());
    }
    REQUIRE(last->status);
    CHECK(difference(bytes_of(*last), content) == "");
    CHECK(last->digest == MemoryFile::digest_of(content));
  }
}

TEST_CASE("a body in chunks without its end is not whole") {
  FetchBench bench;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send(
        "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    connection.close();
  });
  const Fetched fetched = bench.fetch("/f");
  CHECK(fetched.status.error().code == Errc::unavailable);
  CHECK(fetched.resume == point(5, "\"v1\""));
}

TEST_CASE("a failure before any byte keeps the earlier resume point") {
  FetchBench bench;
  bench.server.on("/503", http_answer("503 Busy", {}, "busy"));
  bench.server.on("/gone",
                  [](ServerConnection& connection, const SeenRequest&) { connection.reset(); });
  const ResumePoint resume = point(5, "\"v1\"", 10);
  for (const char* path : {"/503", "/gone"}) {
    const Fetched fetched = bench.fetch(bench.request(path, "12345", resume));
    CHECK(fetched.status.error().code == Errc::unavailable);
    CHECK(fetched.resume == resume);
    CHECK(fetched.received == ByteCount(5));
    CHECK(fetched.from_network == ByteCount(0));
    CHECK(difference(bytes_of(fetched), "12345") == "");
  }
}

TEST_CASE("a file that cannot be read back starts no request") {
  FetchBench bench;
  bench.server.serve("/f", "content");
  MemoryFileHooks hooks;
  hooks.before_prepare = [] { return Status(Error{Errc::unavailable, "disk broken"}); };
  const Fetched fetched = bench.fetch(bench.request("/f", "con", point(3, "\"v1\"", 7), hooks));
  CHECK(fetched.status.error().message == "disk broken");
  CHECK_FALSE(fetched.resume);
  CHECK(fetched.file != nullptr);
  CHECK(bench.server.seen().empty());
}

TEST_CASE("bytes beyond the last checkpoint are synced before they are vouched for") {
  FetchBench bench;
  bench.server.on("/f", http_answer("503 Busy", {}, "busy"));
  const Fetched more = bench.fetch(bench.request("/f", "12345", point(3, "\"v1\"", 10)));
  CHECK(more.resume == point(5, "\"v1\"", 10));
  CHECK(file_of(more).syncs == 1);
  MemoryFileHooks hooks;
  hooks.before_sync = []() -> Status { return Error{Errc::unavailable, "fsync lied"}; };
  const Fetched unsynced = bench.fetch(bench.request("/f", "12345", point(3, "\"v1\"", 10), hooks));
  CHECK_FALSE(unsynced.resume);
}
