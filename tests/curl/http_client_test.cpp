#include "curl/http_client.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "support/scripted_server.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

HttpRequest request_to(const std::string& url) {
  HttpRequest request;
  request.url = Url::parse(url).value();
  return request;
}

}  // namespace

TEST_CASE("an answer of any status is a success, with its headers in lower case") {
  ScriptedServer server;
  const auto client = curl::make_http_client();
  for (const char* status : {"200 OK", "204 No Content", "302 Found", "404 No", "500 Oops"}) {
    CAPTURE(status);
    server.on("/api", http_answer(status, {"X-Thing: One", "LOCATION: /elsewhere"}, ""));
    const auto answer = client->send(request_to(server.url("/api?x=1")));
    REQUIRE(answer);
    CHECK(answer->status == std::stoi(status));
    CHECK(answer->header("x-thing") == "One");
    CHECK(answer->header("location") == "/elsewhere");
    CHECK_FALSE(answer->header("x-other"));
  }
  CHECK(server.seen("/elsewhere").empty());
}

TEST_CASE("method, headers, body and pair arrive as given") {
  ScriptedServer server;
  server.on("/api", http_answer("200 OK", {}, "answer"));
  const auto client = curl::make_http_client();
  HttpRequest request = request_to(server.url("/api/../api?a=%2F&b"));
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "GET"}) {
    CAPTURE(method);
    request.method = method;
    request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    request.body = std::string("{\"zero\": \"") + '\0' + "\"}";
    request.credential = Credential{"app", Secret("key:with:colons")};
    server.on("/api/../api", http_answer("200 OK", {}, "answer"));
    const auto answer = client->send(request);
    REQUIRE(answer);
    CHECK(answer->body == "answer");
    const SeenRequest seen = server.seen().back();
    CHECK(seen.method == method);
    CHECK(seen.target == "/api/../api?a=%2F&b");
    CHECK(seen.body == request.body);
    CHECK(seen.header("content-type") == "application/json");
    CHECK(seen.header("x-empty") == "");
    CHECK(seen.header("authorization") == "Basic " + text::to_base64("app:key:with:colons"));
    CHECK_FALSE(seen.header("expect"));
    CHECK(seen.connection == 1);
  }
}

TEST_CASE("a request after one with a pair and a body carries neither") {
  ScriptedServer server;
  server.on("/api", http_answer("200 OK", {}, ""));
  const auto client = curl::make_http_client();
  HttpRequest first = request_to(server.url("/api"));
  first.method = "POST";
  first.body = "body";
  first.credential = Credential{"app", Secret("key")};
  REQUIRE(client->send(first));
  REQUIRE(client->send(request_to("http://other:secret@" + server.authority() + "/api")));
  const SeenRequest seen = server.seen().back();
  CHECK(seen.method == "GET");
  CHECK(seen.body.empty());
  CHECK_FALSE(seen.header("authorization"));
  CHECK_FALSE(seen.header("content-type"));
}

TEST_CASE("an empty PUT says that it is empty, HEAD waits for no body") {
  ScriptedServer server;
  server.on("/put", http_answer("200 OK", {}, ""));
  server.on("/head", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n");
  const auto client = curl::make_http_client();
  HttpRequest put = request_to(server.url("/put"));
  put.method = "PUT";
  REQUIRE(client->send(put));
  CHECK(server.seen().back().header("content-length") == "0");
  HttpRequest head = request_to(server.url("/head"));
  head.method = "HEAD";
  const auto answer = client->send(head);
  REQUIRE(answer);
  CHECK(answer->header("etag") == "\"x\"");
  CHECK(answer->header("content-length") == "1000");
}

TEST_CASE("an answer that is too large, too slow or cut is an error") {
  ScriptedServer server;
  server.on("/large", http_answer("200 OK", {}, std::string(1001, 'x')));
  server.on("/fits", http_answer("200 OK", {}, std::string(1000, 'x')));
  server.on("/endless", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send(std::string(100'000, 'x'))) {
    }
  });
  server.on("/bomb", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  server.on("/slow", [](ServerConnection& connection, const SeenRequest&) {
    connection.wait_until_closed();
  });
  server.on("/cut", [](ServerConnection& connection, const SeenRequest&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    connection.close();
  });
  const auto client = curl::make_http_client();
  const auto code = [&](const char* path, Duration timeout = Duration(30'000)) {
    HttpRequest request = request_to(server.url(path));
    request.max_answer = ByteCount(1000);
    request.timeout = timeout;
    const auto answer = client->send(request);
    return answer ? std::string("success") : std::string(to_string(answer.error().code));
  };
  CHECK(code("/fits") == "success");
  CHECK(code("/large") == "corrupt");
  CHECK(code("/endless") == "corrupt");
  CHECK(code("/bomb") == "corrupt");
  CHECK(code("/slow", Duration(200)) == "timeout");
  CHECK(code("/cut") == "unavailable");
}

TEST_CASE("an error names the host, and neither query nor pair") {
  std::string authority;
  {
    ScriptedServer gone;
    authority = gone.authority();
  }
  const auto client = curl::make_http_client();
  HttpRequest request = request_to("http://" + authority + "/path?token=tops3cret");
  request.credential = Credential{"app", Secret("k3y")};
  const auto answer = client->send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::unavailable);
  CHECK(answer.error().message == authority + ": cannot connect: connection refused");
}

TEST_CASE("a header that would split the request is not sent") {
  ScriptedServer server;
  const auto client = curl::make_http_client();
  HttpRequest request = request_to(server.url("/api"));
  request.headers = {{"X-A", "b\r\nX-Evil: 1"}};
  CHECK_FALSE(client->send(request));
  request.headers.clear();
  request.url = Url::parse("ftp://" + server.authority() + "/x").value();
  CHECK_FALSE(client->send(request));
  CHECK(server.seen().empty());
}

TEST_CASE("many threads share a client") {
  ScriptedServer server;
  server.on("/api", [](ServerConnection& connection, const SeenRequest& request) {
    connection.send(http_answer("200 OK", {}, request.target));
  });
  const auto client = curl::make_http_client();
  std::array<int, 8> right{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const std::string target = "/api?" + std::to_string(t) + "-" + std::to_string(i);
          const auto answer = client->send(request_to(server.url(target)));
          if (answer && answer->body == target) ++right[t];
        }
      });
  }
  for (const int count : right) CHECK(count == 20);
}

TEST_CASE("a body comes from its source piece by piece, and the source may fail") {
  ScriptedServer server;
  const std::string body(3'000'000, 'b');
  server.on("/put", [&](ServerConnection& connection, const SeenRequest& request) {
    connection.send(http_answer("200 OK", {}, std::to_string(request.body == body)));
  });
  const auto client = curl::make_http_client();
  HttpRequest request = request_to(server.url("/put"));
  request.method = "PUT";
  std::size_t largest = 0;
  request.body_source = [&](ByteCount offset, std::span<std::byte> into) -> Result<std::size_t> {
    largest = std::max(largest, into.size());
    const std::size_t n = std::min<std::size_t>(into.size(), body.size() - offset.get());
    for (std::size_t i = 0; i < n; ++i) into[i] = std::byte{'b'};
    return n;
  };
  request.body_size = ByteCount(body.size());
  for (int i = 0; i < 3; ++i) {
    const auto answer = client->send(request);
    REQUIRE(answer);
    CHECK(answer->body == "1");
    CHECK(server.seen().back().header("content-length") == std::to_string(body.size()));
    CHECK_FALSE(server.seen().back().header("expect"));
  }
  CHECK(largest <= 1'000'000);
  request.body_source = [](ByteCount, std::span<std::byte>) -> Result<std::size_t> {
    return Error{Errc::corrupt, "the source failed"};
  };
  const auto failed = client->send(request);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::corrupt);
  CHECK(failed.error().message.find("the source failed") != std::string::npos);
}

TEST_CASE("a good answer goes to its sink, a bad one into the body") {
  ScriptedServer server;
  const std::string content(1'000'000, 'c');
  server.on("/good", http_answer("200 OK", {}, content));
  server.on("/bad", http_answer("404 No", {}, "why"));
  const auto client = curl::make_http_client();
  std::size_t got = 0;
  const auto ask = [&](const std::string& path) {
    HttpRequest request = request_to(server.url(path));
    request.max_answer = ByteCount(100);
    request.answer_sink = [&](std::span<const std::byte> bytes) -> Status {
      got += bytes.size();
      return {};
    };
    return client->send(request);
  };
  CHECK(ask("/good")->body.empty());
  CHECK(got == content.size());
  CHECK(ask("/bad")->body == "why");
  CHECK(got == content.size());
}

TEST_CASE("a request ends soon after it is cancelled") {
  ScriptedServer server;
  std::atomic<bool> cancelled = false;
  server.on("/hang", [&](ServerConnection& connection, const SeenRequest&) {
    cancelled = true;
    connection.wait_until_closed();
  });
  const auto client = curl::make_http_client();
  HttpRequest request = request_to(server.url("/hang"));
  request.timeout = Duration(100'000);
  request.cancelled = &cancelled;
  CHECK(client->send(request).error().code == Errc::cancelled);
}
