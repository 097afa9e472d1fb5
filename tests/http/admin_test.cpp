#include "http/admin.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <string>

#include "http/client.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

namespace {

std::unique_ptr<AdminServer> start(AdminQuestions questions) {
  auto admin = AdminServer::start("127.0.0.1:0", std::move(questions));
  REQUIRE(admin.has_value());
  return std::move(admin).value();
}

Answer get(const AdminServer& admin, const std::string& path, const std::string& method = "GET") {
  return ask(admin.server().address(), method + " " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("the four pages are served, and nothing else") {
  std::atomic<bool> ready{true};
  const auto admin = start({.readiness =
                                [&] {
                                  return ready ? Readiness{.ready = true, .text = "ok"}
                                               : Readiness{.text = "journal: disk full"};
                                },
                            .metrics = [] { return std::string("# HELP x y\nx 1\n"); },
                            .status = [] { return std::string("{}\n"); }});
  CHECK(get(*admin, "/livez").status == 200);
  CHECK(get(*admin, "/status").body == "{}\n");
  CHECK(get(*admin, "/livez").body == "ok\n");
  CHECK(get(*admin, "/readyz").body == "ok\n");
  ready = false;
  CHECK(get(*admin, "/readyz").status == 503);
  CHECK(get(*admin, "/readyz").body == "journal: disk full\n");
  const auto metrics = get(*admin, "/metrics");
  CHECK(metrics.body == "# HELP x y\nx 1\n");
  CHECK(contains(metrics.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK(get(*admin, "/").status == 404);
  CHECK(get(*admin, "/webhook").status == 404);
  const auto posted = get(*admin, "/livez", "POST");
  CHECK(posted.status == 405);
  CHECK(contains(posted.head, "Allow: GET, HEAD\r\n"));
}

TEST_CASE("a probe that hangs does not hold up /livez, and those who wait share its successor") {
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<int> asked{0};
  const auto admin = start({.readiness =
                                [&] {
                                  if (asked++ == 0) {
                                    entered.set_value();
                                    leave.get_future().wait();
                                  }
                                  return Readiness{.ready = true, .text = "ok"};
                                },
                            .metrics = [] { return std::string(); }});
  const std::string request = "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n";
  RawClient first(admin->server().address());
  first.send(request);
  entered.get_future().wait();
  RawClient second(admin->server().address());
  RawClient third(admin->server().address());
  second.send(request);
  third.send(request);
  while (admin->server().counters().requests < 3) CHECK(get(*admin, "/livez").status == 200);
  CHECK(get(*admin, "/livez").body == "ok\n");
  leave.set_value();
  for (auto* client : {&first, &second, &third}) CHECK(client->read_answer().status == 200);
  CHECK(asked >= 2);
  CHECK(asked <= 3);
}

TEST_CASE("an admin address that is taken is a conflict") {
  const auto admin = start({.readiness = [] { return Readiness{}; }, .metrics = [] { return ""; }});
  const auto second = AdminServer::start(admin->server().address(), {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::conflict);
}
