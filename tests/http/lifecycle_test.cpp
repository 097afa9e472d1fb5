#include <chrono>
#include <doctest/doctest.h>
#include <future>
#include <string>
#include <thread>

#include "http/serving.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

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
