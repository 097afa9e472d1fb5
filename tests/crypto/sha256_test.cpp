#include "crypto/sha256.hpp"

#include <doctest/doctest.h>
#include <string>

namespace reelkeep {
namespace {

/// Hex here, so that the suite tests the bytes and not the base component.
std::string hex(const Digest& digest) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest.bytes) {
    text += k_digits[std::to_integer<unsigned>(byte) >> 4U];
    text += k_digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

TEST_CASE("SHA-256 gives the values of FIPS 180-4") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(sha256(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("how the bytes are cut into updates does not change the digest") {
  const std::string all = "The quick brown fox jumps over the lazy dog, again and again and again";
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    Sha256 hash;
    hash.update(std::string_view(all).substr(0, cut));
    hash.update(std::string_view(all).substr(cut));
    CHECK(hash.finish() == sha256(all));
  }
}

TEST_CASE("a NUL byte counts like any other") {
  CHECK(sha256(std::string_view("a\0b", 3)) != sha256("a"));
  CHECK(sha256(std::string_view("a\0b", 3)) != sha256("ab"));
}

TEST_CASE("finish starts again from nothing") {
  Sha256 hash;
  hash.update("first");
  CHECK(hash.finish() == sha256("first"));
  hash.update("second");
  CHECK(hash.finish() == sha256("second"));
}

TEST_CASE("a snapshot tells the digest so far and the hash goes on") {
  Sha256 hash;
  hash.update("half ");
  CHECK(hash.snapshot() == sha256("half "));
  hash.update("whole");
  CHECK(hash.snapshot() == sha256("half whole"));
  CHECK(hash.finish() == sha256("half whole"));
}

TEST_CASE("a copy and its source go on independently") {
  Sha256 hash;
  hash.update("common ");
  Sha256 copy(hash);
  copy.update("copy");
  hash.update("source");
  CHECK(copy.finish() == sha256("common copy"));
  CHECK(hash.snapshot() == sha256("common source"));
  copy = hash;
  copy.update("!");
  CHECK(copy.finish() == sha256("common source!"));
  CHECK(hash.finish() == sha256("common source"));
}

TEST_CASE("a moved hash carries its state along") {
  Sha256 hash;
  hash.update("moved ");
  Sha256 target(std::move(hash));
  target.update("on");
  CHECK(target.finish() == sha256("moved on"));
}

}  // namespace
}  // namespace reelkeep
