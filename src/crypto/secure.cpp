#include "crypto/secure.hpp"

#include <climits>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "crypto/sha256.hpp"

namespace reelkeep {
namespace {

void fill_random(unsigned char* bytes, std::size_t size) {
  while (size > 0) {
    const int part = size > INT_MAX ? INT_MAX : static_cast<int>(size);
    if (RAND_bytes(bytes, part) != 1) abort_broken_invariant("no randomness to be had");
    bytes += part;
    size -= static_cast<std::size_t>(part);
  }
}

}  // namespace

bool constant_time_equal(std::string_view a, std::string_view b) {
  // Digests are of one length, whatever is compared, and are compared to the end.
  const Digest of_a = sha256(a);
  const Digest of_b = sha256(b);
  return CRYPTO_memcmp(of_a.bytes.data(), of_b.bytes.data(), of_a.bytes.size()) == 0;
}

Digest hmac_sha256(std::string_view key, std::string_view message) {
  if (key.size() > INT_MAX) abort_broken_invariant("an HMAC key of more than 2 GiB");
  Digest digest;
  unsigned int written = 0;
  const unsigned char* result =
      HMAC(EVP_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
           reinterpret_cast<unsigned char*>(digest.bytes.data()), &written);
  if (result == nullptr || written != digest.bytes.size())
    abort_broken_invariant("HMAC-SHA-256 of the crypto library failed");
  return digest;
}

std::string random_hex(std::size_t length) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text(length, '\0');
  fill_random(reinterpret_cast<unsigned char*>(text.data()), text.size());
  for (char& c : text) c = k_digits[static_cast<unsigned char>(c) & 0x0FU];
  return text;
}

std::string random_uuid() {
  std::string text = random_hex(36);
  text[14] = '4';
  // The variant: two high bits 10, so one of 8 9 a b.
  constexpr std::string_view k_variant = "89ab89ab89ab89ab";
  const char c = text[19];
  const std::size_t value = static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  text[19] = k_variant[value];
  for (const std::size_t position : {8U, 13U, 18U, 23U}) text[position] = '-';
  return text;
}

}  // namespace reelkeep
