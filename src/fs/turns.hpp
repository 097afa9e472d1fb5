#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace reelkeep::fs {

/// Names that are in use by one thread at a time. Not a mutex, since the work done meanwhile is
/// I/O: others wait for the name, not for everything. Any thread.
class Turns {
 public:
  class Turn {
   public:
    Turn(Turns& turns, std::string name);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& m_turns;
    const std::string m_name;
  };

 private:
  std::mutex m_mutex;
  std::condition_variable m_ended;
  std::set<std::string> m_busy;  // guarded by m_mutex
};

/// Folders whose own names are known to be on the medium. Forgets everything rather than grow: the
/// price is a sync that was not needed. Any thread.
class SettledFolders {
 public:
  [[nodiscard]] bool has(const std::string& folder) const;
  void add(const std::string& folder);
  void forget(const std::string& folder);

 private:
  mutable std::mutex m_mutex;
  std::set<std::string> m_folders;  // guarded by m_mutex
};

}  // namespace reelkeep::fs
