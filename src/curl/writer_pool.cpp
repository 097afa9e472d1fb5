#include "curl/writer_pool.hpp"

#include <algorithm>
#include <utility>

#include "curl/handle.hpp"

namespace reelkeep::curl {
namespace {

/// Jobs of one transfer before the next has its turn.
constexpr std::size_t k_turn = 4;

MonotonicTime steady_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

}  // namespace

WriterPool::WriterPool(std::size_t threads, BufferPool& buffers, FetchSink& sink)
    : m_buffers(buffers), m_sink(sink), m_most_preparing(std::max<std::size_t>(1, threads - 1)) {
  const SignalsBlocked signals;
  for (std::size_t i = 0; i < threads; ++i) m_threads.emplace_back([this] { run(); });
}

void WriterPool::post(Intake& intake, Job job) {
  {
    std::lock_guard lock(m_mutex);
    const bool is_prepare = std::holds_alternative<Prepare>(job);
    intake.queue.jobs.push_back(std::move(job));
    if (intake.queue.is_scheduled) return;
    intake.queue.is_scheduled = true;
    (is_prepare ? m_to_prepare : m_ready).push_back(&intake);
  }
  m_posted.notify_one();
}

void WriterPool::stop() {
  {
    std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_posted.notify_all();
  m_threads.clear();
}

Intake* WriterPool::next_locked(bool& is_prepare) {
  is_prepare = !m_to_prepare.empty() && m_preparing < m_most_preparing;
  if (!is_prepare && m_ready.empty()) return nullptr;
  std::deque<Intake*>& from = is_prepare ? m_to_prepare : m_ready;
  Intake* const intake = from.front();
  from.pop_front();
  return intake;
}

void WriterPool::run() {
  std::unique_lock lock(m_mutex);
  while (true) {
    bool is_prepare = false;
    Intake* const intake = next_locked(is_prepare);
    if (intake == nullptr) {
      if (m_stopping && m_to_prepare.empty()) return;
      m_posted.wait(lock);
      continue;
    }
    std::deque<Job> jobs;
    const std::size_t most = is_prepare ? 1 : k_turn;
    while (!intake->queue.jobs.empty() && jobs.size() < most) {
      jobs.push_back(std::move(intake->queue.jobs.front()));
      intake->queue.jobs.pop_front();
    }
    if (is_prepare) ++m_preparing;
    lock.unlock();
    const bool is_alive = work_on(*intake, std::move(jobs));
    lock.lock();
    if (is_prepare) {
      --m_preparing;
      m_posted.notify_one();
    }
    if (!is_alive) continue;
    if (intake->queue.jobs.empty())
      intake->queue.is_scheduled = false;
    else
      m_ready.push_back(intake);
  }
}

bool WriterPool::work_on(Intake& intake, std::deque<Job> jobs) {
  const std::uint64_t ticket = intake.ticket();
  IntakeEvents& events = intake.events();
  const bool had_failed = intake.has_failed();
  for (Job& job : jobs) {
    if (std::holds_alternative<Prepare>(job)) {
      events.prepared(ticket, intake.prepare());
      return true;
    }
    if (auto* begin = std::get_if<Begin>(&job)) intake.begin(std::move(*begin));
    if (std::holds_alternative<Spread>(job)) events.spread(ticket, intake.spread());
    if (auto* append = std::get_if<Append>(&job)) {
      intake.append(append->at, append->buffer.content());
      intake.queued.fetch_sub(1);
      m_buffers.give_back(std::move(append->buffer));
      intake.checkpoint_if_due(steady_now());
    }
    if (auto* finish = std::get_if<Finish>(&job)) {
      m_sink.fetched(intake.finish(std::move(finish->ending)));
      events.finished(ticket);
      return false;
    }
  }
  if (!had_failed && intake.has_failed()) events.write_failed(ticket);
  return true;
}

}  // namespace reelkeep::curl
