#include <condition_variable>
#include <doctest/doctest.h>
#include <mutex>

#include "curl/slow_file.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a file that comes slowly is fetched over several ranges at once, whole and in order") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content), 2);
  const Fetched fetched = bench.fetch(request_over(bench, 3));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
  CHECK(fetched.received == ByteCount(k_size));
  CHECK(fetched.length == ByteCount(k_size));
  CHECK(fetched.http_status == 200);
  CHECK(fetched.credential_accepted);
  CHECK(fetched.from_network >= ByteCount(k_size));
  CHECK(fetched.resume->offset == ByteCount(k_size));
  CHECK(file_of(fetched).restarts == 0);
  CHECK_FALSE(file_of(fetched).is_spread);
  CHECK(bench.sink.completions() == 1);
  const auto seen = bench.server.seen();
  CHECK(seen.size() > 2);
  for (const SeenRequest& request : seen) {
    CHECK(request.header("authorization") == pair_header());
    if (&request == &seen.front()) continue;
    CHECK(request.header("if-range") == "\"v1\"");
    CHECK(request.header("range")->find("-") + 1 < request.header("range")->size());
  }
  for (const Checkpoint& checkpoint : bench.sink.checkpoints())
    CHECK(checkpoint.resume.offset <= ByteCount(k_size));
}

TEST_CASE("while the first piece comes slowly, later ones are written ahead of it") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content));
  file.state->waits_for_ahead = true;
  const Fetched fetched = bench.fetch(request_over(bench, 2, noting_ahead(file.state)));
  REQUIRE(fetched.status);
  CHECK(file_of(fetched).most_ahead > 0);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
}

TEST_CASE("a grant counts although its download has not begun yet") {
  FetchBench bench;
  be_eager(bench);
  bench.options.loops = 1;
  bench.server.serve("/first", pattern(1000));
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content));
  file.state->waits_for_ahead = true;  // of a second connection
  std::mutex mutex;
  std::condition_variable changed;
  bool is_held = false;
  bool is_released = false;
  MemoryFileHooks holding;
  holding.before_append = [&](ByteCount, std::size_t) {
    std::unique_lock lock(mutex);
    is_held = true;
    changed.notify_all();
    changed.wait(lock, [&] { return is_released; });
    return Status();
  };
  FetchRequest first = bench.request("/first", {}, std::nullopt, std::move(holding));
  first.unsynced_up_to = 1_MiB;  // by the loop itself, which is held
  const std::uint64_t held = bench.submit(std::move(first));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_held; });
  }
  FetchRequest granted = request_over(bench, 1, noting_ahead(file.state));
  granted.unsynced_up_to = ByteCount();
  const std::uint64_t ticket = bench.submit(std::move(granted));
  bench.the_fetcher().grant(ticket, 2);
  {
    const std::lock_guard lock(mutex);
    is_released = true;
  }
  changed.notify_all();
  const Fetched fetched = bench.sink.wait(ticket);
  REQUIRE(fetched.status);
  CHECK(file_of(fetched).most_ahead > 0);
  CHECK(bench.sink.wait(held).status.has_value());
}

TEST_CASE("a download that is resumed is spread as well, since a part has come") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  std::mutex mutex;
  std::condition_variable changed;
  bool is_helped = false;
  bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
    const Asked asked = asked_range(request).value();
    const std::string answer = part(content, asked, "\"v1\"", k_size);
    std::unique_lock lock(mutex);
    if (asked.first == 1000) {
      connection.send(std::string_view(answer).substr(0, 100'000));
      changed.wait_for(lock, std::chrono::seconds(60), [&] { return is_helped; });
      connection.send(std::string_view(answer).substr(100'000));
      return;
    }
    is_helped = true;
    changed.notify_all();
    lock.unlock();
    connection.send(answer);
  });
  ResumePoint resume;
  resume.offset = ByteCount(1000);
  resume.validator = "\"v1\"";
  FetchRequest request = bench.request("/f", content.substr(0, 1000), resume);
  request.connections = 2;
  const Fetched fetched = bench.fetch(std::move(request));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(is_helped);
}

TEST_CASE("a grant that shrinks closes connections, and the file still comes whole") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t helped = 0;
  std::size_t closed = 0;
  SlowFile file(
      bench, content,
      [&](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
        std::size_t number = 0;
        {
          std::lock_guard lock(mutex);
          number = ++helped;
          changed.notify_all();
        }
        if (number > 2) {
          connection.send(part(content, asked, "\"v1\"", k_size));
          return;
        }
        connection.wait_until_closed();
        std::lock_guard lock(mutex);
        ++closed;
        changed.notify_all();
      },
      3);
  const std::uint64_t ticket = bench.submit(request_over(bench, 3));
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return helped == 2; }));
  }
  bench.the_fetcher().grant(ticket, 1);
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return closed == 2; }));
  }
  bench.the_fetcher().grant(ticket, 2);
  const Fetched fetched = bench.sink.wait(ticket);
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
}

TEST_CASE("one connection is all there is without a grant, a proof of ranges, or a place for it") {
  const std::string content = pattern(k_size);
  for (const int row : {0, 1, 2, 3, 4, 5}) {
    CAPTURE(row);
    FetchBench bench;
    be_eager(bench);
    SlowFile file(bench, content, honest(content), 0);
    MemoryFileHooks hooks;
    std::size_t connections = 4;
    if (row == 0) connections = 1;
    if (row == 1) file.state->headers = {"ETag: \"v1\""};
    if (row == 2) file.state->headers = {"Accept-Ranges: bytes"};
    if (row == 3) file.state->headers = {"ETag: W/\"v1\"", "Accept-Ranges: bytes"};
    if (row == 4) hooks.before_spread = [] { return Status(Error{Errc::unavailable, "cannot"}); };
    if (row == 5) bench.options.ranges.fast = 0;
    const Fetched fetched = bench.fetch(request_over(bench, connections, std::move(hooks)));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
    CHECK(bench.server.seen().size() == 1);
  }
}

TEST_CASE("each range passes the same redirect and never takes the pair along") {
  FetchBench bench;
  be_eager(bench);
  ScriptedServer storage;
  const std::string content = pattern(k_size);
  bench.server.on("/f", http_answer("302 Found", {"Location: " + storage.url("/signed?k=1")}, ""));
  std::mutex mutex;
  std::condition_variable changed;
  bool is_helped = false;
  storage.on("/signed", [&](ServerConnection& connection, const SeenRequest& request) {
    std::unique_lock lock(mutex);
    if (const auto asked = asked_range(request)) {
      is_helped = true;
      changed.notify_all();
      lock.unlock();
      connection.send(part(content, *asked, "\"v1\"", k_size));
      return;
    }
    const std::string answer =
        http_answer("200 OK", {"ETag: \"v1\"", "Accept-Ranges: bytes"}, content);
    connection.send(std::string_view(answer).substr(0, k_shown));
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return is_helped; });
    connection.send(std::string_view(answer).substr(k_shown));
  });
  FetchRequest request = request_over(bench, 2);
  request.rules.redirect_hosts = {HostPattern::parse(storage.authority()).value()};
  const Fetched fetched = bench.fetch(std::move(request));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(is_helped);
  CHECK(bench.server.seen().size() == storage.seen().size());
  for (const SeenRequest& seen : storage.seen()) CHECK_FALSE(seen.header("authorization"));
}
