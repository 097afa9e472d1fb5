// The functions that show their state: update_both() goes on from it. They were deprecated in
// favour of the ones that take it from a provider, and do the same work.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256.hpp"

#include <algorithm>
#include <openssl/sha.h>
#include <type_traits>
#include <utility>

#include "crypto/sha256_lanes.hpp"

namespace reelkeep {
namespace {

static_assert(std::is_same_v<SHA_LONG, Sha256State::value_type> && SHA256_CBLOCK == k_sha256_block);

void require(bool held) {
  if (!held) abort_broken_invariant("SHA-256 of the crypto library failed");
}

/// Two lanes give what one alone does. Wrong digests would be found much later, and in the archive:
/// the machine's instructions are tried before they are believed.
bool lanes_agree() {
  std::array<std::byte, 8 * k_sha256_block> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 151 + 7);
  const std::size_t half = bytes.size() / 2;
  const auto alone = [&](std::size_t from) {
    SHA256_CTX context;
    require(SHA256_Init(&context) == 1 && SHA256_Update(&context, &bytes[from], half) == 1);
    return std::to_array(context.h);
  };
  SHA256_CTX start;
  require(SHA256_Init(&start) == 1);
  Sha256State one = std::to_array(start.h);
  Sha256State two = one;
  hash_two_lanes(one, bytes.data(), two, &bytes[half], half / k_sha256_block);
  return one == alone(0) && two == alone(half);
}

}  // namespace

struct Sha256::Context {
  SHA256_CTX state;

  Context() { start(); }
  void start() { require(SHA256_Init(&state) == 1); }
  void update(std::span<const std::byte> bytes) {
    require(SHA256_Update(&state, bytes.data(), bytes.size()) == 1);
  }
  /// Without what a block lacks that is begun; the rest of `bytes` starts with a whole one.
  std::span<const std::byte> fill_block(std::span<const std::byte> bytes) {
    const std::size_t lacking = (k_sha256_block - state.num) % k_sha256_block;
    const std::size_t taken = std::min(bytes.size(), lacking);
    update(bytes.first(taken));
    return bytes.subspan(taken);
  }
  void count(std::uint64_t bytes) {
    const std::uint64_t bits =
        ((std::uint64_t{state.Nh} << 32U) | std::uint64_t{state.Nl}) + bytes * 8;
    state.Nh = static_cast<SHA_LONG>(bits >> 32U);
    state.Nl = static_cast<SHA_LONG>(bits);
  }
  Digest finish() {
    Digest digest;
    require(SHA256_Final(reinterpret_cast<unsigned char*>(digest.bytes.data()), &state) == 1);
    return digest;
  }
};

Sha256::Sha256() : m_context(std::make_unique<Context>()) {}
Sha256::Sha256(const Sha256& other) : m_context(std::make_unique<Context>(*other.m_context)) {}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) *this = Sha256(other);
  return *this;
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  m_context->update(bytes);
}

void Sha256::update(std::string_view bytes) {
  update(std::as_bytes(std::span(bytes)));
}

Digest Sha256::finish() {
  const Digest digest = m_context->finish();
  m_context->start();
  return digest;
}

Digest Sha256::snapshot() const {
  return Context(*m_context).finish();
}

bool Sha256::hashes_two_at_once() {
  static const bool can = has_sha256_lanes() && lanes_agree();
  return can;
}

void Sha256::update_both(Sha256& a, std::span<const std::byte> of_a, Sha256& b,
                         std::span<const std::byte> of_b) {
  if (&a == &b) abort_broken_invariant("a hash was to take two updates at once");
  if (hashes_two_at_once()) {
    Context& one = *a.m_context;
    Context& two = *b.m_context;
    of_a = one.fill_block(of_a);
    of_b = two.fill_block(of_b);
    const std::size_t blocks = std::min(of_a.size(), of_b.size()) / k_sha256_block;
    Sha256State state_a = std::to_array(one.state.h);
    Sha256State state_b = std::to_array(two.state.h);
    hash_two_lanes(state_a, of_a.data(), state_b, of_b.data(), blocks);
    std::ranges::copy(state_a, one.state.h);
    std::ranges::copy(state_b, two.state.h);
    const std::size_t taken = blocks * k_sha256_block;
    one.count(taken);
    two.count(taken);
    of_a = of_a.subspan(taken);
    of_b = of_b.subspan(taken);
  }
  a.update(of_a);
  b.update(of_b);
}

Digest sha256(std::string_view bytes) {
  return sha256(std::as_bytes(std::span(bytes)));
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace reelkeep
