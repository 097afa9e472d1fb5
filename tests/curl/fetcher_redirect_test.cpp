#include <array>
#include <cstdlib>
#include <doctest/doctest.h>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

std::string redirect_to(const std::string& location, const std::string& status = "302 Found") {
  return http_answer(status, {"Location: " + location}, "<a>moved</a>");
}

/// An environment variable that goes as it came.
class Environment {
 public:
  Environment(std::string name, const std::string& value) : m_name(std::move(name)) {
    if (const char* before = std::getenv(m_name.c_str())) m_before = before;
    ::setenv(m_name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (m_before)
      ::setenv(m_name.c_str(), m_before->c_str(), 1);
    else
      ::unsetenv(m_name.c_str());
  }

 private:
  std::string m_name;
  std::optional<std::string> m_before;
};

}  // namespace

TEST_CASE("a redirect within the origin is followed, with the pair") {
  FetchBench bench;
  bench.server.serve("/new", "content");
  for (const char* status :
       {"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"}) {
    CAPTURE(status);
    bench.server.on("/old", redirect_to("new", status));
    const Fetched fetched = bench.fetch("/old");
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), "content") == "");
    CHECK(fetched.credential_accepted);
  }
  for (const SeenRequest& request : bench.server.seen())
    CHECK(request.header("authorization") == pair_header());
}

TEST_CASE("five redirects are followed, six are not, nor is a loop") {
  FetchBench bench;
  bench.server.serve("/0", "content");
  for (int i = 1; i <= 6; ++i)
    bench.server.on("/" + std::to_string(i), redirect_to("/" + std::to_string(i - 1)));
  CHECK(bench.fetch("/5").status);
  const Fetched six = bench.fetch("/6");
  CHECK(six.status.error().code == Errc::unavailable);
  CHECK(six.http_status == 302);
  bench.server.on("/loop", redirect_to("/loop"));
  CHECK(bench.fetch("/loop").status.error().code == Errc::unavailable);
  CHECK(bench.server.seen("/loop").size() == 6);
}

TEST_CASE("a redirect to another host never carries the pair") {
  FetchBench bench;
  ScriptedServer storage;
  storage.serve("/signed", "content");
  bench.server.on("/f", redirect_to("http://user:p%40ss@" + storage.authority() + "/signed?sig=x"));
  SUBCASE("that is among the redirect hosts") {
    FetchRequest request = bench.request("/f");
    request.rules.redirect_hosts = {HostPattern::parse(storage.authority()).value()};
    const Fetched fetched = bench.fetch(std::move(request));
    REQUIRE(fetched.status);
    CHECK(difference(bytes_of(fetched), "content") == "");
    CHECK(fetched.credential_accepted);
  }
  SUBCASE("that is even among the hosts") {
    FetchRequest request = bench.request("/f");
    request.rules.hosts.push_back(HostPattern::parse(storage.authority()).value());
    CHECK(bench.fetch(std::move(request)).status);
  }
  REQUIRE(storage.seen().size() == 1);
  CHECK_FALSE(storage.seen()[0].header("authorization"));
  CHECK(storage.seen()[0].target == "/signed?sig=x");
  CHECK(bench.server.seen().at(0).header("authorization") == pair_header());
}

TEST_CASE("a redirect back to the origin carries the pair again") {
  FetchBench bench;
  ScriptedServer other;
  bench.server.on("/f", redirect_to(other.url("/detour")));
  other.on("/detour", redirect_to(bench.server.url("/end")));
  bench.server.serve("/end", "content");
  FetchRequest request = bench.request("/f");
  request.rules.redirect_hosts = {HostPattern::parse(other.authority()).value()};
  CHECK(bench.fetch(std::move(request)).status);
  CHECK_FALSE(other.seen().at(0).header("authorization"));
  CHECK(bench.server.seen("/end").at(0).header("authorization") == pair_header());
}

TEST_CASE("401 and 403 from a redirect host are no verdict on the pair") {
  FetchBench bench;
  ScriptedServer storage;
  bench.server.on("/f", redirect_to(storage.url("/signed")));
  for (const char* status : {"401 Unauthorized", "403 Forbidden"}) {
    storage.on("/signed", http_answer(status, {}, "<Error/>"));
    FetchRequest request = bench.request("/f");
    request.rules.redirect_hosts = {HostPattern::parse(storage.authority()).value()};
    const Fetched fetched = bench.fetch(std::move(request));
    CHECK(fetched.status.error().code == Errc::unavailable);
    CHECK(fetched.status.error().message.find("the pair is not sent to") != std::string::npos);
  }
}

TEST_CASE("a redirect to where nothing may be fetched is refused before any request") {
  FetchBench bench;
  ScriptedServer forbidden;
  forbidden.serve("/f", "content");
  struct Row {
    std::string location;
    const char* says;
  };
  const std::array rows{
      Row{forbidden.url("/f"), "redirect_hosts"},
      Row{"file:///etc/passwd", "no URL"},
      Row{"file://" + bench.server.authority() + "/etc/passwd", "https only"},
      Row{"ftp://" + bench.server.authority() + "/f", "https only"},
      Row{"gopher://" + bench.server.authority() + "/f", "https only"},
      Row{"http://", "no URL"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.location);
    bench.server.on("/f", redirect_to(row.location));
    const Fetched fetched = bench.fetch("/f");
    REQUIRE_FALSE(fetched.status);
    CAPTURE(fetched.status.error().message);
    CHECK(fetched.status.error().code == Errc::invalid);
    CHECK(fetched.status.error().message.find(row.says) != std::string::npos);
    CHECK(bytes_of(fetched).empty());
  }
  CHECK(forbidden.seen().empty());
}

TEST_CASE("a URL that the rules do not cover is refused before any request") {
  FetchBench bench;
  bench.server.serve("/f", "content");
  FetchRequest other_host = bench.request("/f");
  other_host.rules.hosts = {HostPattern::parse("*.enablex.io").value()};
  other_host.rules.redirect_hosts = {HostPattern::parse(bench.server.authority()).value()};
  const Fetched fetched = bench.fetch(std::move(other_host));
  CHECK(fetched.status.error().code == Errc::invalid);
  CHECK(fetched.status.error().message ==
        "host " + bench.server.authority() + " is not in hosts of the project");

  FetchRequest plain = bench.request("/f");
  plain.rules.allow_plain_http = false;
  const Fetched refused = bench.fetch(std::move(plain));
  CHECK(refused.status.error().code == Errc::invalid);
  CHECK(refused.status.error().message.find("allow_plain_http") != std::string::npos);
  CHECK(refused.file != nullptr);
  CHECK(bench.server.seen().empty());
}

TEST_CASE("a private address is refused, also on a connection that stands already") {
  FetchBench bench;
  bench.server.serve("/f", "content");
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    const std::size_t before = bench.server.seen().size();
    FetchRequest request = bench.request("/f");
    request.rules.allow_private_addresses = false;
    const Fetched fetched = bench.fetch(std::move(request));
    REQUIRE_FALSE(fetched.status);
    CHECK(fetched.status.error().code == Errc::invalid);
    CHECK(fetched.status.error().message.find("private address 127.0.0.1") != std::string::npos);
    CHECK(fetched.status.error().message.find("allow_private_addresses") != std::string::npos);
    CHECK(bench.server.seen().size() == before);
    REQUIRE(bench.fetch("/f").status);  // leaves its connection for the second round
  }
}

TEST_CASE("a name that leads to a private address is refused like the address") {
  FetchBench bench;
  FetchRequest request = bench.request("/f");
  const std::string authority = "localhost:" + std::to_string(bench.server.port());
  request.url = Url::parse("http://" + authority + "/f").value();
  request.rules.hosts = {HostPattern::parse(authority).value()};
  request.rules.allow_private_addresses = false;
  CHECK(bench.fetch(std::move(request)).status.error().code == Errc::invalid);
  CHECK(bench.server.seen().empty());
}

TEST_CASE("a redirect keeps asking for the range") {
  FetchBench bench;
  const std::string content = pattern(1000);
  bench.server.on("/f", redirect_to("/g"));
  bench.server.serve("/g", content);
  ResumePoint resume;
  resume.offset = ByteCount(400);
  resume.validator = "\"v1\"";
  const Fetched fetched = bench.fetch(bench.request("/f", content.substr(0, 400), resume));
  CHECK(fetched.status);
  CHECK(difference(bytes_of(fetched), content) == "");
  CHECK(fetched.from_network == ByteCount(600));
}

TEST_CASE("proxies of the environment are ignored, the configured one is used and may be private") {
  const Environment http("http_proxy", "http://127.0.0.1:1");
  const Environment all("ALL_PROXY", "http://127.0.0.1:1");
  FetchBench bench;
  bench.server.serve("/f", "content");
  CHECK(bench.fetch("/f").status);

  const Environment none("no_proxy", "*");
  FetchLimits limits = bench.limits;
  limits.proxy = bench.server.url("");
  bench.fetcher->set_limits(limits);
  bench.server.serve("http://files.example.test/f", "through the proxy");
  FetchRequest request = bench.request("/f");
  request.url = Url::parse("http://files.example.test/f").value();
  request.rules.hosts = {HostPattern::parse("*.example.test").value()};
  request.rules.allow_private_addresses = false;
  const Fetched fetched = bench.fetch(std::move(request));
  REQUIRE(fetched.status);
  CHECK(difference(bytes_of(fetched), "through the proxy") == "");
}
