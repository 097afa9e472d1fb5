#include "reelkeep/base/secret.hpp"

#include <cstring>

namespace reelkeep {

Secret::~Secret() {
  // All that the string has, not only what it uses: a moved-from short string keeps its characters.
  // Growing to the capacity does not allocate.
  m_value.resize(m_value.capacity());
  explicit_bzero(m_value.data(), m_value.size());
}

}  // namespace reelkeep
