// Short bodies that nobody syncs. The rest of the suite runs with them too: see CMakeLists.txt.
#include <chrono>
#include <doctest/doctest.h>
#include <future>
#include <thread>

#include "crypto/sha256.hpp"
#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a body that is short enough is left to be synced by who takes it further") {
  FetchBench bench;
  bench.server.serve("/short", pattern(100'000));
  bench.server.serve("/long", pattern(100'001));
  bench.server.on("/endless", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n12345");
    connection.close();
  });
  bench.server.on("/cut", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 9\r\n\r\n12345");
    connection.close();
  });
  const auto fetch = [&](const std::string& target) {
    FetchRequest request = bench.request(target);
    request.unsynced_up_to = ByteCount(100'000);
    return bench.fetch(std::move(request));
  };
  const Fetched brief = fetch("/short");
  REQUIRE(brief.status);
  CHECK_FALSE(brief.is_synced);
  CHECK(file_of(brief).syncs == 0);
  CHECK(difference(bytes_of(brief), pattern(100'000)) == "");
  CHECK(brief.digest == sha256(pattern(100'000)));
  CHECK(brief.length == ByteCount(100'000));

  const Fetched longer = fetch("/long");
  REQUIRE(longer.status);
  CHECK(longer.is_synced);
  CHECK(file_of(longer).syncs == 1);
  CHECK(longer.digest == sha256(pattern(100'001)));

  const Fetched endless = fetch("/endless");
  REQUIRE(endless.status);
  CHECK_FALSE(endless.is_synced);
  CHECK_FALSE(endless.tells_end);
  CHECK(bytes_of(endless) == "12345");

  const Fetched cut = fetch("/cut");
  CHECK_FALSE(cut.status);
  CHECK(cut.resume);
  CHECK(file_of(cut).synced == 5);
}

TEST_CASE("without a free buffer a short body goes into its file as it comes") {
  FetchBench bench;
  bench.options.loops = 1;
  bench.options.buffers = 1;
  std::promise<void> go_on;
  const std::string slow = pattern(150'000);
  bench.server.on("/slow", [&](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 150000\r\n\r\n");
    connection.send(slow.substr(0, 90'000));
    go_on.get_future().wait();
    connection.send(slow.substr(90'000));
  });
  bench.server.serve("/swift", pattern(700'000));
  const auto short_request = [&](const std::string& target) {
    FetchRequest request = bench.request(target);
    request.unsynced_up_to = 1_MiB;
    return request;
  };
  const std::uint64_t first = bench.submit(short_request("/slow"));
  while (bench.the_fetcher().received_bytes() < 90'000)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Fetched swift = bench.fetch(short_request("/swift"));
  REQUIRE(swift.status);
  CHECK(difference(bytes_of(swift), pattern(700'000)) == "");
  CHECK(swift.digest == sha256(pattern(700'000)));
  go_on.set_value();
  const Fetched held = bench.sink.wait(first);
  REQUIRE(held.status);
  CHECK(difference(bytes_of(held), slow) == "");
  CHECK(held.digest == sha256(slow));
}
