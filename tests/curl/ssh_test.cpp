#include <doctest/doctest.h>

#include "curl/server_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using Protocol = curl::ServerAccess::Protocol;

namespace {

std::vector<std::string> fingerprints(const std::string& known_hosts) {
  std::vector<std::string> all;
  for (const auto line : text::split(known_hosts, '\n'))
    all.push_back(curl::host_key_fingerprint(line).value());
  return all;
}

ServerPlace place(Protocol protocol) {
  curl::ServerAccess access{.protocol = protocol,
                            .username = told("SSH_USER"),
                            .private_key_file = told("SSH_KEY"),
                            .host_keys = fingerprints(told("SSH_KNOWN_HOST"))};
  set_address(access, told("SSH_HOST"));
  ServerPlace made(access, "sftp", told("SSH_ROOT"));
  made.access.root = made.folder();
  return made;
}

Error failure(ServerPlace& at) {
  at.put("f.mov", "bytes");
  const auto seen = at.make()->stat(at.location("f.mov"));
  REQUIRE_FALSE(seen.has_value());
  return seen.error();
}

bool says(const Error& error, const std::string& words) {
  return error.message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("SFTP is a destination") {
  auto at = place(Protocol::sftp);
  contract::destination_contract(at);
}

TEST_CASE("SCP is a destination") {
  auto at = place(Protocol::scp);
  contract::destination_contract(at);
}

TEST_CASE("another host key than the configured one is unauthorized, before any login") {
  for (const Protocol protocol : {Protocol::sftp, Protocol::scp}) {
    auto at = place(protocol);
    const auto own = at.access.host_keys;
    at.access.host_keys = fingerprints(told("SSH_OTHER_HOST"));
    const Error error = failure(at);
    CHECK(error.code == Errc::unauthorized);
    CHECK(says(error, "host_key in [[destination]]"));
    CHECK((says(error, own.at(0)) || says(error, own.at(1))));
  }
}

TEST_CASE("without a configured host key no server is trusted") {
  auto at = place(Protocol::sftp);
  at.access.host_keys.clear();
  CHECK(failure(at).code == Errc::unauthorized);
}

TEST_CASE("a key that the server does not know is unauthorized") {
  auto at = place(Protocol::sftp);
  at.access.private_key_file = told("SSH_OTHER_KEY");
  const Error error = failure(at);
  CHECK(error.code == Errc::unauthorized);
  CHECK(says(error, "private_key_file"));
}

TEST_CASE("a password where the server takes keys only is unauthorized") {
  auto at = place(Protocol::sftp);
  at.access.private_key_file = "";
  at.access.password = Secret("not-told");
  const Error error = failure(at);
  CHECK(error.code == Errc::unauthorized);
  CHECK_FALSE(says(error, "not-told"));
}

TEST_CASE("an SSH server that is away is unavailable, never a missing file") {
  auto at = place(Protocol::sftp);
  at.access.port = 1;
  CHECK(failure(at).code == Errc::unavailable);
}

TEST_CASE("a changed host key is noticed although a connection is kept") {
  auto at = place(Protocol::sftp);
  at.put("f.mov", "bytes");
  const auto destination = at.make();
  REQUIRE(destination->stat(at.location("f.mov")).has_value());
  at.access.host_keys = fingerprints(told("SSH_OTHER_HOST"));
  CHECK(destination->stat(at.location("f.mov")).error().code == Errc::unauthorized);
}
