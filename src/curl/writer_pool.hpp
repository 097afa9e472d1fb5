#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "curl/intake.hpp"

namespace reelkeep::curl {

/// Threads that write, hash and sync, so that receiving, writing and hashing never take turns: each
/// buffer of an Intake is written in one lane and then hashed in another. The jobs of a lane are
/// done in order by one thread at a time; which thread that is changes, so a slow file holds up no
/// other as long as a thread is free. Where two files wait to be hashed one thread takes the
/// hashes of both, since two take little longer than one (Sha256::update_both). What needs file and
/// digest in one hand (bytes ahead of others, starting over, the end) is done in the hashing lane,
/// and all that comes after it too. Reading back long prefixes never takes the last free thread
/// from running transfers.
class WriterPool {
 public:
  WriterPool(std::size_t threads, BufferPool& buffers);
  WriterPool(const WriterPool&) = delete;
  WriterPool& operator=(const WriterPool&) = delete;
  ~WriterPool() { stop(); }
  /// Any thread. `intake` must live until its events say finished(); Finish is the last job.
  void post(Intake& intake, Job job);
  /// Waits until all posted work is done and the threads have ended.
  void stop();

 private:
  using Lane = Intake::Lane;

  void run();
  void post(Lane& lane, Job job);
  [[nodiscard]] bool is_idle(const Lane& lane);
  Lane* next_locked(bool& is_prepare);
  static std::size_t hashes_next(const Lane& lane);
  Lane* companion_locked(const Lane& lane);
  static std::deque<Job> take_locked(Lane& lane, std::size_t most);
  void give_back_locked(Lane& lane);
  void hash_both(std::unique_lock<std::mutex>& lock, Lane& one, Lane& two);
  /// Each false: the Intake was finished, or is about to be, and may be gone.
  bool work_on(Lane& lane, std::deque<Job> jobs);
  bool write(Intake& intake, Job job);
  bool work_alone(Intake& intake, Job job);
  void release(Intake& intake, Buffer buffer);

  BufferPool& m_buffers;
  const std::size_t m_most_preparing;

  std::mutex m_mutex;
  std::condition_variable m_posted;
  std::deque<Lane*> m_ready;       // guarded by m_mutex
  std::deque<Lane*> m_to_prepare;  // guarded by m_mutex: Prepare is first
  std::size_t m_preparing = 0;     // guarded by m_mutex
  bool m_stopping = false;         // guarded by m_mutex

  std::vector<std::jthread> m_threads;
};

}  // namespace reelkeep::curl
