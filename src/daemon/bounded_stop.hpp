#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep::daemon {

/// Ends the process when stopping takes too long: a store may be in the middle of gigabytes. Every
/// step is safe to be cut off; what is not finished is done again at the next start.
class BoundedStop {
 public:
  /// With the servers' two seconds: under ten.
  static constexpr Duration k_longest_stop{7000};

  /// `status`: what the process ends with, also when it is cut off.
  explicit BoundedStop(int status) {
    m_thread = std::thread([this, status] {
      std::unique_lock lock(m_mutex);
      if (m_stopped.wait_for(lock, k_longest_stop, [this] { return m_done; })) return;
      log::warn("a store is still at work; what it does is done again at the next start");
      _exit(status);
    });
  }
  ~BoundedStop() {
    {
      std::lock_guard lock(m_mutex);
      m_done = true;
    }
    m_stopped.notify_one();
    m_thread.join();
  }

 private:
  std::mutex m_mutex;
  std::condition_variable m_stopped;
  bool m_done = false;  ///< guarded by m_mutex
  std::thread m_thread;
};

}  // namespace reelkeep::daemon
