#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "reelkeep/base/time.hpp"

namespace reelkeep::core {

/// How far a store is with what was posted to it, and how long a short file would wait there: at
/// the pace of the last ones. Nobody knows that while the store has work that may take hours (a
/// large file, a copy from another store). Any thread; begins() and ends() on the store's own.
class StorePace {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  enum class Work { brief, lengthy };

  void posted(Work work) { ++(work == Work::brief ? m_brief : m_lengthy); }
  void begins(Moment now) { m_began = now.time_since_epoch(); }
  /// So much of what was posted is done, in one go.
  void ends(std::size_t brief, std::size_t lengthy, Moment now) {
    using Nanoseconds = std::chrono::nanoseconds;
    const auto took = Nanoseconds(now.time_since_epoch() - m_began.load());
    // A mean over a few rounds: one slow sync is no slow store.
    if (brief > 0 && lengthy == 0)
      m_for_each = (m_for_each.load() * 3 + took / static_cast<std::int64_t>(brief)) / 4;
    m_brief -= brief;
    m_lengthy -= lengthy;
    m_began = k_idle;
  }

  /// For what is posted now; nothing: nobody knows.
  [[nodiscard]] std::optional<Duration> wait(Moment now) const {
    if (m_lengthy > 0) return std::nullopt;
    const auto began = m_began.load();
    const auto at_it = began == k_idle ? std::chrono::nanoseconds(0)
                                       : std::chrono::nanoseconds(now.time_since_epoch() - began);
    const auto queue = m_for_each.load() * static_cast<std::int64_t>(m_brief.load());
    return std::chrono::duration_cast<Duration>(std::max(at_it, queue));
  }

 private:
  static constexpr Moment::duration k_idle = Moment::duration::min();
  std::atomic<std::size_t> m_brief = 0;
  std::atomic<std::size_t> m_lengthy = 0;
  std::atomic<Moment::duration> m_began = k_idle;  ///< what is in hand
  /// Until it was seen at work it is taken for a slow one.
  std::atomic<std::chrono::nanoseconds> m_for_each{std::chrono::milliseconds(15)};
};

}  // namespace reelkeep::core
