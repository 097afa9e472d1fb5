#include "curl/host_key.hpp"

#include "reelkeep/base/text.hpp"

#include "crypto/sha256.hpp"

namespace reelkeep::curl {
namespace {

constexpr std::string_view k_prefix = "SHA256:";

}  // namespace

std::string fingerprint_of(std::string_view key) {
  const Digest digest = sha256(key);
  std::string encoded = text::to_base64(
      std::string_view(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()));
  while (encoded.ends_with('=')) encoded.pop_back();
  return std::string(k_prefix) + encoded;
}

Result<std::string> host_key_fingerprint(std::string_view text) {
  const Error refused{Errc::invalid,
                      "expected a host key such as \"SHA256:...\" (ssh-keygen -lf) or a line of "
                      "known_hosts (ssh-keyscan)"};
  text = text::trim(text);
  if (text.starts_with(k_prefix)) {
    std::string encoded(text.substr(k_prefix.size()));
    while (encoded.ends_with('=')) encoded.pop_back();
    const auto bytes = text::from_base64(encoded + "=");
    if (!bytes || bytes->size() != Digest{}.bytes.size()) return refused;
    return std::string(k_prefix) + encoded;
  }
  const auto is_type = [](std::string_view word) {
    return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
  };
  std::string_view type;
  for (const std::string_view word : text::split(text, ' ')) {
    if (word.empty()) continue;
    if (type.empty()) {
      if (is_type(word)) type = word;
      continue;
    }
    const auto key = text::from_base64(std::string(word));
    // The blob begins with the length and the name of its type.
    if (!key || key->size() < 4 + type.size() || key->substr(4, type.size()) != type)
      return refused;
    return fingerprint_of(*key);
  }
  return refused;
}

}  // namespace reelkeep::curl
