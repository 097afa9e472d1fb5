#include <array>
#include <doctest/doctest.h>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a whole file arrives with its digest, length and type") {
  FetchBench bench;
  const std::string content = pattern(3'500'000);
  bench.server.on("/f.mp4",
                  http_answer("200 OK", {"Content-Type: video/mp4", "ETag: \"a\""}, content));
  const Fetched fetched = bench.fetch("/f.mp4");
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
  CHECK(fetched.received == ByteCount(content.size()));
  CHECK(fetched.from_network == ByteCount(content.size()));
  CHECK(fetched.length == ByteCount(content.size()));
  CHECK(fetched.content_type == "video/mp4");
  CHECK(fetched.http_status == 200);
  CHECK(fetched.credential_accepted);
  // A stop before the content is judged must not cost the bytes.
  REQUIRE(fetched.resume);
  CHECK(fetched.resume->offset == ByteCount(content.size()));
  CHECK(file_of(fetched).synced == content.size());
  CHECK(bench.fetcher->received_bytes() == content.size());
}

TEST_CASE("a request is a plain HTTP/1.1 GET for the bytes as they are, with the pair at once") {
  FetchBench bench;
  bench.server.serve("/a%20b.mp4", "x");
  FetchRequest request = bench.request("/a%20b.mp4");
  request.url =
      Url::parse("http://other:secret@" + bench.server.authority() + "/a%20b.mp4?sig=1%2F2")
          .value();
  REQUIRE(bench.fetch(std::move(request)).status);
  const auto seen = bench.server.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "GET");
  CHECK(seen[0].target == "/a%20b.mp4?sig=1%2F2");
  CHECK(seen[0].header("accept-encoding") == "identity");
  CHECK(seen[0].header("authorization") == pair_header());
  CHECK_FALSE(seen[0].header("range"));
}

TEST_CASE("an empty file and a file in chunks arrive whole") {
  FetchBench bench;
  bench.server.on("/empty", http_answer("200 OK", {}, ""));
  bench.server.on(
      "/chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n"
      "0\r\nX-Trailer: late\r\n\r\n");
  const Fetched empty = bench.fetch("/empty");
  CHECK(empty.status);
  CHECK(empty.digest == MemoryFile::digest_of(""));
  CHECK(empty.length == ByteCount(0));
  const Fetched chunks = bench.fetch("/chunks");
  CHECK(chunks.status);
  CHECK(difference(bytes_of(chunks), "hello world") == "");
  CHECK_FALSE(chunks.length);
}

TEST_CASE("an interim answer is not the answer") {
  FetchBench bench;
  bench.server.on("/f", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
                            http_answer("200 OK", {}, "the file"));
  const Fetched fetched = bench.fetch("/f");
  CHECK(fetched.status);
  CHECK(difference(bytes_of(fetched), "the file") == "");
}

TEST_CASE("no status but 200 brings a byte into the file, and each has its own meaning") {
  struct Row {
    const char* status;
    Errc code;
  };
  constexpr std::array rows{
      Row{"201 Created", Errc::unavailable},       Row{"202 Accepted", Errc::unavailable},
      Row{"206 Partial Content", Errc::corrupt},   Row{"300 Multiple Choices", Errc::unavailable},
      Row{"302 Found", Errc::unavailable},         Row{"400 Bad Request", Errc::unavailable},
      Row{"401 Unauthorized", Errc::unauthorized}, Row{"403 Forbidden", Errc::unauthorized},
      Row{"404 Not Found", Errc::not_found},       Row{"405 No", Errc::unavailable},
      Row{"408 Timeout", Errc::unavailable},       Row{"410 Gone", Errc::not_found},
      Row{"416 No Range", Errc::unavailable},      Row{"425 Too Early", Errc::unavailable},
      Row{"429 Slow Down", Errc::unavailable},     Row{"451 Legal", Errc::unavailable},
      Row{"500 Oops", Errc::unavailable},          Row{"502 Gateway", Errc::unavailable},
      Row{"503 Busy", Errc::unavailable},          Row{"504 Late", Errc::unavailable},
      Row{"599 Odd", Errc::unavailable},
  };
  FetchBench bench;
  for (const Row& row : rows) {
    CAPTURE(row.status);
    bench.server.on("/f", http_answer(row.status, {"Content-Type: text/html"}, "<html>no</html>"));
    const Fetched fetched = bench.fetch("/f");
    REQUIRE_FALSE(fetched.status);
    CHECK(fetched.status.error().code == row.code);
    CHECK(fetched.http_status == std::stoi(row.status));
    CHECK(bytes_of(fetched).empty());
    CHECK_FALSE(fetched.digest);
    CHECK_FALSE(fetched.credential_accepted);
    CHECK(fetched.status.error().message.starts_with(bench.server.authority() + ": "));
  }
}

TEST_CASE("a status without a body ends the request too") {
  FetchBench bench;
  bench.server.on("/204", "HTTP/1.1 204 No Content\r\n\r\n");
  bench.server.on("/304", "HTTP/1.1 304 Not Modified\r\n\r\n");
  CHECK(bench.fetch("/204").status.error().code == Errc::unavailable);
  CHECK(bench.fetch("/304").status.error().code == Errc::unavailable);
}

TEST_CASE("403 without a pair is no verdict on the pair") {
  FetchBench bench;
  bench.server.on("/f", http_answer("403 Forbidden", {}, ""));
  FetchRequest request = bench.request("/f");
  request.credential.reset();
  const Fetched fetched = bench.fetch(std::move(request));
  CHECK(fetched.status.error().code == Errc::unavailable);
  CHECK_FALSE(bench.server.seen().at(0).header("authorization"));
}

TEST_CASE("Retry-After is honoured as seconds and as a date, for an hour at most") {
  struct Row {
    const char* value;
    std::optional<int> seconds;
  };
  const std::array rows{Row{"120", 120},
                        Row{"0", 0},
                        Row{"86400", 3600},
                        Row{"99999999999999999999999", 3600},
                        Row{"Thu, 01 Jan 2026 00:05:00 GMT", 300},
                        Row{"Fri, 02 Jan 2026 00:00:00 GMT", 3600},
                        Row{"Wed, 31 Dec 2025 00:00:00 GMT", 0},
                        Row{"soon", std::nullopt},
                        Row{"-5", std::nullopt}};
  FetchBench bench;
  for (const Row& row : rows) {
    CAPTURE(row.value);
    bench.server.on("/f", http_answer("503 Busy",
                                      {"Date: Thu, 01 Jan 2026 00:00:00 GMT",
                                       std::string("Retry-After: ") + row.value},
                                      ""));
    const Fetched fetched = bench.fetch("/f");
    REQUIRE_FALSE(fetched.status);
    if (row.seconds)
      CHECK(fetched.status.error().retry_after == std::chrono::seconds(*row.seconds));
    else
      CHECK_FALSE(fetched.status.error().retry_after);
  }
}

TEST_CASE("an encoding that was not asked for is corrupt, identity is none") {
  FetchBench bench;
  bench.server.on("/gzip", http_answer("200 OK", {"Content-Encoding: gzip"}, "\x1f\x8b..."));
  bench.server.on("/same", http_answer("200 OK", {"Content-Encoding: Identity"}, "plain"));
  const Fetched gzip = bench.fetch("/gzip");
  CHECK(gzip.status.error().code == Errc::corrupt);
  CHECK(bytes_of(gzip).empty());
  const Fetched same = bench.fetch("/same");
  CHECK(same.status);
  CHECK(difference(bytes_of(same), "plain") == "");
}

TEST_CASE("a Content-Length that contradicts itself brings no byte") {
  FetchBench bench;
  bench.server.on("/f", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd");
  const Fetched fetched = bench.fetch("/f");
  REQUIRE_FALSE(fetched.status);
  CHECK(fetched.status.error().code == Errc::corrupt);
  CHECK(bytes_of(fetched).empty());
}

TEST_CASE("a bomb of header lines ends the request") {
  FetchBench bench;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  const Fetched fetched = bench.fetch("/f");
  REQUIRE_FALSE(fetched.status);
  CHECK(fetched.status.error().code == Errc::unavailable);
  CHECK(fetched.status.error().message.find("header") != std::string::npos);
}

TEST_CASE("an endless error page is not read to its end") {
  FetchBench bench;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
    while (connection.send(chunk)) {
    }
  });
  const Fetched fetched = bench.fetch("/f");
  CHECK(fetched.status.error().code == Errc::not_found);
  CHECK(bytes_of(fetched).empty());
}

TEST_CASE("what is no HTTP is no file") {
  FetchBench bench;
  bench.server.on("/banner", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("220 ftp ready\r\n");
    connection.close();
  });
  bench.server.on("/silence",
                  [](ServerConnection& connection, const SeenRequest&) { connection.close(); });
  CHECK(bench.fetch("/banner").status.error().code == Errc::unavailable);
  const Fetched silence = bench.fetch("/silence");
  CHECK(silence.status.error().code == Errc::unavailable);
  CHECK(silence.http_status == 0);
}

TEST_CASE("a connection is used again, also after an error page") {
  FetchBench bench;
  bench.server.serve("/f", "content");
  REQUIRE(bench.fetch("/f").status);
  REQUIRE_FALSE(bench.fetch("/missing").status);
  REQUIRE(bench.fetch("/f").status);
  for (const SeenRequest& request : bench.server.seen()) CHECK(request.connection == 1);
}

TEST_CASE("a refused connection is unavailable and names the host") {
  FetchBench bench;
  FetchRequest request = bench.request("/f");
  std::string authority;
  {
    ScriptedServer gone;
    authority = gone.authority();
  }
  request.url = Url::parse("http://" + authority + "/f?secret=1").value();
  request.rules.hosts.push_back(HostPattern::parse(authority).value());
  const Fetched fetched = bench.fetch(std::move(request));
  CHECK(fetched.status.error().code == Errc::unavailable);
  CHECK(fetched.status.error().message == authority + ": cannot connect: connection refused");
}
