#include "crypto/tls.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include "http/client.hpp"
#include "http/server.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

namespace {

/// NAME.crt and NAME.key for 127.0.0.1.
TlsFiles make_certificate(const TempDir& folder, const std::string& name) {
  const TlsFiles files{folder.path(name + ".crt"), folder.path(name + ".key")};
  const auto made = run_program({"sh",
                                 "-c",
                                 "exec \"$@\" 2>/dev/null",
                                 "sh",
                                 "openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:prime256v1",
                                 "-nodes",
                                 "-days",
                                 "2",
                                 "-subj",
                                 "/CN=" + name,
                                 "-addext",
                                 "subjectAltName=IP:127.0.0.1",
                                 "-keyout",
                                 files.key,
                                 "-out",
                                 files.certificate});
  REQUIRE(made.exit_status == 0);
  return files;
}

Handler pattern() {
  return {.on_request = [](const Request& request, const Responder& responder) {
    if (request.path != "/big")
      return responder.respond({.body = "got " + std::to_string(request.body.size())});
    responder.respond(
        {.stream = BodyStream{.length = 8 << 20,
                              .fill = [](std::uint64_t offset, std::span<char> buffer) {
                                for (std::size_t i = 0; i < buffer.size(); ++i)
                                  buffer[i] = static_cast<char>((offset + i) % 251);
                                return buffer.size();
                              }}});
  }};
}

std::unique_ptr<Server> start(const TlsFiles& files) {
  auto server = Server::start(
      {.listen = "127.0.0.1:0", .request_timeout = std::chrono::seconds(5), .tls = files},
      pattern());
  REQUIRE(server.has_value());
  return std::move(server).value();
}

std::string curl(const Server& server, const TlsFiles& trusted, const std::string& path,
                 std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--cacert", trusted.certificate, server.origin() + path});
  return run_curl(more).output;
}

}  // namespace

TEST_CASE("requests and answers of any size pass through TLS") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = start(files);
  CHECK(server->origin().starts_with("https://127.0.0.1:"));
  folder.write("body", std::string(500'000, 'b'));
  const auto body = "@" + folder.path("body");
  CHECK(curl(*server, files, "/", {"--data-binary", body}) == "got 500000\n200");
  CHECK(curl(*server, files, "/", {"--tls-max", "1.2", "--data-binary", body}) ==
        "got 500000\n200");
  const auto big = curl(*server, files, "/big");
  REQUIRE(big.size() == (8U << 20U) + 4);
  bool same = true;
  for (std::size_t i = 0; i < (8U << 20U); ++i) same = same && big[i] == static_cast<char>(i % 251);
  CHECK(same);
}

TEST_CASE("a body beyond the limit is answered 413 over TLS too") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = start(files);
  folder.write("body", std::string(3 << 20, 'b'));
  CHECK(curl(*server, files, "/",
             {"-H", "Expect:", "-H", "Transfer-Encoding: chunked", "--data-binary",
              "@" + folder.path("body")})
            .ends_with("\n413"));
}

TEST_CASE("several requests share one TLS connection") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = start(files);
  const auto output =
      curl(*server, files, "/", {"--cacert", files.certificate, server->origin() + "/"});
  CHECK(output == "got 0\n200got 0\n200");
  CHECK(server->counters().accepted == 1);
}

TEST_CASE("TLS older than 1.2 is refused") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = start(files);
  CHECK(curl(*server, files, "/",
             {"--stderr", "/dev/null", "--tlsv1.0", "--tls-max", "1.1", "--ciphers",
              "DEFAULT@SECLEVEL=0"})
            .ends_with("\n000"));
  CHECK(server->counters().requests == 0);
}

TEST_CASE("a client that does not speak TLS is turned away and others are served") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = start(files);
  RawClient client(server->address());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.read_to_end().find("HTTP/1.1") == std::string::npos);
  CHECK(curl(*server, files, "/") == "got 0\n200");
}

TEST_CASE("a handshake that does not go on is given up") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto server = Server::start(
      {.listen = "127.0.0.1:0", .request_timeout = std::chrono::milliseconds(50), .tls = files},
      pattern());
  REQUIRE(server.has_value());
  RawClient client((*server)->address());
  CHECK(client.read_to_end().empty());
  CHECK((*server)->counters().timed_out == 1);
}

TEST_CASE("a renewed certificate is used after a reload, a broken one is not") {
  const TempDir folder;
  const auto used = make_certificate(folder, "used");
  const auto renewed = make_certificate(folder, "renewed");
  const TlsFiles old{folder.path("old.crt"), used.key};
  std::filesystem::copy_file(used.certificate, old.certificate);
  const auto server = start(used);
  CHECK(curl(*server, old, "/") == "got 0\n200");

  std::filesystem::copy_file(renewed.certificate, used.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  const auto half_done = server->reload_tls();  // the key is still the old one's
  REQUIRE_FALSE(half_done.has_value());
  CHECK(half_done.error().code == Errc::invalid);
  CHECK(curl(*server, old, "/") == "got 0\n200");

  std::filesystem::copy_file(renewed.key, used.key,
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(server->reload_tls().has_value());
  CHECK(curl(*server, renewed, "/") == "got 0\n200");
  CHECK(curl(*server, old, "/", {"--stderr", "/dev/null"}).ends_with("\n000"));
}

TEST_CASE("files that are no certificate and key are named") {
  const TempDir folder;
  const auto files = make_certificate(folder, "one");
  const auto text = folder.write("text", "no PEM at all\n");
  const auto code_of = [](const std::string& certificate, const std::string& key) {
    const auto loaded = TlsServerContext::load(certificate, key);
    REQUIRE_FALSE(loaded.has_value());
    return loaded.error();
  };
  CHECK(code_of(folder.path("absent"), files.key).code == Errc::not_found);
  CHECK(code_of(files.certificate, folder.path("absent")).message.find(folder.path("absent")) !=
        std::string::npos);
  CHECK(code_of(text, files.key).code == Errc::invalid);
  CHECK(code_of(text, files.key).message.find(text) != std::string::npos);
  CHECK(code_of(files.certificate, text).code == Errc::invalid);
  CHECK(code_of(files.certificate, make_certificate(folder, "two").key).code == Errc::invalid);
}
