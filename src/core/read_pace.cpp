#include "core/read_pace.hpp"

#include <algorithm>
#include <cmath>

namespace reelkeep::core {

Duration ReadPace::take(ByteCount bytes, MonotonicTime now) noexcept {
  const auto passed = static_cast<double>(std::max(Duration(0), now - m_at).count());
  m_owed_ms = std::max(0.0, m_owed_ms - passed);
  m_at = now;
  if (m_rate == 0) {
    m_owed_ms = 0;
    return Duration(0);
  }
  m_owed_ms += static_cast<double>(bytes.get()) * 1000.0 / static_cast<double>(m_rate);
  return Duration(static_cast<Duration::rep>(std::floor(m_owed_ms)));
}

}  // namespace reelkeep::core
