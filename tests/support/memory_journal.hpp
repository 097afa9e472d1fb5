#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/port/journal.hpp"

namespace reelkeep::testing {

/// A journal in memory that answers on a thread of its own, as the port asks. It can fail, and it
/// can hold its answers back. Any thread.
class MemoryJournal final : public JournalWriter {
 public:
  MemoryJournal() : m_writer([this] { write(); }) {}
  ~MemoryJournal() override {
    release();
    m_incoming.close();
    m_writer.join();
  }

  void append(NewEntry entry, Done done) override {
    m_incoming.post({std::move(entry), std::move(done)});
  }
  Result<std::vector<Appended>> append_all(std::vector<NewEntry> entries) override {
    std::lock_guard lock(m_mutex);
    if (m_failure) return *m_failure;
    std::vector<Appended> appended;
    for (auto& entry : entries) appended.push_back(store(std::move(entry)));
    return appended;
  }
  Status probe() override {
    std::lock_guard lock(m_mutex);
    if (m_failure) return *m_failure;
    return {};
  }
  Result<std::int64_t> erase_bodies(Timestamp) override { return std::int64_t{0}; }
  Status checkpoint() override { return {}; }
  [[nodiscard]] Duration longest_turn() const override { return Duration(0); }

  /// From now on every append fails with this; nothing: they succeed again.
  void fail_with(std::optional<Error> failure) {
    std::lock_guard lock(m_mutex);
    m_failure = std::move(failure);
  }
  /// Appends are taken but not carried out until release().
  void hold() {
    std::lock_guard lock(m_mutex);
    m_held = true;
  }
  void release() {
    {
      std::lock_guard lock(m_mutex);
      m_held = false;
    }
    m_changed.notify_all();
  }
  /// Waits until an append has arrived that is held back.
  void wait_for_held() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_waiting; });
  }
  [[nodiscard]] std::vector<NewEntry> entries() const {
    std::lock_guard lock(m_mutex);
    return m_entries;
  }

 private:
  struct Append {
    NewEntry entry;
    Done done;
  };

  void write() {
    while (auto append = m_incoming.take()) {
      std::unique_lock lock(m_mutex);
      m_waiting = m_held;
      m_changed.notify_all();
      m_changed.wait(lock, [this] { return !m_held; });
      m_waiting = false;
      Result<Appended> result = m_failure ? Result<Appended>(*m_failure)
                                          : Result<Appended>(store(std::move(append->entry)));
      lock.unlock();
      append->done(std::move(result));
    }
  }

  /// Under the lock.
  Appended store(NewEntry entry) {
    const auto next = static_cast<std::int64_t>(m_entries.size()) + 1;
    if (entry.kind == EntryKind::delivery) {
      const auto [known, is_new] = m_by_body.emplace(entry.body, next);
      if (!is_new) return {.seq = Seq(known->second), .duplicate = true};
    }
    m_entries.push_back(std::move(entry));
    return {.seq = Seq(next)};
  }

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::vector<NewEntry> m_entries;                // guarded by m_mutex
  std::map<std::string, std::int64_t> m_by_body;  // guarded by m_mutex
  std::optional<Error> m_failure;                 // guarded by m_mutex
  bool m_held = false;                            // guarded by m_mutex
  bool m_waiting = false;                         // guarded by m_mutex
  Mailbox<Append> m_incoming;
  std::thread m_writer;
};

}  // namespace reelkeep::testing
