#include "http/server.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "http/client.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

namespace {

constexpr std::string_view k_get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::unique_ptr<Server> start(ServerOptions options, Handler handler) {
  options.listen = "127.0.0.1:0";
  auto server = Server::start(std::move(options), std::move(handler));
  REQUIRE(server.has_value());
  return std::move(server).value();
}

Handler echo() {
  return {.on_request = [](const Request& request, const Responder& responder) {
    responder.respond({.body = request.method + " " + request.path + " " + request.body});
  }};
}

std::string post(const std::string& body, const std::string& more_headers = "") {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + more_headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

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
  for (const char byte :
       "\r\nPOST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n0\r\n\r\n")
    if (byte != '\0') client.send({&byte, 1});
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

TEST_CASE("a port that is taken is a conflict that names the address and the way out") {
  const auto first = start({}, echo());
  const auto second = Server::start({.listen = first->address()}, echo());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::conflict);
  CHECK(contains(second.error().message, first->address()));
  CHECK(contains(second.error().message, "choose another port"));
}

TEST_CASE("an address that cannot be one is refused with an example") {
  for (const auto* bad : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                          "127.0.0.1:65536", "::1:8080", "127.0.0.1:-1"}) {
    CAPTURE(bad);
    const auto server = Server::start({.listen = bad}, echo());
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().code == Errc::invalid);
    CHECK(contains(server.error().message, "127.0.0.1:8080"));
  }
  const auto foreign = Server::start({.listen = "192.0.2.1:0"}, echo());
  REQUIRE_FALSE(foreign.has_value());
  CHECK(foreign.error().code == Errc::invalid);
}

TEST_CASE("a port is free again as soon as the server stopped, clients or not") {
  auto first = start({}, echo());
  const auto address = first->address();
  RawClient client(address);
  client.send(k_get);
  CHECK(client.read_answer().status == 200);
  first.reset();
  CHECK(Server::start({.listen = address}, echo()).has_value());
}

TEST_CASE("stop does not wait for idle clients") {
  const auto server = start({}, echo());
  RawClient fresh(server->address());
  RawClient idle(server->address());
  idle.send(k_get);
  CHECK(idle.read_answer().status == 200);
  RawClient half(server->address());
  half.send("POST / HT");
  const auto begun = std::chrono::steady_clock::now();
  server->stop(std::chrono::minutes(5));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::minutes(1));
  for (auto* client : {&fresh, &idle, &half}) CHECK(client->read_to_end().empty());
}

TEST_CASE("stop lets the answer in hand finish and says that the connection ends") {
  std::promise<Responder> in_hand;
  Handler handler;
  handler.on_request = [&](const Request&, Responder responder) {
    in_hand.set_value(std::move(responder));
  };
  const auto server = start({}, handler);
  RawClient idle(server->address());
  RawClient client(server->address());
  client.send(k_get);
  const auto responder = in_hand.get_future().get();
  std::thread stopper([&] { server->stop(std::chrono::minutes(5)); });
  CHECK(idle.read_to_end().empty());  // the stop is under way
  responder.respond({.body = "finished"});
  const auto answer = client.read_answer();
  CHECK(answer.body == "finished");
  CHECK(contains(answer.head, "Connection: close"));
  stopper.join();
}

TEST_CASE("stop gives up on an answer that does not come") {
  std::promise<Responder> in_hand;
  Handler handler;
  handler.on_request = [&](const Request&, Responder responder) {
    in_hand.set_value(std::move(responder));
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send(k_get);
  const auto responder = in_hand.get_future().get();
  server->stop(std::chrono::milliseconds(20));
  CHECK(client.read_to_end().empty());
}

TEST_CASE("the age of the loop grows while a handler blocks it") {
  std::promise<void> entered;
  std::promise<void> leave;
  Handler handler;
  handler.on_request = [&](const Request&, const Responder& responder) {
    entered.set_value();
    leave.get_future().wait();
    responder.respond({});
  };
  const auto server = start({}, handler);
  RawClient client(server->address());
  client.send(k_get);
  entered.get_future().wait();
  while (server->loop_age() < std::chrono::milliseconds(30)) std::this_thread::yield();
  leave.set_value();
  CHECK(client.read_answer().status == 200);
  CHECK(server->loop_age() < std::chrono::seconds(20));
}
