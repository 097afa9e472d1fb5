#include "curl/stall_watch.hpp"

#include <algorithm>
#include <numeric>

namespace reelkeep::curl {

StallWatch::StallWatch(Duration timeout, MonotonicTime now)
    : m_slice(std::max(timeout / k_slices, Duration(1))),
      m_least(std::max<std::uint64_t>(
          1, k_least_per_second * static_cast<std::uint64_t>(timeout.count()) / 1000)),
      m_last(now) {}

bool StallWatch::turn(MonotonicTime now, Wanting wanting) {
  const Duration passed = std::clamp(now - m_last, Duration(0), m_slice);
  m_last = now;
  if (wanting == Wanting::no) return false;
  m_elapsed += passed;
  if (m_elapsed < m_slice) return false;
  m_elapsed -= m_slice;
  m_window[static_cast<std::size_t>(m_closed) % m_window.size()] = m_bytes;
  m_bytes = 0;
  ++m_closed;
  return m_closed >= m_window.size() &&
         std::accumulate(m_window.begin(), m_window.end(), std::uint64_t{0}) < m_least;
}

}  // namespace reelkeep::curl
