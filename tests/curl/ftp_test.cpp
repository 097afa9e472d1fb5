#include <doctest/doctest.h>

#include "curl/server_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using Protocol = curl::ServerAccess::Protocol;

namespace {

/// `absolute`: the folder is named from the server's root, else from the login directory.
ServerPlace place(Protocol protocol, bool absolute = true) {
  curl::ServerAccess access{.protocol = protocol,
                            .username = told("FTP_USER"),
                            .password = Secret(told("FTP_PASSWORD")),
                            .ca_file = told("FTP_CA")};
  set_address(access, told(protocol == Protocol::ftp            ? "FTP_PLAIN"
                           : protocol == Protocol::ftp_explicit ? "FTP_EXPLICIT"
                                                                : "FTP_IMPLICIT"));
  ServerPlace made(access, "ftp", told("FTP_ROOT"));
  made.access.root = absolute ? made.folder() : made.folder().substr(told("FTP_ROOT").size() + 1);
  return made;
}

Error failure(ServerPlace& at) {
  at.put("f.mov", "bytes");
  const auto seen = at.make()->stat(at.location("f.mov"));
  REQUIRE_FALSE(seen.has_value());
  return seen.error();
}

bool says(const Error& error, const char* words) {
  return error.message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("FTP is a destination") {
  auto at = place(Protocol::ftp);
  contract::destination_contract(at);
}

TEST_CASE("FTP is a destination below the login directory") {
  auto at = place(Protocol::ftp, false);
  contract::destination_contract(at);
}

TEST_CASE("FTP with TLS on request is a destination") {
  auto at = place(Protocol::ftp_explicit);
  contract::destination_contract(at);
}

TEST_CASE("FTP with TLS from the start is a destination") {
  auto at = place(Protocol::ftp_implicit);
  contract::destination_contract(at);
}

TEST_CASE("a wrong FTP password is unauthorized, and the words say what to correct") {
  auto at = place(Protocol::ftp);
  at.access.password = Secret("wrong-secret");
  const Error error = failure(at);
  CHECK(error.code == Errc::unauthorized);
  CHECK(says(error, "correct username and password in [[destination]]"));
  CHECK_FALSE(says(error, "wrong-secret"));
}

TEST_CASE("a certificate of an unknown authority is refused before the password is sent") {
  auto at = place(Protocol::ftp_explicit);
  at.access.ca_file = "";
  const Error error = failure(at);
  CHECK(error.code == Errc::unavailable);
  CHECK(says(error, "unknown issuer"));
  CHECK(says(error, "ca_file"));
}

TEST_CASE("a server without TLS is not spoken to unless the operator allows it") {
  auto at = place(Protocol::ftp);
  at.access.protocol = Protocol::ftp_explicit;
  const Error error = failure(at);
  CHECK(error.code == Errc::unavailable);
  CHECK(says(error, "tls = \"none\""));
}

TEST_CASE("an FTP server that is away is unavailable, never a missing file") {
  auto at = place(Protocol::ftp);
  at.access.port = 1;
  CHECK(failure(at).code == Errc::unavailable);
}

TEST_CASE("a new password is taken up although a connection with the old one is kept") {
  auto at = place(Protocol::ftp);
  at.put("f.mov", "bytes");
  const auto destination = at.make();
  REQUIRE(destination->stat(at.location("f.mov")).has_value());
  at.access.password = Secret("changed");
  CHECK(destination->stat(at.location("f.mov")).error().code == Errc::unauthorized);
}

TEST_CASE("a location that leads out of its folder is not looked at") {
  auto at = place(Protocol::ftp);
  for (const char* location : {"ftp://h/a/../../../etc/passwd", "ftp://h/a/%2e%2e/b", "ftp://h/",
                               "ftp://h/a%0d%0aDELE%20b"}) {
    CAPTURE(location);
    CHECK(at.make()->stat(location).error().code == Errc::invalid);
  }
}
