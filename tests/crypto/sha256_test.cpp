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

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string some_bytes(std::size_t count, unsigned seed) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>((i * 31 + seed) % 251);
  return bytes;
}

TEST_CASE("two at once have the digests that each has alone, whatever their lengths") {
  // Around one and two blocks: what is begun, what is whole, what is left.
  for (std::size_t of_a = 0; of_a <= 130; ++of_a)
    for (const std::size_t of_b : {0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 1000}) {
      const std::string a = some_bytes(of_a, 1);
      const std::string b = some_bytes(of_b, 2);
      Sha256 one;
      Sha256 two;
      Sha256::update_both(one, bytes_of(a), two, bytes_of(b));
      CHECK(one.finish() == sha256(a));
      CHECK(two.finish() == sha256(b));
    }
}

TEST_CASE("two at once go on from what each had, and each goes on alone") {
  for (const std::size_t had : {0, 1, 63, 64, 100}) {
    const std::string a = some_bytes(had + 70'000, 3);
    const std::string b = some_bytes(200'001, 4);
    Sha256 one;
    Sha256 two;
    one.update(std::string_view(a).substr(0, had));
    Sha256::update_both(one, bytes_of(std::string_view(a).substr(had, 60'000)), two,
                        bytes_of(std::string_view(b).substr(0, 80'003)));
    CHECK(two.snapshot() == sha256(b.substr(0, 80'003)));
    one.update(std::string_view(a).substr(had + 60'000));
    two.update(std::string_view(b).substr(80'003));
    CHECK(one.finish() == sha256(a));
    CHECK(two.finish() == sha256(b));
  }
}

TEST_CASE("more than 512 MiB are counted when two are hashed at once") {
  // The number of bits needs a second word from here on.
  const std::string megabyte = some_bytes(std::size_t{1} << 20U, 5);
  Sha256 one;
  Sha256 two;
  Sha256 alone;
  for (int i = 0; i < 513; ++i) {
    Sha256::update_both(one, bytes_of(megabyte), two, bytes_of(megabyte));
    alone.update(megabyte);
  }
  CHECK(one.finish() == two.snapshot());
  CHECK(two.finish() == alone.finish());
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
