#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Short, yet long enough for the test's own server to answer on a machine that puts it aside.
constexpr Duration k_stall(2000);

/// Sends a head that promises `length` bytes, `first` of them, then nothing more.
ScriptedServer::Behaviour stalling(std::size_t first, std::size_t length) {
  return [=](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: " + std::to_string(length) +
                    "\r\n\r\n" + std::string(first, 'x'));
    connection.wait_until_closed();
  };
}

/// A door that a file's writer waits at.
class Gate {
 public:
  void open() { m_promise.set_value(); }
  void wait() const { m_future.wait(); }

 private:
  std::promise<void> m_promise;
  std::shared_future<void> m_future = m_promise.get_future().share();
};

/// A port of the loopback whose queue of connections is full: the next SYN gets no answer.
class DeafPort {
 public:
  DeafPort() : m_listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(m_listener.get(), generic, length) == 0);
    REQUIRE(::listen(m_listener.get(), 0) == 0);
    REQUIRE(::getsockname(m_listener.get(), generic, &length) == 0);
    port = ntohs(address.sin_port);
    for (UniqueFd& filler : m_fillers) {
      filler.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(filler.get(), generic, length);
    }
  }
  int port = 0;

 private:
  UniqueFd m_listener;
  std::array<UniqueFd, 4> m_fillers;
};

}  // namespace

TEST_CASE("a server that stops sending is given up, what came is kept") {
  FetchBench bench;
  bench.limits.stall_timeout = k_stall;
  bench.server.on("/body", stalling(5000, 10'000));
  bench.server.on("/head", [](ServerConnection& connection, const SeenRequest&) {
    connection.wait_until_closed();
  });
  const Fetched body = bench.fetch("/body");
  CHECK(body.status.error().code == Errc::timeout);
  CHECK(body.status.error().message.find("stalled") != std::string::npos);
  REQUIRE(body.resume);
  CHECK(body.resume->offset == ByteCount(5000));
  CHECK(body.resume->validator == "\"v1\"");
  CHECK(file_of(body).synced == 5000);
  const Fetched head = bench.fetch("/head");
  CHECK(head.status.error().code == Errc::timeout);
  CHECK(head.http_status == 0);
}

TEST_CASE("a drip of single bytes counts as a stall") {
  FetchBench bench;
  bench.limits.stall_timeout = k_stall;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!connection.wait_until_closed(std::chrono::milliseconds(20)) && connection.send("x")) {
    }
  });
  CHECK(bench.fetch("/f").status.error().code == Errc::timeout);
}

TEST_CASE("an error page that never ends does not hide the error") {
  FetchBench bench;
  bench.limits.stall_timeout = k_stall;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n<html>");
    connection.wait_until_closed();
  });
  CHECK(bench.fetch("/f").status.error().code == Errc::not_found);
}

TEST_CASE("a host that does not answer is a timeout") {
  const DeafPort deaf;
  FetchBench bench;
  bench.limits.connect_timeout = Duration(200);
  FetchRequest request = bench.request("/f");
  const std::string authority = "127.0.0.1:" + std::to_string(deaf.port);
  request.url = Url::parse("http://" + authority + "/f").value();
  request.rules.hosts = {HostPattern::parse(authority).value()};
  const Fetched fetched = bench.fetch(std::move(request));
  CHECK(fetched.status.error().code == Errc::timeout);
}

TEST_CASE("a slow disk holds the server back in bounded memory and is no stall of the server") {
  FetchBench bench;
  bench.limits.stall_timeout = k_stall;
  bench.options.buffers = 4;
  bench.options.buffer_size = 65536;
  const std::string content = pattern(8U << 20U);
  bench.server.serve("/f", content);
  bench.server.on("/stall", stalling(0, 10));
  Gate gate;
  MemoryFileHooks hooks;
  hooks.before_append = [&gate](ByteCount, std::size_t) {
    gate.wait();
    return Status();
  };
  const std::uint64_t slow = bench.submit(bench.request("/f", {}, std::nullopt, hooks));
  // Two stall timeouts of another transfer have passed when this is over.
  CHECK(bench.fetch("/stall").status.error().code == Errc::timeout);
  CHECK(bench.fetch("/stall").status.error().code == Errc::timeout);
  CHECK(bench.sink.completions(slow) == 0);
  CHECK(bench.fetcher->received_bytes() <= 4 * 65536);
  gate.open();
  const Fetched fetched = bench.sink.wait(slow);
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.digest == MemoryFile::digest_of(content));
}

TEST_CASE("the rate limit slows down without tripping the stall watch") {
  FetchBench bench;
  bench.limits.stall_timeout = k_stall;
  bench.limits.bytes_per_second = 10'000;
  const std::string content = pattern(30'000);
  bench.server.serve("/f", content);
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t one = bench.submit(bench.request("/f"));
  const std::uint64_t two = bench.submit(bench.request("/f"));
  const Fetched first = bench.sink.wait(one);
  const Fetched second = bench.sink.wait(two);
  REQUIRE(first.status);
  REQUIRE(second.status);
  CHECK(difference(bytes_of(first), content) == "");
  CHECK(difference(bytes_of(second), content) == "");
  // 60 kB, less one burst of 1 kB and two pieces of 16 KiB of debt: longer than a stall.
  CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(2400));
}

TEST_CASE("a rate limit that is lifted lets waiting transfers go on") {
  FetchBench bench;
  bench.limits.bytes_per_second = 1;
  const std::string content = pattern(200'000);
  bench.server.serve("/f", content);
  std::promise<void> begun;
  MemoryFileHooks hooks;
  hooks.before_append = [&begun](ByteCount already, std::size_t) {
    if (already == ByteCount(0)) begun.set_value();
    return Status();
  };
  const std::uint64_t ticket = bench.submit(bench.request("/f", {}, std::nullopt, hooks));
  begun.get_future().wait();
  bench.fetcher->set_limits(FetchLimits{});
  CHECK(difference(bytes_of(bench.sink.wait(ticket)), content) == "");
}

TEST_CASE("a full disk ends the transfer and keeps what was written") {
  FetchBench bench;
  bench.options.buffer_size = 65536;
  bench.server.serve("/f", pattern(1'000'000));
  MemoryFileHooks hooks;
  hooks.before_append = [](ByteCount already, std::size_t more) -> Status {
    if (already.get() + more <= 200'000) return {};
    return Error{Errc::no_space, "less than 1 GiB free"};
  };
  const Fetched fetched = bench.fetch(bench.request("/f", {}, std::nullopt, hooks));
  CHECK(fetched.status.error().code == Errc::no_space);
  CHECK(fetched.status.error().message == "less than 1 GiB free");
  REQUIRE(fetched.resume);
  CHECK(fetched.resume->offset == fetched.received);
  CHECK(fetched.received > ByteCount(100'000));
  CHECK(fetched.received <= ByteCount(200'000));
  CHECK(file_of(fetched).synced == fetched.received.get());
}

TEST_CASE("after a failed write or sync nothing can be continued") {
  FetchBench bench;
  bench.server.serve("/f", pattern(100'000));
  MemoryFileHooks write;
  write.before_append = [](ByteCount, std::size_t) -> Status {
    return Error{Errc::unavailable, "input/output error"};
  };
  const Fetched unwritten = bench.fetch(bench.request("/f", {}, std::nullopt, write));
  CHECK(unwritten.status.error().message == "input/output error");
  CHECK_FALSE(unwritten.resume);
  MemoryFileHooks sync;
  sync.before_sync = []() -> Status { return Error{Errc::unavailable, "fsync lied"}; };
  FetchRequest synced = bench.request("/f", {}, std::nullopt, sync);
  synced.unsynced_up_to = ByteCount();
  const Fetched unsynced = bench.fetch(std::move(synced));
  CHECK(unsynced.status.error().message == "fsync lied");
  CHECK_FALSE(unsynced.resume);
  CHECK_FALSE(unsynced.digest);
  bench.server.on("/cut", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 9\r\n\r\n12345");
    connection.close();
  });
  const Fetched cut = bench.fetch(bench.request("/cut", {}, std::nullopt, sync));
  CHECK_FALSE(cut.status);
  CHECK_FALSE(cut.resume);
}

TEST_CASE("a long download is vouched for every 64 MiB") {
  FetchBench bench;
  constexpr std::size_t k_size = 130U << 20U;
  bench.server.on("/f", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: " + std::to_string(k_size) +
                    "\r\n\r\n");
    const std::string piece(1U << 20U, 'x');
    for (std::size_t sent = 0; sent < k_size; sent += piece.size()) connection.send(piece);
  });
  const MonotonicTime began = steady_now();
  const Fetched fetched = bench.fetch("/f");
  const Duration took = steady_now() - began;
  REQUIRE(fetched.status);
  CHECK(fetched.received == ByteCount(k_size));
  const auto checkpoints = bench.sink.checkpoints();
  REQUIRE(checkpoints.size() >= 3);
  for (const Checkpoint& checkpoint : checkpoints) {
    CHECK(checkpoint.ticket == fetched.ticket);
    CHECK(checkpoint.resume.validator == "\"v1\"");
    CHECK(checkpoint.resume.length == ByteCount(k_size));
  }
  CHECK(checkpoints[0].resume.offset == ByteCount());  // announced before the first byte
  for (std::size_t i = 1; i < checkpoints.size(); ++i) {
    const ByteCount from = checkpoints[i - 1].resume.offset;
    CHECK(checkpoints[i].resume.offset > from);
    CHECK(checkpoints[i].resume.offset <= from + 64_MiB + ByteCount(bench.options.buffer_size));
  }
  if (took >= Duration(10'000)) return;  // what is slower is vouched for by time as well
  CHECK(checkpoints[1].resume.offset >= 64_MiB);
  CHECK(checkpoints[2].resume.offset >= checkpoints[1].resume.offset + 64_MiB);
}

TEST_CASE("a cancelled transfer says so and keeps what came") {
  FetchBench bench;
  bench.server.on("/f", stalling(5000, 10'000));
  std::promise<void> begun;
  MemoryFileHooks hooks;
  hooks.before_append = [&begun](ByteCount, std::size_t) {
    begun.set_value();
    return Status();
  };
  const std::uint64_t ticket = bench.submit(bench.request("/f", {}, std::nullopt, hooks));
  begun.get_future().wait();
  bench.fetcher->cancel(ticket);
  const Fetched fetched = bench.sink.wait(ticket);
  CHECK(fetched.status.error().code == Errc::cancelled);
  REQUIRE(fetched.resume);
  CHECK(fetched.resume->offset == ByteCount(5000));
  bench.fetcher->cancel(ticket);
  bench.fetcher->cancel(4711);
  bench.server.serve("/g", "content");
  CHECK(bench.fetch("/g").status);
  CHECK(bench.sink.completions(ticket) == 1);
}

TEST_CASE("a transfer can be cancelled before its request is sent") {
  FetchBench bench;
  bench.server.serve("/f", "content");
  Gate gate;
  std::promise<void> begun;
  MemoryFileHooks hooks;
  hooks.before_prepare = [&] {
    begun.set_value();
    gate.wait();
    return Status();
  };
  ResumePoint resume;
  resume.offset = ByteCount(3);
  resume.validator = "\"v1\"";
  const std::uint64_t ticket = bench.submit(bench.request("/f", "con", resume, hooks));
  begun.get_future().wait();
  bench.fetcher->cancel(ticket);
  gate.open();
  const Fetched fetched = bench.sink.wait(ticket);
  CHECK(fetched.status.error().code == Errc::cancelled);
  CHECK(fetched.resume == resume);
  CHECK(bench.server.seen().empty());
}

TEST_CASE("each of many concurrent submits is completed once, with its own bytes") {
  FetchBench bench;
  bench.options = curl::FetcherOptions{2, 3, 4, 65536};
  constexpr std::size_t k_files = 120;
  for (std::size_t i = 0; i < k_files; ++i) {
    const std::string path = "/" + std::to_string(i);
    if (i % 5 == 0)
      bench.server.on(path, http_answer("404 Not Found", {}, "no"));
    else
      bench.server.serve(path, pattern(1 + i * 4001));
  }
  std::vector<std::uint64_t> tickets;
  for (std::size_t i = 0; i < k_files; ++i)
    tickets.push_back(bench.submit(bench.request("/" + std::to_string(i))));
  for (std::size_t i = 0; i < k_files; ++i) {
    CAPTURE(i);
    const Fetched fetched = bench.sink.wait(tickets[i]);
    REQUIRE(fetched.status.has_value() == (i % 5 != 0));
    if (fetched.status) CHECK(difference(bytes_of(fetched), pattern(1 + i * 4001)) == "");
  }
  bench.fetcher.reset();
  CHECK(bench.sink.completions() == k_files);
}

TEST_CASE("a fetcher that goes completes all that runs, whatever it waits for") {
  FetchBench bench;
  bench.options.buffers = 4;
  bench.options.buffer_size = 65536;
  bench.server.on("/stall", stalling(100, 1000));
  bench.server.on("/head", [](ServerConnection& connection, const SeenRequest&) {
    connection.wait_until_closed();
  });
  bench.server.on("/endless", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send(std::string(100'000, 'x'))) {
    }
  });
  const DeafPort deaf;
  const std::string deaf_authority = "127.0.0.1:" + std::to_string(deaf.port);
  std::vector<std::uint64_t> tickets;
  for (int i = 0; i < 10; ++i) {
    for (const char* path : {"/stall", "/head", "/endless"})
      tickets.push_back(bench.submit(bench.request(path)));
    FetchRequest unanswered = bench.request("/f");
    unanswered.url = Url::parse("http://" + deaf_authority + "/f").value();
    unanswered.rules.hosts = {HostPattern::parse(deaf_authority).value()};
    tickets.push_back(bench.submit(std::move(unanswered)));
  }
  SUBCASE("at once") {}
  SUBCASE("while bytes come") {
    while (bench.fetcher->received_bytes() < 10'000'000) std::this_thread::yield();
  }
  const auto start = std::chrono::steady_clock::now();
  bench.fetcher.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(bench.sink.completions() == tickets.size());
  for (const std::uint64_t ticket : tickets) {
    CHECK(bench.sink.completions(ticket) == 1);
    const Fetched fetched = bench.sink.wait(ticket);
    CHECK(fetched.status.error().code == Errc::cancelled);
    CHECK(fetched.file != nullptr);
  }
}

TEST_CASE("a healthy loop is young, busy or idle") {
  FetchBench bench;
  bench.server.serve("/f", pattern(1'000'000));
  CHECK(bench.the_fetcher().longest_turn() < Duration(30'000));
  REQUIRE(bench.fetch("/f").status);
  CHECK(bench.fetcher->longest_turn() < Duration(30'000));
}
