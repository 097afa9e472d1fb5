#include "http/server.hpp"

#include <algorithm>
#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "http/serving.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

TEST_CASE("an answer carries status, headers and body, and the connection stays") {
  const auto server = start({}, echo());
  RawClient client(server->address());
  for (int i = 0; i < 20; ++i) {
    client.send(post("body " + std::to_string(i)));
    const auto answer = client.read_answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == "POST /p body " + std::to_string(i));
  }
  CHECK(server->counters().accepted == 1);
  CHECK(server->counters().requests == 20);
}

TEST_CASE("a request may arrive byte by byte") {
  const auto server = start({}, echo());
  RawClient client(server->address());
  const std::string text =
      "\r\nPOST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n";
  for (const char byte : text) {
    client.send({&byte, 1});
    REQUIRE(ask(server->address(), k_get).status == 200);  // so that each byte is read alone
  }
  CHECK(client.read_answer().body == "POST /x abc");
}

TEST_CASE("pipelined requests are answered in order, also after the client closed its side") {
  const auto server = start({}, echo());
  RawClient client(server->address());
  std::string all;
  for (int i = 0; i < 500; ++i) all += post(std::to_string(i));
  client.send(all);
  client.half_close();
  for (int i = 0; i < 500; ++i) CHECK(client.read_answer().body == "POST /p " + std::to_string(i));
  CHECK(client.read_to_end().empty());
}

TEST_CASE("pipelined requests stay in order when answers come late from other threads") {
  std::vector<std::thread> threads;
  Handler handler;
  handler.on_request = [&](const Request& request, const Responder& responder) {
    threads.emplace_back([responder, body = request.body] { responder.respond({.body = body}); });
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  std::string all;
  for (int i = 0; i < 50; ++i) all += post(std::to_string(i));
  client.send(all);
  for (int i = 0; i < 50; ++i) CHECK(client.read_answer().body == std::to_string(i));
  server->stop(std::chrono::seconds(30));
  for (auto& thread : threads) thread.join();
}

TEST_CASE("HTTP/1.0 closes after the answer unless asked to stay") {
  const auto server = start({}, echo());
  RawClient client(server->address());
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(contains(client.read_answer().head, "Connection: keep-alive"));
  client.send("GET /b HTTP/1.0\r\n\r\n");
  CHECK(client.read_answer().body == "GET /b ");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("HEAD is answered with the length and without the body") {
  const auto server = start({}, echo());
  RawClient client(server->address());
  client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(contains(client.read_head(), "Content-Length: 10\r\n"));
  client.send(k_get);
  CHECK(client.read_answer().body == "GET / ");
}

TEST_CASE("a handler cannot forge framing or further headers") {
  Handler handler;
  handler.on_request = [](const Request&, const Responder& responder) {
    responder.respond({.headers = {{"Content-Length", "9"}, {"X", "a\r\nY: b"}}, .body = "abc"});
  };
  const auto server = start({}, handler);
  const auto answer = ask(server->address(), k_get);
  CHECK(answer.body == "abc");
  CHECK(contains(answer.head, "X: aY: b\r\n"));
  CHECK_FALSE(contains(answer.head, "Content-Length: 9"));
}

TEST_CASE("a sender that waits for 100 Continue gets it, or the refusal instead") {
  Handler handler = echo();
  handler.on_head = [](const Request& request) -> std::optional<Response> {
    if (request.path == "/no") return text_response(401, "no");
    return std::nullopt;
  };
  const auto server = start({.max_body = 10_KiB}, handler);
  const std::string rest = " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ";
  {
    RawClient client(server->address());
    client.send("POST /yes" + rest + "3\r\n\r\n");
    CHECK(client.read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    CHECK(client.read_answer().body == "POST /yes abc");
  }
  {
    RawClient client(server->address());
    client.send("POST /no" + rest + "3\r\n\r\n");
    CHECK(client.read_answer().status == 401);
    CHECK(client.read_to_end().empty());
  }
  CHECK(ask(server->address(), "POST /yes" + rest + "99999\r\n\r\n").status == 413);
}

TEST_CASE("a request refused by its head leaves the connection ready for the next one") {
  Handler handler = echo();
  handler.on_head = [](const Request& request) -> std::optional<Response> {
    if (request.path == "/p") return text_response(404, "no");
    return std::nullopt;
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send(post("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK(client.read_answer().status == 404);
  client.send(k_get);
  CHECK(client.read_answer().body == "GET / ");
  CHECK(server->counters().requests == 1);
}

TEST_CASE("an answer may come from another thread, and after the client has left") {
  std::promise<Responder> in_hand;
  Handler handler;
  handler.on_request = [&](const Request& request, Responder responder) {
    if (request.path == "/later")
      in_hand.set_value(std::move(responder));
    else
      responder.respond({.body = "now"});
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto responder = in_hand.get_future().get();
  SUBCASE("the client waits") {
    std::thread([responder] { responder.respond({.body = "later"}); }).join();
    responder.respond({.body = "a second answer is ignored"});
    CHECK(client.read_answer().body == "later");
    client.send(k_get);
    CHECK(client.read_answer().body == "now");
  }
  SUBCASE("the client has left") {
    client.close();
    responder.respond({.body = "later"});
    CHECK(ask(server->address(), k_get).body == "now");
  }
  SUBCASE("the server is gone") {
    server->stop(Duration(0));
    responder.respond({.body = "later"});
    CHECK(client.read_to_end().empty());
  }
}

TEST_CASE("a request that the handler forgets is answered 500") {
  const auto server = start({}, {.on_request = [](const Request&, const Responder&) {}});
  CHECK(ask(server->address(), k_get).status == 500);
}

TEST_CASE("a streamed body of 64 MiB is correct and waits for its reader") {
  constexpr std::uint64_t k_length = 64ULL << 20U;
  std::atomic<std::uint64_t> made{0};
  Handler handler = echo();
  handler.on_request = [&](const Request& request, const Responder& responder) {
    if (request.path != "/big") return responder.respond({});
    responder.respond(
        {.stream = BodyStream{.length = k_length,
                              .fill = [&](std::uint64_t offset, std::span<char> buffer) {
                                for (std::size_t i = 0; i < buffer.size(); ++i)
                                  buffer[i] = static_cast<char>((offset + i) % 251);
                                made = offset + buffer.size();
                                return buffer.size();
                              }}});
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(contains(client.read_head(), "Content-Length: 67108864\r\n"));
  for (int i = 0; i < 200; ++i) REQUIRE(ask(server->address(), k_get).status == 200);
  CHECK(made < k_length / 2);  // the rest does not wait in memory
  std::uint64_t offset = 0;
  bool same = true;
  while (offset < k_length) {
    const auto piece = client.read(1 << 16);
    REQUIRE_FALSE(piece.empty());
    for (const char byte : piece) same = same && byte == static_cast<char>(offset++ % 251);
  }
  CHECK(same);
  client.send(k_get);
  CHECK(client.read_answer().status == 200);
}

TEST_CASE("a drill cuts a body short, or stalls until the client leaves") {
  std::atomic<AtCut> at_cut{AtCut::close};
  Handler handler;
  handler.on_request = [&](const Request& request, const Responder& responder) {
    if (request.path == "/whole") return responder.respond({.body = "whole"});
    responder.respond({.stream = BodyStream{.length = 5000,
                                            .fill =
                                                [](auto, std::span<char> buffer) {
                                                  std::fill(buffer.begin(), buffer.end(), 'x');
                                                  return buffer.size();
                                                },
                                            .cut_after = 1000,
                                            .at_cut = at_cut}});
  };
  const auto server = start({}, handler);
  SUBCASE("cut") {
    RawClient client(server->address());
    client.send(k_get);
    CHECK(contains(client.read_head(), "Content-Length: 5000\r\n"));
    CHECK(client.read_to_end().size() == 1000);
  }
  SUBCASE("stall") {
    at_cut = AtCut::stall;
    RawClient client(server->address());
    client.send(k_get);
    client.read_head();
    CHECK(client.read(1000).size() == 1000);
    CHECK(ask(server->address(), "GET /whole HTTP/1.1\r\nHost: h\r\n\r\n").body == "whole");
    CHECK(server->counters().open >= 1);
    client.close();
    while (server->counters().open != 0) std::this_thread::yield();
  }
}

TEST_CASE("a slow body arrives whole, and not before its pace allows") {
  Handler handler;
  handler.on_request = [](const Request&, const Responder& responder) {
    responder.respond({.stream = BodyStream{.length = 3000,
                                            .fill =
                                                [](auto, std::span<char> buffer) {
                                                  std::fill(buffer.begin(), buffer.end(), 'x');
                                                  return buffer.size();
                                                },
                                            .bytes_per_second = 10'000}});
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  const auto begun = std::chrono::steady_clock::now();
  for (int round = 0; round < 2; ++round) {
    client.send(k_get);
    CHECK(client.read_answer().body == std::string(3000, 'x'));
  }
  // 100 ms of each body may come at once.
  CHECK(std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(2 * 150));
}

TEST_CASE("a generator that fails breaks the connection off") {
  Handler handler;
  handler.on_request = [](const Request&, const Responder& responder) {
    responder.respond(
        {.stream = BodyStream{.length = 10, .fill = [](auto, auto) { return std::size_t{0}; }}});
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send(k_get);
  CHECK(contains(client.read_head(), "Content-Length: 10\r\n"));
  CHECK(client.read_to_end().empty());
}
