#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace reelkeep {

/// Whether a message ends its owner's rest.
enum class Wakes { yes, no };

/// Messages from many threads to one. Unbounded: the senders are bounded by what they work on.
/// post() and close() from any thread; take*() from the owning thread only.
template <class Message>
class Mailbox {
 public:
  void post(Message message, Wakes wakes = Wakes::yes) {
    {
      std::lock_guard lock(m_mutex);
      m_messages.push_back(std::move(message));
      if (wakes == Wakes::yes) m_is_urgent = true;
      if (m_is_resting && !m_is_urgent) return;
    }
    m_arrived.notify_one();
  }

  /// Lets messages gather until `deadline`, or until one that wakes is there.
  template <class TimePoint>
  void rest_until(TimePoint deadline) {
    std::unique_lock lock(m_mutex);
    m_is_resting = true;
    m_arrived.wait_until(lock, deadline, [this] { return m_closed || m_is_urgent; });
    m_is_resting = false;
  }

  /// Wakes the owner for good: take() then gives what is left, then nothing.
  void close() {
    {
      std::lock_guard lock(m_mutex);
      m_closed = true;
    }
    m_arrived.notify_all();
  }

  /// Waits for a message; nothing means closed and empty.
  std::optional<Message> take() {
    std::unique_lock lock(m_mutex);
    m_arrived.wait(lock, [this] { return m_closed || !m_messages.empty(); });
    if (m_messages.empty()) return std::nullopt;
    std::optional<Message> message(std::move(m_messages.front()));
    m_messages.pop_front();
    if (m_messages.empty()) m_is_urgent = false;
    return message;
  }

  /// All that is there, in order; waits until `deadline` for the first. Empty: time over or closed.
  template <class TimePoint>
  std::vector<Message> take_all_until(TimePoint deadline, std::size_t most = 4096) {
    std::unique_lock lock(m_mutex);
    m_arrived.wait_until(lock, deadline, [this] { return m_closed || !m_messages.empty(); });
    return drain(most);
  }

  /// All that is there, in order; waits for the first. Empty: closed.
  std::vector<Message> take_all(std::size_t most = 4096) {
    std::unique_lock lock(m_mutex);
    m_arrived.wait(lock, [this] { return m_closed || !m_messages.empty(); });
    return drain(most);
  }

  [[nodiscard]] bool closed() const {
    std::lock_guard lock(m_mutex);
    return m_closed;
  }

 private:
  std::vector<Message> drain(std::size_t most) {
    std::vector<Message> taken;
    while (!m_messages.empty() && taken.size() < most) {
      taken.push_back(std::move(m_messages.front()));
      m_messages.pop_front();
    }
    if (m_messages.empty()) m_is_urgent = false;
    return taken;
  }

  mutable std::mutex m_mutex;
  std::condition_variable m_arrived;
  std::deque<Message> m_messages;  // guarded by m_mutex
  bool m_closed = false;           // guarded by m_mutex
  bool m_is_urgent = false;        // guarded by m_mutex: one that wakes may be among them
  bool m_is_resting = false;       // guarded by m_mutex
};

}  // namespace reelkeep
