#include "core/rate_meter.hpp"

#include <algorithm>
#include <cmath>

namespace reelkeep::core {
namespace {
constexpr Duration k_shortest{1000};  ///< between samples: bytes arrive in gusts
constexpr double k_memory_ms = 60'000;
}  // namespace

void RateMeter::sample(MonotonicTime at, std::uint64_t received, Load load) {
  if (m_at && at - *m_at < k_shortest && load != Load::idle) return;
  if (m_at && load != Load::idle && at > *m_at) {
    const auto ms = static_cast<double>((at - *m_at).count());
    const double rate = static_cast<double>(received - m_received) * 1000.0 / ms;
    // Few transfers tell only that it can be as fast as that.
    if (!m_rate)
      m_rate = rate > 0 ? std::optional(rate) : std::nullopt;
    else if (load == Load::full || rate > *m_rate)
      m_rate = *m_rate + (rate - *m_rate) * (1 - std::exp(-ms / k_memory_ms));
  }
  m_at = at;
  m_received = received;
}

}  // namespace reelkeep::core
