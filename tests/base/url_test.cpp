#include "reelkeep/base/url.hpp"

#include <doctest/doctest.h>

using namespace reelkeep;

namespace {

Url parsed(std::string_view text) {
  CAPTURE(text);
  auto url = Url::parse(text);
  if (!url) MESSAGE(url.error().message);
  REQUIRE(url.has_value());
  return std::move(url).value();
}

}  // namespace

TEST_CASE("a URL is taken apart") {
  const Url url = parsed("HTTPS://Portal.EnableX.io:8443/a/b%20c.mov?x=1&y=&&z#part");
  CHECK(url.scheme() == "https");
  CHECK(url.host() == "portal.enablex.io");
  CHECK(url.port() == 8443);
  CHECK(url.effective_port() == 8443);
  CHECK(url.path() == "/a/b%20c.mov");
  CHECK(url.query() == "x=1&y=&&z");
  CHECK_FALSE(url.user_info().has_value());
  CHECK(url.authority() == "portal.enablex.io:8443");
  CHECK(url.origin() == "https://portal.enablex.io:8443");
  CHECK(url.request_target() == "/a/b%20c.mov?x=1&y=&&z");
  CHECK(url.without_user_info() == "https://portal.enablex.io:8443/a/b%20c.mov?x=1&y=&&z");
  CHECK(url.display() == "https://portal.enablex.io:8443/a/b%20c.mov?...");
  CHECK(url.last_segment() == "b c.mov");
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  CHECK(url.query_parameters() == Parameters{{"x", "1"}, {"y", ""}, {"z", ""}});
}

TEST_CASE("what is not written is filled in") {
  const Url url = parsed("http://host");
  CHECK(url.path() == "/");
  CHECK_FALSE(url.query().has_value());
  CHECK_FALSE(url.port().has_value());
  CHECK(url.last_segment() == "");
  CHECK(url.query_parameters().empty());
  CHECK(parsed("http://host?a").request_target() == "/?a");
  CHECK(parsed("http://host/?").query() == "");
  CHECK(parsed("http://host:/x").origin() == "http://host");
}

TEST_CASE("each scheme has its own port, which is not shown") {
  CHECK(parsed("https://h").effective_port() == 443);
  CHECK(parsed("http://h").effective_port() == 80);
  CHECK(parsed("ftp://h").effective_port() == 21);
  CHECK(parsed("ftps://h").effective_port() == 990);
  CHECK(parsed("sftp://h").effective_port() == 22);
  CHECK(parsed("scp://h").effective_port() == 22);
  CHECK(parsed("s3://bucket/key").effective_port() == 0);
  CHECK(parsed("https://h:443/").authority() == "h");
  CHECK(parsed("http://h:443/").authority() == "h:443");
  CHECK(parsed("s3://bucket:9000/").authority() == "bucket:9000");
}

TEST_CASE("user info is taken out, decoded and never shown") {
  const Url url = parsed("https://files%40example.com:p%3Aa@s:s@w@host:444/f?q#x");
  REQUIRE(url.user_info().has_value());
  CHECK(url.user_info()->username == "files@example.com");
  CHECK(url.user_info()->password.reveal() == "p:a@s:s@w");
  CHECK(url.host() == "host");
  CHECK(url.port() == 444);
  for (const std::string& shown : {url.display(), url.without_user_info(), url.origin()})
    CHECK(shown.find("files") == std::string::npos);
  CHECK(parsed("https://me@host/").user_info()->username == "me");
  CHECK(parsed("https://me@host/").user_info()->password.empty());
  CHECK_FALSE(parsed("https://@host/").user_info().has_value());
  CHECK_FALSE(parsed("https://:@host/").user_info().has_value());
  CHECK_FALSE(parsed("https://host/a@b:c").user_info().has_value());
  CHECK_FALSE(parsed("https://host?a@b").user_info().has_value());
}

TEST_CASE("the host is the one that is asked, whatever stands around it") {
  CHECK(parsed("https://good.com@evil.com/").host() == "evil.com");
  CHECK(parsed("https://evil.com#@good.com/").host() == "evil.com");
  CHECK(parsed("https://evil.com?@good.com/").host() == "evil.com");
  CHECK(parsed("https://evil.com/@good.com/").host() == "evil.com");
  CHECK(parsed("https://good.com:80@evil.com/").host() == "evil.com");
  CHECK(parsed("https://host./").host() == "host");
}

TEST_CASE("an IPv6 address is shown in brackets and in its shortest form") {
  const Url url = parsed("https://[2001:DB8:0:0::1]:8443/x");
  CHECK(url.host() == "2001:db8::1");
  CHECK(url.origin() == "https://[2001:db8::1]:8443");
  CHECK(parsed("http://u:p@[::1]/").host() == "::1");
  CHECK(parsed("http://[::ffff:10.0.0.1]/").host() == "::ffff:10.0.0.1");
}

TEST_CASE("bytes beyond ASCII become percent-encoded, the rest stays as given") {
  const Url url = parsed("https://host/\xC3\xA4/{a}|%zz%2f?n=\xE2\x82\xAC");
  CHECK(url.path() == "/%C3%A4/{a}|%zz%2f");
  CHECK(url.query() == "n=%E2%82%AC");
  CHECK(parsed("https://host/a/\xC3\xA4.mov").last_segment() == "\xC3\xA4.mov");
  CHECK(parsed("https://host/a/..%2f..%2fetc%2fpasswd").last_segment() == "../../etc/passwd");
  CHECK(parsed("https://host/a/").last_segment() == "");
}

TEST_CASE("what is no usable URL is refused without repeating it") {
  for (const std::string& text : std::vector<std::string>{
           "",
           "/path",
           "path",
           "//host/path",
           "host/path",
           "host:80/path",
           "string",
           "https:",
           "https:/host",
           "https:host",
           "https://",
           "https:///path",
           "https://?q",
           "https://#f",
           "https://:443/",
           "https://user:secretpw@/",
           "https://user:secretpw@:443/",
           "://host",
           "1http://host",
           "ht tp://host",
           " https://host",
           "https://host ",
           "https://host/a b",
           "https://host/?a b",
           "https://ho st/",
           "https://host/a\tb",
           "https://host/a\r\nHost: evil",
           std::string("https://host/a\0b", 16),
           "https://host/\x7F",
           "https://host\\@evil.com/",
           "https:\\\\host/",
           "https://host/a\\b",
           "https://host/?\\",
           "https://us\\er@host/",
           "https://host:0/",
           "https://host:65536/",
           "https://host:-1/",
           "https://host:+1/",
           "https://host:8o/",
           "https://host:000080/",
           "https://host:99999999999999999999/",
           "https://host:80:80/",
           "https://::1/",
           "https://[::1/",
           "https://[]/",
           "https://[::1]x/",
           "https://[::1]80/",
           "https://[fe80::1%25eth0]/",
           "https://[fe80::1%eth0]/",
           "https://[127.0.0.1]/",
           "https://[v1.x]/",
           "https://a..b/",
           "https://.a/",
           "https://a../",
           "https://./",
           "https://ho%73t/",
           "https://h\xC3\xB6st/",
           "https://ho$t/",
           "https://ho*t/",
           "https://a,b/",
           "https://<host>/",
           "https://host/\xFF",
           "https://host/\xC3",
           "https://u%0d%0a:secretpw@host/",
           "https://u:secretpw%00@host/",
           "https://" + std::string(64, 'a') + "/",
           "https://" + std::string(250, 'a') + ".io/",
           "https://host/" + std::string(20000, 'a'),
       }) {
    CAPTURE(text);
    const auto url = Url::parse(text);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code == Errc::invalid);
    CHECK(url.error().message.find("secretpw") == std::string::npos);
    CHECK(url.error().message.size() < 160);
  }
}

TEST_CASE("a host of many labels has 253 bytes at most") {
  std::string host;
  for (int i = 0; i < 126; ++i) host += "a.";
  CHECK(Url::parse("https://" + host + "b/").has_value());
  CHECK_FALSE(Url::parse("https://" + host + "b.c/").has_value());
}

TEST_CASE("another query leaves the rest alone") {
  const Url url = parsed("https://u:p@host/x?a=1");
  CHECK(url.with_query("b=2").without_user_info() == "https://host/x?b=2");
  CHECK(url.with_query(std::nullopt).without_user_info() == "https://host/x");
  CHECK(url.with_query("a=1") == url);
  CHECK_FALSE(url.with_query(std::nullopt) == url);
}
