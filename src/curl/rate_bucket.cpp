#include "curl/rate_bucket.hpp"

#include <algorithm>

namespace reelkeep::curl {
namespace {

constexpr std::int64_t k_unit = 1000;       // of m_balance in a byte: rate * milliseconds
constexpr std::int64_t k_fullest_ms = 100;  // a burst after a pause
constexpr std::int64_t k_worthwhile_ms = 50;
/// Beyond any network, and small enough that nothing below overflows.
constexpr std::uint64_t k_fastest = 1ULL << 40U;

}  // namespace

RateBucket::RateBucket(std::uint64_t bytes_per_second, MonotonicTime now)
    : m_rate(std::min(bytes_per_second, k_fastest)), m_balance(0), m_last(now) {}

void RateBucket::set_rate(std::uint64_t bytes_per_second, MonotonicTime now) {
  std::lock_guard lock(m_mutex);
  refill(now);
  m_rate = std::min(bytes_per_second, k_fastest);
  m_balance = std::min<std::int64_t>(m_balance, 0);
}

void RateBucket::refill(MonotonicTime now) {
  const auto rate = static_cast<std::int64_t>(m_rate);
  const std::int64_t passed = std::clamp<std::int64_t>((now - m_last).count(), 0, 3'600'000);
  m_last = now;
  m_balance = std::min(m_balance + rate * passed, rate * k_fullest_ms);
}

bool RateBucket::take(std::uint64_t bytes, MonotonicTime now) {
  std::lock_guard lock(m_mutex);
  if (m_rate == 0) return true;
  refill(now);
  if (m_balance < 0) return false;
  m_balance -= static_cast<std::int64_t>(bytes) * k_unit;
  return true;
}

Duration RateBucket::wait(MonotonicTime now) {
  std::lock_guard lock(m_mutex);
  if (m_rate == 0) return Duration(0);
  refill(now);
  const auto rate = static_cast<std::int64_t>(m_rate);
  const std::int64_t lacking = rate * k_worthwhile_ms - m_balance;
  return lacking <= 0 ? Duration(0) : Duration((lacking + rate - 1) / rate);
}

}  // namespace reelkeep::curl
