// Short bodies that nobody syncs. The rest of the suite runs with them too: see CMakeLists.txt.
#include <algorithm>
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <future>
#include <thread>
#include <utility>

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

namespace {

FetchRequest short_request(FetchBench& bench, const std::string& target,
                           MemoryFileHooks hooks = {}) {
  FetchRequest request = bench.request(target, "", {}, std::move(hooks));
  request.unsynced_up_to = 1_MiB;
  return request;
}

}  // namespace

TEST_CASE("a short body is written in one piece, and at hand in memory for those who judge it") {
  FetchBench bench;
  bench.options.buffer_size = 1'000'000;
  bench.server.serve("/short", pattern(700'001));
  const std::uint64_t ticket = bench.submit(short_request(bench, "/short"));
  const Fetched fetched = bench.sink.wait(ticket);
  REQUIRE(fetched.status);
  CHECK(file_of(fetched).wholes == 1);
  CHECK(difference(bytes_of(fetched), pattern(700'001)) == "");
  CHECK(difference(bench.sink.in_memory(ticket), pattern(700'001)) == "");
  CHECK(fetched.digest == sha256(pattern(700'001)));
}

namespace {

/// Fetches a short body whose second piece is sent once the first is being written.
Fetched fetch_in_two(FetchBench& bench, const std::string& head, const std::string& first,
                     const std::string& second, std::uint64_t& ticket) {
  const auto is_written = std::make_shared<std::promise<void>>();
  bench.server.on("/slow", [=](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n" + head + "\r\n\r\n" + first);
    is_written->get_future().wait();
    connection.send(second);
    connection.close();
  });
  const auto tell = [=, is_first = true](ByteCount, std::size_t) mutable {
    if (std::exchange(is_first, false)) is_written->set_value();
    return Status();
  };
  ticket = bench.submit(short_request(bench, "/slow", {.before_append = tell}));
  return bench.sink.wait(ticket);
}

}  // namespace

TEST_CASE("a length that libcurl does not see is none for us either") {
  FetchBench bench;
  std::uint64_t ticket = 0;
  std::string first = "12345";
  SUBCASE("a piece as long as all of it, after another one") {}
  SUBCASE("all of it, and as much again") {
    first = "012345678";
  }
  const Fetched fetched = fetch_in_two(bench, "Content-Length : 9", first, "123456789", ticket);
  REQUIRE(fetched.status);
  CHECK_FALSE(fetched.length);
  CHECK_FALSE(fetched.tells_end);
  CHECK(bytes_of(fetched) == first + "123456789");
}

TEST_CASE("a body that came in pieces is not at hand as one") {
  FetchBench bench;
  std::uint64_t ticket = 0;
  const Fetched fetched = fetch_in_two(bench, "Content-Length: 9", "12345", "6789", ticket);
  REQUIRE(fetched.status);
  CHECK(bytes_of(fetched) == "123456789");
  CHECK(fetched.digest == sha256("123456789"));
  CHECK(file_of(fetched).wholes == 0);
  CHECK(bench.sink.in_memory(ticket).empty());
}

TEST_CASE("without a free buffer a short body goes into its file as it comes") {
  FetchBench bench;
  bench.options.loops = 1;
  bench.options.buffers = 2;
  bench.options.buffer_size = 65536;
  // A long body has both buffers: one is with a writer that is held, the next one is being filled.
  bench.server.serve("/long", pattern(4'000'000));
  std::promise<void> go_on;
  std::promise<void> is_held;
  FetchRequest longer =
      bench.request("/long", "", {},
                    {.before_append = [&, released = go_on.get_future().share(), is_first = true](
                                          ByteCount, std::size_t) mutable {
                      if (std::exchange(is_first, false)) is_held.set_value();
                      released.wait();
                      return Status();
                    }});
  longer.unsynced_up_to = ByteCount();
  const std::uint64_t first = bench.submit(std::move(longer));
  is_held.get_future().wait();
  while (bench.the_fetcher().received_bytes() <= bench.options.buffer_size)
    std::this_thread::yield();

  bench.server.serve("/short", pattern(60'000));
  std::size_t largest = 0;
  const Fetched brief = bench.fetch(
      short_request(bench, "/short", {.before_append = [&](ByteCount, std::size_t more) {
                      largest = std::max(largest, more);
                      return Status();
                    }}));
  REQUIRE(brief.status);
  CHECK(difference(bytes_of(brief), pattern(60'000)) == "");
  CHECK(brief.digest == sha256(pattern(60'000)));
  CHECK(largest <= CURL_MAX_WRITE_SIZE);
  go_on.set_value();
  const Fetched held = bench.sink.wait(first);
  REQUIRE(held.status);
  CHECK(difference(bytes_of(held), pattern(4'000'000)) == "");
}

TEST_CASE("a short body that cannot be written is given up although its server is silent") {
  FetchBench bench;
  bench.limits.stall_timeout = Duration(600'000);
  std::promise<void> go_on;
  const auto released = go_on.get_future().share();
  bench.server.on("/silent", [released](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 9\r\n\r\n12345");
    released.wait();
  });
  const Fetched refused =
      bench.fetch(short_request(bench, "/silent", {.before_append = [](ByteCount, std::size_t) {
                                  return Status(Error{Errc::no_space, "no space left"});
                                }}));
  go_on.set_value();
  REQUIRE_FALSE(refused.status);
  CHECK(refused.status.error().code == Errc::no_space);
}
