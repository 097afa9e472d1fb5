#include <doctest/doctest.h>

#include "curl/destination.hpp"

using namespace reelkeep;

namespace {

const std::string k_blob = "AAAAC3NzaC1lZDI1NTE5AAAAIIu2WMBFDOfqJ4MoJYyFwJoF7CdcYdfNfWwOiJ5Qb0Ga";

}  // namespace

TEST_CASE("a host key is a fingerprint, a line of known_hosts or of a .pub file") {
  const auto from_pub = curl::host_key_fingerprint("ssh-ed25519 " + k_blob + " root@host");
  REQUIRE(from_pub.has_value());
  CHECK(from_pub->starts_with("SHA256:"));
  CHECK(from_pub->size() == 7 + 43);
  CHECK(curl::host_key_fingerprint("[files.example.com]:2222 ssh-ed25519 " + k_blob).value() ==
        *from_pub);
  CHECK(curl::host_key_fingerprint(*from_pub).value() == *from_pub);
  CHECK(curl::host_key_fingerprint(*from_pub + "=").value() == *from_pub);
}

TEST_CASE("what is no host key is refused") {
  for (const std::string& text :
       {std::string(), std::string("SHA256:abc"), std::string("MD5:aa:bb"),
        std::string("files.example.com"), std::string("ssh-ed25519"), "ssh-rsa " + k_blob,
        std::string("ssh-ed25519 not*base64")}) {
    CAPTURE(text);
    CHECK(curl::host_key_fingerprint(text).error().code == Errc::invalid);
  }
}
