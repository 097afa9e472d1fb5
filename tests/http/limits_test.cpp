#include <algorithm>
#include <doctest/doctest.h>
#include <future>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "http/serving.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

TEST_CASE("garbage and ambiguous requests are answered 400 and the connection is closed") {
  const auto server = start({}, echo());
  const std::vector<std::string> corpus = {
      std::string("\x16\x03\x01\x02\x00\x01\x00", 7),
      std::string(300, '\0'),
      std::string(300, '\xff'),
      "hello\r\n\r\n",
      "GET / HTTP/1.1\n\n",
      "{\"type\": \"recording\"}",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  };
  for (const auto& bytes : corpus) {
    CAPTURE(bytes);
    RawClient client(server->address());
    client.send(bytes);
    const auto answer = client.read_answer();
    CHECK(answer.status == 400);
    CHECK(contains(answer.head, "Connection: close"));
    CHECK(client.read_to_end().empty());
  }
  CHECK(server->counters().malformed == corpus.size());
  CHECK(server->counters().requests == 0);
}

TEST_CASE("a head beyond its limit is answered 431, one at the limit is not") {
  const auto server = start({.max_head = 1_KiB}, echo());
  const std::string start_of_head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const auto room = 1024 - start_of_head.size() - 4;
  CHECK(ask(server->address(), start_of_head + std::string(room, 'x') + "\r\n\r\n").status == 200);
  CHECK(ask(server->address(), start_of_head + std::string(room + 1, 'x') + "\r\n\r\n").status ==
        431);
  CHECK(ask(server->address(), start_of_head + std::string(room + 100, 'x')).status == 431);
}

TEST_CASE("a sender of a body beyond the limit sees the answer even if it sends all of it first") {
  const auto server = start({.max_body = 64_KiB}, echo());
  const std::string body(8 << 20, 'x');
  SUBCASE("with a length") {
    RawClient client(server->address());
    REQUIRE(client.send(post(body)));
    CHECK(client.read_answer().status == 413);
  }
  SUBCASE("chunked") {
    RawClient client(server->address());
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 8192; ++i)
      REQUIRE(client.send("400\r\n" + std::string(1024, 'x') + "\r\n"));
    REQUIRE(client.send("0\r\n\r\n"));
    CHECK(client.read_answer().status == 413);
  }
  CHECK(server->counters().too_large == 1);
  CHECK(server->counters().requests == 0);
}

TEST_CASE("a body of exactly the limit is taken") {
  const auto server = start({.max_body = 64_KiB}, echo());
  CHECK(ask(server->address(), post(std::string(65536, 'x'))).status == 200);
  CHECK(ask(server->address(), post(std::string(65537, 'x'))).status == 413);
}

TEST_CASE("a slow request is answered 408 and closed") {
  const auto server = start({.request_timeout = std::chrono::milliseconds(50)}, echo());
  for (const auto* begun :
       {"GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"}) {
    RawClient client(server->address());
    client.send(begun);
    CHECK(client.read_answer().status == 408);
    CHECK(client.read_to_end().empty());
  }
  CHECK(server->counters().timed_out == 2);
}

TEST_CASE("an idle connection is closed without a word") {
  const auto server = start({.idle_timeout = std::chrono::milliseconds(50)}, echo());
  RawClient client(server->address());
  CHECK(client.read_to_end().empty());
  CHECK(server->counters().timed_out == 0);
}

TEST_CASE("a client that takes nothing of its answer is given up") {
  Handler handler;
  handler.on_request = [](const Request&, const Responder& responder) {
    responder.respond({.stream = BodyStream{.length = 1ULL << 30U, .fill = [](auto, auto buffer) {
                                              return buffer.size();
                                            }}});
  };
  const auto server = start({.write_timeout = std::chrono::milliseconds(100)}, handler);
  RawClient client(server->address());
  client.send(k_get);
  while (server->counters().timed_out == 0) std::this_thread::yield();
  CHECK(client.read_to_end().size() < (1U << 30U));
}

TEST_CASE("beyond the limit of connections the longest idle one is closed") {
  const auto server = start({.max_connections = 3}, echo());
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server->address());
    clients.back().send(k_get);
    REQUIRE(clients.back().read_answer().status == 200);
  }
  CHECK(ask(server->address(), k_get).status == 200);
  CHECK(clients[0].read_to_end().empty());
  clients[2].send(k_get);
  CHECK(clients[2].read_answer().status == 200);
  CHECK(server->counters().evicted == 1);
}

TEST_CASE("when every connection has a request in hand a new one is turned away") {
  std::promise<Responder> in_hand;
  Handler handler;
  handler.on_request = [&](const Request&, Responder responder) {
    in_hand.set_value(std::move(responder));
  };
  const auto server = start({.max_connections = 1}, handler);
  RawClient first(server->address());
  first.send(k_get);
  const auto responder = in_hand.get_future().get();
  RawClient second(server->address());
  CHECK(second.read_to_end().empty());
  responder.respond({.body = "kept"});
  CHECK(first.read_answer().body == "kept");
}

TEST_CASE("a thousand idle and half-sent connections do not keep honest clients waiting") {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  REQUIRE(limit.rlim_cur >= 4096);
  const auto server = start({}, echo());
  std::vector<RawClient> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.emplace_back(server->address());
    if (i % 2 == 0) idle.back().send("POST /slow HTTP/1.1\r\n");
  }
  RawClient honest(server->address());
  for (int i = 0; i < 200; ++i) {
    honest.send(post("x"));
    REQUIRE(honest.read_answer().status == 200);
  }
  CHECK(ask(server->address(), k_get).status == 200);
  CHECK(server->counters().evicted == 0);
  idle[1].send(k_get);
  CHECK(idle[1].read_answer().status == 200);
}
