#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include "curl/fetch_bench.hpp"
#include "curl/http_client.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Runs openssl to its end in `directory`.
void openssl(const TempDir& directory, const std::string& arguments) {
  const std::string command =
      "cd " + directory.path() + " && openssl " + arguments + " >openssl.log 2>&1 </dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: openssl " + arguments);
}

/// An authority and certificates made with it, good for the name and address given.
class Authority {
 public:
  Authority() {
    openssl(m_directory,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            "-subj '/CN=Test Authority' -keyout ca.key -out ca.pem");
  }
  /// Makes NAME.pem and NAME.key; `validity` is what x509 says to it.
  void issue(const std::string& name, const std::string& subject_names,
             const std::string& validity = "-days 2") {
    m_directory.write(name + ".ext", "subjectAltName=" + subject_names + "\n");
    openssl(m_directory, "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" +
                             name + " -keyout " + name + ".key -out " + name + ".csr");
    openssl(m_directory, "x509 -req -in " + name +
                             ".csr -CA ca.pem -CAkey ca.key -CAcreateserial " + validity +
                             " -extfile " + name + ".ext -out " + name + ".pem");
  }
  [[nodiscard]] std::string path(const std::string& file) const { return m_directory.path(file); }
  [[nodiscard]] const TempDir& directory() const { return m_directory; }

 private:
  TempDir m_directory;
};

/// `openssl s_server -HTTP` on an ephemeral port: sends the files of the directory as whole
/// answers.
class TlsServer {
 public:
  TlsServer(const Authority& authority, const std::string& name, const std::string& more = "") {
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    UniqueFd output(pipe[0]);
    UniqueFd input(pipe[1]);
    const std::string command = "cd " + authority.directory().path() +
                                " && exec openssl s_server -accept 127.0.0.1:0 -HTTP -cert " +
                                name + ".pem -key " + name + ".key " + more + " 2>/dev/null";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.get(), 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    const std::array<const char*, 4> arguments{"sh", "-c", command.c_str(), nullptr};
    REQUIRE(::posix_spawn(&m_child, "/bin/sh", &actions, nullptr,
                          const_cast<char* const*>(arguments.data()), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    input.reset();
    // "ACCEPT 127.0.0.1:PORT"
    std::string said;
    char c = 0;
    while (said.find("ACCEPT ") == std::string::npos || said.back() != '\n') {
      if (::read(output.get(), &c, 1) != 1) throw std::runtime_error("s_server did not start");
      said += c;
    }
    port = std::stoi(said.substr(said.rfind(':') + 1));
    m_output = std::move(output);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() {
    ::kill(m_child, SIGKILL);
    ::waitpid(m_child, nullptr, 0);
  }
  int port = 0;

 private:
  pid_t m_child = -1;
  UniqueFd m_output;
};

struct TlsBench : FetchBench {
  Authority authority;

  FetchRequest request_to(const std::string& host, int port) {
    FetchRequest made = request("/file");
    made.url = Url::parse("https://" + host + ":" + std::to_string(port) + "/file").value();
    made.rules.hosts = {HostPattern::parse(host).value()};
    made.rules.allow_plain_http = false;
    return made;
  }
};

}  // namespace

TEST_CASE("a file comes over TLS from a server that the authority vouches for, and from no other") {
  TlsBench bench;
  bench.authority.directory().write(
      "file", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ncontent");
  bench.authority.issue("good", "IP:127.0.0.1,DNS:localhost");
  bench.limits.ca_file = bench.authority.path("ca.pem");
  const TlsServer server(bench.authority, "good");

  const Fetched good = bench.fetch(bench.request_to("127.0.0.1", server.port));
  REQUIRE(good.status);
  CHECK(difference(bytes_of(good), "content") == "");

  curl::HttpClientOptions options;
  options.ca_file = bench.authority.path("ca.pem");
  HttpRequest request;
  request.url = Url::parse("https://127.0.0.1:" + std::to_string(server.port) + "/file").value();
  CHECK(curl::make_http_client(options)->send(request)->body == "content");
  CHECK(curl::make_http_client()->send(request).error().code == Errc::unavailable);

  // The environment has no say, neither to trust more nor to trust less.
  ::setenv("SSL_CERT_FILE", bench.authority.path("ca.pem").c_str(), 1);
  ::setenv("CURL_CA_BUNDLE", bench.authority.path("ca.pem").c_str(), 1);
  FetchBench stranger;
  const Fetched untrusted = stranger.fetch(bench.request_to("127.0.0.1", server.port));
  ::unsetenv("SSL_CERT_FILE");
  ::unsetenv("CURL_CA_BUNDLE");
  CHECK(untrusted.status.error().code == Errc::unavailable);
  CHECK(untrusted.status.error().message.find("unknown issuer") != std::string::npos);
  CHECK(untrusted.status.error().message.find("ca_file") != std::string::npos);
}

TEST_CASE("a certificate that is expired or for another name is refused with its reason") {
  TlsBench bench;
  bench.authority.directory().write("file", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  bench.limits.ca_file = bench.authority.path("ca.pem");
  struct Row {
    const char* name;
    const char* subject_names;
    const char* validity;
    std::string says;
  };
  const std::array rows{
      Row{"expired", "IP:127.0.0.1", "-days -1", "certificate has expired"},
      Row{"other", "DNS:other.example", "-days 2",
          "certificate is for another name than 127.0.0.1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    bench.authority.issue(row.name, row.subject_names, row.validity);
    const TlsServer server(bench.authority, row.name);
    const Fetched fetched = bench.fetch(bench.request_to("127.0.0.1", server.port));
    REQUIRE_FALSE(fetched.status);
    CAPTURE(fetched.status.error().message);
    CHECK(fetched.status.error().code == Errc::unavailable);
    CHECK(fetched.status.error().message.find(row.says) != std::string::npos);
    CHECK(bytes_of(fetched).empty());
  }
}

TEST_CASE("a server that offers TLS 1.1 at most is refused") {
  TlsBench bench;
  bench.authority.directory().write(
      "file", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ncontent");
  bench.authority.issue("good", "IP:127.0.0.1");
  bench.limits.ca_file = bench.authority.path("ca.pem");
  const std::string old = "-tls1_1 -cipher DEFAULT:@SECLEVEL=0";
  const TlsServer server(bench.authority, "good", old);
  // It is the version that is refused: whoever accepts it gets through.
  openssl(bench.authority.directory(),
          "s_client -connect 127.0.0.1:" + std::to_string(server.port) +
              " -CAfile ca.pem -verify_return_error " + old);

  const Fetched refused = bench.fetch(bench.request_to("127.0.0.1", server.port));
  REQUIRE_FALSE(refused.status);
  CHECK(refused.status.error().code == Errc::unavailable);
  CHECK_FALSE(refused.credential_accepted);

  curl::HttpClientOptions options;
  options.ca_file = bench.authority.path("ca.pem");
  HttpRequest request;
  request.url = Url::parse("https://127.0.0.1:" + std::to_string(server.port) + "/file").value();
  CHECK(curl::make_http_client(options)->send(request).error().code == Errc::unavailable);
}

TEST_CASE("a server without TLS gets no request") {
  TlsBench bench;
  bench.limits.connect_timeout = Duration(300);  // who speaks no TLS waits for a request
  bench.server.serve("/file", "content");
  const Fetched plain = bench.fetch(bench.request_to("127.0.0.1", bench.server.port()));
  CHECK_FALSE(plain.status);
  CHECK(bytes_of(plain).empty());
  CHECK(bench.server.seen().empty());
}

TEST_CASE("a redirect from https to http is refused, named with the key that allows it") {
  TlsBench bench;
  ScriptedServer plain;
  plain.serve("/f", "content");
  bench.authority.directory().write("file", "HTTP/1.1 302 Found\r\nLocation: " + plain.url("/f") +
                                                "\r\nContent-Length: 0\r\n\r\n");
  bench.authority.issue("good", "IP:127.0.0.1");
  bench.limits.ca_file = bench.authority.path("ca.pem");
  const TlsServer server(bench.authority, "good");
  const Fetched fetched = bench.fetch(bench.request_to("127.0.0.1", server.port));
  REQUIRE_FALSE(fetched.status);
  CHECK(fetched.status.error().code == Errc::invalid);
  CHECK(fetched.status.error().message.find("allow_plain_http") != std::string::npos);
  CHECK(plain.seen().empty());
}

TEST_CASE("a ca_file that cannot be read is the operator's to mend") {
  TlsBench bench;
  bench.authority.issue("good", "IP:127.0.0.1");
  bench.limits.ca_file = bench.authority.path("missing.pem");
  const TlsServer server(bench.authority, "good");
  const Fetched fetched = bench.fetch(bench.request_to("127.0.0.1", server.port));
  CHECK(fetched.status.error().code == Errc::invalid);
  CHECK(fetched.status.error().message.find("missing.pem") != std::string::npos);
}
