#include "curl/range_plan.hpp"

#include <algorithm>

namespace reelkeep::curl {

std::optional<Range> RangePlan::take(ByteCount most, ByteCount limit) {
  if (m_open.empty() || m_open.front().first >= limit) return std::nullopt;
  Range& front = m_open.front();
  const Range taken{front.first, std::min({front.end, front.first + most, limit})};
  front.first = taken.end;
  if (front.first == front.end) m_open.erase(m_open.begin());
  return taken;
}

void RangePlan::give_back(Range range) {
  if (range.first >= range.end) return;
  auto next = std::ranges::lower_bound(m_open, range.first, {}, &Range::first);
  if (next != m_open.end() && next->first == range.end) {
    range.end = next->end;
    next = m_open.erase(next);
  }
  if (next != m_open.begin() && std::prev(next)->end == range.first)
    std::prev(next)->end = range.end;
  else
    m_open.insert(next, range);
}

ByteCount RangePlan::open() const {
  ByteCount open;
  for (const Range& range : m_open) open += range.length();
  return open;
}

std::optional<ByteCount> RangePlan::first() const {
  if (m_open.empty()) return std::nullopt;
  return m_open.front().first;
}

}  // namespace reelkeep::curl
