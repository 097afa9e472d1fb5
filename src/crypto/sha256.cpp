#include "crypto/sha256.hpp"

#include <openssl/evp.h>
#include <utility>

namespace reelkeep {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

struct FreeAlgorithm {
  void operator()(EVP_MD* algorithm) const noexcept { EVP_MD_free(algorithm); }
};

void require(bool held) {
  if (!held) abort_broken_invariant("SHA-256 of the crypto library failed");
}

/// Looked up once: EVP_sha256() alone makes every start look for its implementation again.
const EVP_MD* algorithm() {
  static const std::unique_ptr<EVP_MD, FreeAlgorithm> fetched(
      EVP_MD_fetch(nullptr, "SHA256", nullptr));
  require(fetched != nullptr);
  return fetched.get();
}

}  // namespace

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, FreeContext> evp{EVP_MD_CTX_new()};

  Context() { require(evp != nullptr); }
  void start() { require(EVP_DigestInit_ex(evp.get(), algorithm(), nullptr) == 1); }
  void copy(const Context& other) { require(EVP_MD_CTX_copy_ex(evp.get(), other.evp.get()) == 1); }
  Digest finish() {
    Digest digest;
    unsigned int written = 0;
    require(EVP_DigestFinal_ex(evp.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()),
                               &written) == 1 &&
            written == digest.bytes.size());
    return digest;
  }
};

Sha256::Sha256() : m_context(std::make_unique<Context>()) {
  m_context->start();
}

Sha256::Sha256(const Sha256& other) : m_context(std::make_unique<Context>()) {
  m_context->copy(*other.m_context);
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) *this = Sha256(other);
  return *this;
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(m_context->evp.get(), bytes.data(), bytes.size()) == 1);
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
  return Sha256(*this).m_context->finish();
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
