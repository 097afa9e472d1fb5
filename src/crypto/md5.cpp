#include "crypto/md5.hpp"

#include <array>
#include <openssl/evp.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep {

struct Md5::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> evp{EVP_MD_CTX_new()};
  bool usable = false;
};

Md5::Md5() : m_context(std::make_unique<Context>()) {
  m_context->usable =
      m_context->evp != nullptr && EVP_DigestInit_ex(m_context->evp.get(), EVP_md5(), nullptr) == 1;
}

Md5::~Md5() = default;

void Md5::update(std::span<const std::byte> bytes) {
  m_context->usable =
      m_context->usable && EVP_DigestUpdate(m_context->evp.get(), bytes.data(), bytes.size()) == 1;
}

std::string Md5::finish() {
  std::array<std::byte, 16> digest{};
  if (!m_context->usable ||
      EVP_DigestFinal_ex(m_context->evp.get(), reinterpret_cast<unsigned char*>(digest.data()),
                         nullptr) != 1)
    return "";
  return text::to_hex(digest);
}

}  // namespace reelkeep
