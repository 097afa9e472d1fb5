#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/client.hpp"
#include "http/server.hpp"

namespace reelkeep::testing {

inline constexpr std::string_view k_get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// On a free port of 127.0.0.1.
inline std::unique_ptr<http::Server> start(http::ServerOptions options, http::Handler handler) {
  options.listen = "127.0.0.1:0";
  auto server = http::Server::start(std::move(options), std::move(handler));
  REQUIRE(server.has_value());
  return std::move(server).value();
}

/// Answers "METHOD PATH BODY" at once.
inline http::Handler echo() {
  return {.on_request = [](const http::Request& request, const http::Responder& responder) {
    responder.respond({.body = request.method + " " + request.path + " " + request.body});
  }};
}

inline std::string post(const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace reelkeep::testing
