#include "reelkeep/base/digest.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

namespace reelkeep {

std::string Digest::hex() const {
  return text::to_hex(bytes);
}

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  const auto decoded = text::from_hex(hex);
  if (!decoded || decoded->size() != digest.bytes.size())
    return Error{Errc::invalid, "'" + text::printable(hex.substr(0, 80)) +
                                    "' is no SHA-256 value: expected 64 hex digits"};
  std::copy(decoded->begin(), decoded->end(), digest.bytes.begin());
  return digest;
}

}  // namespace reelkeep
