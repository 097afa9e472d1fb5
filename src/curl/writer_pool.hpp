#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "curl/intake.hpp"

namespace reelkeep::curl {

/// Threads that write, hash and sync, so that receiving and hashing never take turns. Each Intake's
/// jobs are done in order by one thread at a time; which thread that is changes, so a slow file
/// holds up no other as long as a thread is free. Reading back long prefixes never takes the last
/// free thread from running transfers.
class WriterPool {
 public:
  WriterPool(std::size_t threads, BufferPool& buffers, FetchSink& sink);
  WriterPool(const WriterPool&) = delete;
  WriterPool& operator=(const WriterPool&) = delete;
  ~WriterPool() { stop(); }
  /// Any thread. `intake` must live until its events say finished(); Finish is the last job.
  void post(Intake& intake, Job job);
  /// Waits until all posted work is done and the threads have ended.
  void stop();

 private:
  void run();
  Intake* next_locked(bool& is_prepare);
  /// False: it was finished and may be gone.
  bool work_on(Intake& intake, std::deque<Job> jobs);

  BufferPool& m_buffers;
  FetchSink& m_sink;
  const std::size_t m_most_preparing;

  std::mutex m_mutex;
  std::condition_variable m_posted;
  std::deque<Intake*> m_ready;       // guarded by m_mutex
  std::deque<Intake*> m_to_prepare;  // guarded by m_mutex: Prepare is first
  std::size_t m_preparing = 0;       // guarded by m_mutex
  bool m_stopping = false;           // guarded by m_mutex

  std::vector<std::jthread> m_threads;
};

}  // namespace reelkeep::curl
