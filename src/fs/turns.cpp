#include "fs/turns.hpp"

#include <utility>

namespace reelkeep::fs {

Turns::Turn::Turn(Turns& turns, std::string name) : m_turns(turns), m_name(std::move(name)) {
  std::unique_lock lock(m_turns.m_mutex);
  m_turns.m_ended.wait(lock, [this] { return !m_turns.m_busy.contains(m_name); });
  m_turns.m_busy.insert(m_name);
}

Turns::Turn::~Turn() {
  {
    const std::lock_guard lock(m_turns.m_mutex);
    m_turns.m_busy.erase(m_name);
  }
  m_turns.m_ended.notify_all();
}

bool SettledFolders::has(const std::string& folder) const {
  const std::lock_guard lock(m_mutex);
  return m_folders.contains(folder);
}

void SettledFolders::add(const std::string& folder) {
  constexpr std::size_t k_most = 4096;
  const std::lock_guard lock(m_mutex);
  if (m_folders.size() >= k_most) m_folders.clear();
  m_folders.insert(folder);
}

void SettledFolders::forget(const std::string& folder) {
  const std::lock_guard lock(m_mutex);
  m_folders.erase(folder);
}

}  // namespace reelkeep::fs
