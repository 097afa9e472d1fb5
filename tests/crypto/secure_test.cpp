#include "crypto/secure.hpp"

#include <doctest/doctest.h>
#include <set>
#include <string>

#include "crypto/sha256.hpp"

namespace reelkeep {
namespace {

std::string hex(const Digest& digest) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest.bytes) {
    text += k_digits[std::to_integer<unsigned>(byte) >> 4U];
    text += k_digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

TEST_CASE("HMAC-SHA-256 gives the values of RFC 4231") {
  CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("an empty key and an empty message have an HMAC") {
  CHECK(hex(hmac_sha256("", "")) ==
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  CHECK(hmac_sha256({}, {}) == hmac_sha256("", ""));
}

TEST_CASE("secrets are equal when every byte is") {
  CHECK(constant_time_equal("", ""));
  CHECK(constant_time_equal("files:secret", "files:secret"));
  CHECK_FALSE(constant_time_equal("files:secret", "files:secreT"));
  CHECK_FALSE(constant_time_equal("files:secret", "files:secre"));
  CHECK_FALSE(constant_time_equal("", "x"));
  CHECK_FALSE(constant_time_equal("x", ""));
  CHECK_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST_CASE("random hex has the length asked for, lower-case digits only, and does not repeat") {
  CHECK(random_hex(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_hex(33);
    CHECK(text.size() == 33);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
    seen.insert(text);
  }
  CHECK(seen.size() == 200);
}

TEST_CASE("a random UUID is of version 4 and of the RFC variant") {
  std::set<std::string> seen;
  std::set<char> variants;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random_uuid();
    REQUIRE(text.size() == 36);
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
      CHECK((text[at] == '-') == dash);
    }
    CHECK(text.find_first_not_of("0123456789abcdef-") == std::string::npos);
    CHECK(text[14] == '4');
    variants.insert(text[19]);
    seen.insert(text);
  }
  CHECK(seen.size() == 400);
  CHECK(variants == std::set<char>{'8', '9', 'a', 'b'});
}

}  // namespace
}  // namespace reelkeep
