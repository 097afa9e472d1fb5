#include <algorithm>
#include <array>
#include <condition_variable>
#include <doctest/doctest.h>
#include <mutex>

#include "curl/slow_file.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

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
    CHECK(difference(bytes_of(fetched), new_content) == "");
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
    const std::string failure_of = what;
    CAPTURE(failure_of);
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
    const std::string problem = fetched.status ? "" : fetched.status.error().message;
    CAPTURE(problem);
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), content) == "");
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
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(file.state->wholes == 1);
}

TEST_CASE("a range that fails after the others came to their end is asked for again") {
  const std::string content = pattern(k_size);
  std::mutex mutex;
  std::condition_variable changed;
  int ranges = 0;
  bool is_through = false;
  FetchBench bench;
  be_eager(bench);
  // Two ranges that nobody splits: when the first connection is closed its line has ended.
  bench.options.ranges.least = bench.options.ranges.most = ByteCount(300'000);
  bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
    const auto asked = asked_range(request);
    std::unique_lock lock(mutex);
    if (!asked) {
      const std::string rest = show_beginning(connection, content);
      changed.wait_for(lock, std::chrono::seconds(60), [&] { return ranges > 0; });
      lock.unlock();
      connection.send(rest);
      connection.wait_until_closed();
      lock.lock();
      is_through = true;
      return changed.notify_all();
    }
    const bool fails = ++ranges == 1;
    changed.notify_all();
    if (fails) {
      changed.wait_for(lock, std::chrono::seconds(60), [&] { return is_through; });
      return connection.reset();
    }
    lock.unlock();
    connection.send(part(content, *asked, "\"v1\"", k_size));
  });
  const Fetched fetched = bench.fetch(request_over(bench, 2));
  const std::string problem = fetched.status ? "" : fetched.status.error().message;
  CAPTURE(problem);
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
  CHECK(bench.sink.completions() == 1);
}

TEST_CASE("a connection that was left alone and breaks is bounded by nothing but the server") {
  const std::string content = pattern(k_size);
  for (const bool wants_rest : {true, false}) {
    CAPTURE(wants_rest);
    std::mutex mutex;
    std::condition_variable changed;
    int held = 0;
    int gone = 0;
    int later = 0;
    const auto wait_until = [&](std::unique_lock<std::mutex>& lock, const auto& condition) {
      return changed.wait_for(lock, std::chrono::seconds(60), condition);
    };
    FetchBench bench;
    be_eager(bench);
    bench.server.on("/f", [&](ServerConnection& connection, const SeenRequest& request) {
      const auto asked = asked_range(request);
      std::unique_lock lock(mutex);
      if (!asked) {
        static_cast<void>(show_beginning(connection, content));
        wait_until(lock, [&] { return gone == 2; });
        return connection.reset();
      }
      if (held < 2) {
        ++held;
        changed.notify_all();
        lock.unlock();
        connection.wait_until_closed();
        lock.lock();
        ++gone;
        return changed.notify_all();
      }
      const bool is_first = ++later == 1;
      changed.notify_all();
      if (wants_rest) {
        connection.send(http_answer("503 Service Unavailable", {"Retry-After: 600"}, ""));
        return;
      }
      if (is_first) wait_until(lock, [&] { return later > 1; });
      lock.unlock();
      connection.send(part(content, *asked, "\"v1\"", k_size));
    });
    const std::uint64_t ticket = bench.submit(request_over(bench, 3));
    {
      std::unique_lock lock(mutex);
      REQUIRE(wait_until(lock, [&] { return held == 2; }));
    }
    bench.the_fetcher().grant(ticket, 1);
    if (!wants_rest) {
      std::unique_lock lock(mutex);
      REQUIRE(wait_until(lock, [&] { return later > 0; }));
      lock.unlock();
      bench.the_fetcher().grant(ticket, 3);
      lock.lock();
      CHECK(wait_until(lock, [&] { return later > 1; }));
    }
    const Fetched fetched = bench.sink.wait(ticket);
    CHECK(fetched.status.has_value() == !wants_rest);
    const std::lock_guard lock(mutex);
    if (wants_rest) {
      CHECK(fetched.status.error().retry_after == std::chrono::seconds(600));
      CHECK(later == 1);
    } else {
      CHECK(difference(bytes_of(fetched), content) == "");
    }
  }
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
  CHECK(difference(bytes_of(fetched), content.substr(0, fetched.received.get())) == "");
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
  CHECK(difference(bytes_of(fetched), content.substr(0, fetched.received.get())) == "");
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
  CHECK(difference(bytes_of(fetched), content.substr(0, fetched.received.get())) == "");
  CHECK(bench.sink.completions() == 1);
}
