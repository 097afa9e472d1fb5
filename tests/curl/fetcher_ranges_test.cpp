#include <array>
#include <condition_variable>
#include <doctest/doctest.h>
#include <limits>
#include <mutex>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

constexpr std::size_t k_size = 600'000;
/// What the first answer sends before it waits for others to ask.
constexpr std::size_t k_shown = 100'000;

struct Asked {
  std::size_t first = 0;
  std::size_t last = 0;
};

std::optional<Asked> asked_range(const SeenRequest& request) {
  const auto range = request.header("range");
  if (!range) return std::nullopt;
  const std::string text = range->substr(std::string("bytes=").size());
  const auto dash = text.find('-');
  Asked asked{std::stoul(text.substr(0, dash)), k_size - 1};
  if (dash + 1 < text.size()) asked.last = std::stoul(text.substr(dash + 1));
  return asked;
}

std::string part(const std::string& content, const Asked& asked, const std::string& etag,
                 std::size_t total) {
  return http_answer(
      "206 Partial Content",
      {"ETag: " + etag, "Content-Range: bytes " + std::to_string(asked.first) + "-" +
                            std::to_string(asked.last) + "/" + std::to_string(total)},
      content.substr(asked.first, asked.last - asked.first + 1));
}

/// Lives as long as a connection of the server needs it.
struct SlowFileState {
  void whole(ServerConnection& connection) {
    std::string body;
    bool is_first = false;
    {
      std::lock_guard lock(mutex);
      is_first = ++wholes == 1;
      body = content;
    }
    const std::string answer = http_answer("200 OK", headers, body);
    if (!is_first) {
      connection.send(answer);
      return;
    }
    const std::size_t shown = answer.size() - body.size() + k_shown;
    connection.send(std::string_view(answer).substr(0, shown));
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, std::chrono::seconds(60), [&] { return ranges >= wanted; });
      if (ends_early) {
        connection.reset();
        return;
      }
    }
    if (holds_back)
      connection.wait_until_closed();
    else
      connection.send(std::string_view(answer).substr(shown));
  }

  std::vector<std::string> headers{"ETag: \"v1\"", "Accept-Ranges: bytes"};
  bool ends_early = false;
  bool holds_back = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::string content;     ///< guarded by mutex
  std::size_t ranges = 0;  ///< guarded by mutex
  std::size_t wholes = 0;  ///< guarded by mutex
  std::size_t wanted = 1;
};

/// Shows the start of a file and keeps the rest back until `wanted` ranges were asked for.
struct SlowFile {
  using Helper = std::function<void(ServerConnection&, const SeenRequest&, const Asked&)>;

  SlowFile(FetchBench& bench, std::string file_content, Helper on_range, std::size_t needed = 1) {
    state->content = std::move(file_content);
    state->wanted = needed;
    bench.server.on(
        "/f", [shared = state, on_range](ServerConnection& connection, const SeenRequest& request) {
          const auto asked = asked_range(request);
          if (!asked) return shared->whole(connection);
          {
            std::lock_guard lock(shared->mutex);
            ++shared->ranges;
            shared->changed.notify_all();
          }
          on_range(connection, request, *asked);
        });
  }

  const std::shared_ptr<SlowFileState> state = std::make_shared<SlowFileState>();
};

/// Splits as soon as something can be split.
void be_eager(FetchBench& bench) {
  bench.options.ranges.worth = 64_KiB;
  bench.options.ranges.long_enough = Duration(0);
  bench.options.ranges.look = Duration(0);
  bench.options.ranges.fast = std::numeric_limits<std::uint64_t>::max();
  bench.options.ranges.least = 16_KiB;
  bench.options.ranges.most = 64_KiB;
}

FetchRequest request_over(FetchBench& bench, std::size_t connections, MemoryFileHooks hooks = {}) {
  FetchRequest request = bench.request("/f", {}, std::nullopt, std::move(hooks));
  request.connections = connections;
  return request;
}

SlowFile::Helper honest(const std::string& content) {
  return [content](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
    connection.send(part(content, asked, "\"v1\"", content.size()));
  };
}

}  // namespace

TEST_CASE("a file that comes slowly is fetched over several ranges at once, whole and in order") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content), 2);
  const Fetched fetched = bench.fetch(request_over(bench, 3));
  REQUIRE(fetched.status);
  CHECK(bytes_of(fetched) == content);
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
  CHECK(bytes_of(fetched) == content);
  CHECK(is_helped);
}

TEST_CASE("where one range shows another version all is asked for once, plainly, never mixed") {
  const std::string old_content = pattern(k_size);
  std::string new_content = old_content;
  std::ranges::reverse(new_content);
  struct Row {
    const char* lie;
    std::function<std::string(const Asked&)> answer;
  };
  const std::array rows{
      Row{"another tag", [&](const Asked& a) { return part(new_content, a, "\"v2\"", k_size); }},
      Row{"a weak tag", [&](const Asked& a) { return part(new_content, a, "W/\"v1\"", k_size); }},
      Row{"another length",
          [&](const Asked& a) { return part(new_content, a, "\"v1\"", 700'000); }},
      Row{"another start",
          [&](const Asked& a) {
            return part(new_content, {a.first + 1, a.last}, "\"v1\"", k_size);
          }},
      Row{"less than asked for",
          [&](const Asked& a) {
            return part(new_content, {a.first, a.last - 1}, "\"v1\"", k_size);
          }},
      Row{"more than asked for",
          [&](const Asked& a) {
            return part(new_content, {a.first, k_size - 1}, "\"v1\"", k_size);
          }},
      Row{"all of another version",
          [&](const Asked&) { return http_answer("200 OK", {"ETag: \"v2\""}, new_content); }},
      Row{"all, of no version",
          [&](const Asked&) { return http_answer("200 OK", {}, new_content); }},
      Row{"416",
          [&](const Asked&) { return http_answer("416 Range Not Satisfiable", {}, "<html>"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lie);
    FetchBench bench;
    be_eager(bench);
    // The last range before the end of the file cannot be asked for too much: it is asked for last.
    SlowFileState* self = nullptr;
    SlowFile file(bench, old_content,
                  [&](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
                    {
                      std::lock_guard lock(self->mutex);
                      self->content = new_content;
                    }
                    connection.send(row.answer(asked));
                  });
    self = file.state.get();
    file.state->holds_back = true;
    const Fetched fetched = bench.fetch(request_over(bench, 2));
    REQUIRE(fetched.status);
    CHECK(bytes_of(fetched) == new_content);
    CHECK(fetched.digest == MemoryFile::digest_of(new_content));
    CHECK(file_of(fetched).restarts == 1);
    CHECK(file.state->wholes == 2);
    CHECK(file.state->ranges == 1);
    CHECK(bench.sink.completions() == 1);
  }
}

TEST_CASE("a range that fails leaves its bytes to the other connections") {
  const std::string content = pattern(k_size);
  using Failure = std::function<void(ServerConnection&, const Asked&)>;
  const std::array<std::pair<const char*, Failure>, 6> failures{{
      {"503", [](ServerConnection& c,
                 const Asked&) { c.send(http_answer("503 Service Unavailable", {}, "busy")); }},
      {"404",
       [](ServerConnection& c, const Asked&) { c.send(http_answer("404 Not Found", {}, "")); }},
      {"401",
       [](ServerConnection& c, const Asked&) { c.send(http_answer("401 Unauthorized", {}, "")); }},
      {"no answer", [](ServerConnection& c, const Asked&) { c.reset(); }},
      {"half of it",
       [&](ServerConnection& c, const Asked& asked) {
         const std::string answer = part(content, asked, "\"v1\"", k_size);
         c.send(std::string_view(answer).substr(0, answer.size() / 2));
         c.close();
       }},
      {"all of the same version",
       [&](ServerConnection& c, const Asked&) {
         c.send(http_answer("200 OK", {"ETag: \"v1\""}, content));
       }},
  }};
  for (const auto& [what, fail] : failures) {
    CAPTURE(what);
    FetchBench bench;
    be_eager(bench);
    std::mutex mutex;
    int fails = 2;
    SlowFile file(
        bench, content,
        [&, failure = fail](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
          bool is_failing = false;
          {
            std::lock_guard lock(mutex);
            is_failing = fails-- > 0;
          }
          if (is_failing)
            failure(connection, asked);
          else
            connection.send(part(content, asked, "\"v1\"", k_size));
        },
        2);
    const Fetched fetched = bench.fetch(request_over(bench, 3));
    REQUIRE(fetched.status);
    CHECK(bytes_of(fetched) == content);
    CHECK(fetched.digest == MemoryFile::digest_of(content));
    CHECK(file_of(fetched).restarts == 0);
    CHECK(bench.sink.completions() == 1);
  }
}

TEST_CASE("the first connection may fail while others go on") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content));
  file.state->ends_early = true;
  const Fetched fetched = bench.fetch(request_over(bench, 2));
  REQUIRE(fetched.status);
  CHECK(bytes_of(fetched) == content);
  CHECK(file.state->wholes == 1);
}

TEST_CASE("when the last connection fails, what is contiguous can be continued from") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content,
                [&](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
                  const std::string answer = part(content, asked, "\"v1\"", k_size);
                  connection.send(std::string_view(answer).substr(0, answer.size() / 2));
                  connection.close();
                });
  file.state->ends_early = true;
  const Fetched fetched = bench.fetch(request_over(bench, 2));
  REQUIRE_FALSE(fetched.status);
  CHECK(fetched.status.error().code == Errc::unavailable);
  REQUIRE(fetched.resume);
  CHECK(fetched.resume->offset == fetched.received);
  CHECK(fetched.resume->validator == "\"v1\"");
  CHECK(bytes_of(fetched) == content.substr(0, fetched.received.get()));
  CHECK_FALSE(file_of(fetched).is_spread);
  CHECK(file_of(fetched).synced == fetched.received.get());
}

TEST_CASE("a stop keeps what is contiguous and nothing else") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t written_ahead = 0;
  SlowFile file(bench, content, honest(content));
  file.state->holds_back = true;
  MemoryFileHooks hooks;
  hooks.before_append = [&](ByteCount at, std::size_t) {
    std::lock_guard lock(mutex);
    written_ahead += at > ByteCount(k_shown) ? 1 : 0;
    changed.notify_all();
    return Status();
  };
  const std::uint64_t ticket = bench.submit(request_over(bench, 2, std::move(hooks)));
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return written_ahead > 0; }));
  }
  SUBCASE("cancelled") {
    bench.the_fetcher().cancel(ticket);
  }
  SUBCASE("shut down") {
    bench.fetcher.reset();
  }
  const Fetched fetched = bench.sink.wait(ticket);
  CHECK(fetched.status.error().code == Errc::cancelled);
  CHECK(bytes_of(fetched) == content.substr(0, fetched.received.get()));
  REQUIRE(fetched.resume);
  CHECK(fetched.resume->offset == fetched.received);
  CHECK_FALSE(file_of(fetched).is_spread);
  CHECK(bench.sink.completions(ticket) == 1);
}

TEST_CASE("no space for bytes ahead ends the download with what is contiguous") {
  FetchBench bench;
  be_eager(bench);
  const std::string content = pattern(k_size);
  SlowFile file(bench, content, honest(content));
  file.state->holds_back = true;
  MemoryFileHooks hooks;
  hooks.before_append = [](ByteCount at, std::size_t) {
    return at > ByteCount(k_shown) ? Status(Error{Errc::no_space, "full"}) : Status();
  };
  const Fetched fetched = bench.fetch(request_over(bench, 2, std::move(hooks)));
  CHECK(fetched.status.error().code == Errc::no_space);
  CHECK(bytes_of(fetched) == content.substr(0, fetched.received.get()));
  CHECK(bench.sink.completions() == 1);
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
  CHECK(bytes_of(fetched) == content);
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
    CHECK(bytes_of(fetched) == content);
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
  CHECK(bytes_of(fetched) == content);
  CHECK(is_helped);
  CHECK(bench.server.seen().size() == storage.seen().size());
  for (const SeenRequest& seen : storage.seen()) CHECK_FALSE(seen.header("authorization"));
}
