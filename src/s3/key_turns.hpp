#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace reelkeep::s3 {

/// One at a time for each name, so that looking whether a key is free and writing it are one step
/// in this process. Any thread.
class KeyTurns {
 public:
  class Turn {
   public:
    Turn(KeyTurns& turns, std::string name) : m_turns(turns), m_name(std::move(name)) {
      std::unique_lock lock(m_turns.m_mutex);
      m_turns.m_over.wait(lock, [this] { return m_turns.m_taken.insert(m_name).second; });
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      {
        const std::lock_guard lock(m_turns.m_mutex);
        m_turns.m_taken.erase(m_name);
      }
      m_turns.m_over.notify_all();
    }

   private:
    KeyTurns& m_turns;
    const std::string m_name;
  };

 private:
  std::mutex m_mutex;
  std::condition_variable m_over;
  std::set<std::string> m_taken;  // guarded by m_mutex
};

}  // namespace reelkeep::s3
