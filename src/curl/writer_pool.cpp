#include "curl/writer_pool.hpp"

#include <algorithm>
#include <utility>

#include "reelkeep/base/thread_name.hpp"

#include "crypto/sha256.hpp"
#include "curl/handle.hpp"

namespace reelkeep::curl {
namespace {

/// Jobs of one transfer before the next has its turn.
constexpr std::size_t k_turn = 4;

}  // namespace

WriterPool::WriterPool(std::size_t threads, BufferPool& buffers)
    : m_buffers(buffers), m_most_preparing(std::max<std::size_t>(1, threads - 1)) {
  const SignalsBlocked signals;
  for (std::size_t i = 0; i < threads; ++i)
    m_threads.emplace_back([this] {
      name_this_thread("writer");
      run();
    });
}

void WriterPool::post(Intake& intake, Job job) {
  post(intake.writing, std::move(job));
}

void WriterPool::post(Lane& lane, Job job) {
  {
    std::lock_guard lock(m_mutex);
    const bool is_prepare = std::holds_alternative<Prepare>(job);
    const auto* const begin = std::get_if<Begin>(&job);
    // The body follows, or the end: not worth waking anybody yet.
    const bool can_wait = begin != nullptr && begin->is_short;
    lane.jobs.push_back(std::move(job));
    if (lane.is_scheduled || can_wait) return;
    lane.is_scheduled = true;
    (is_prepare ? m_to_prepare : m_ready).push_back(&lane);
  }
  m_posted.notify_one();
}

bool WriterPool::is_idle(const Lane& lane) {
  std::lock_guard lock(m_mutex);
  return !lane.is_scheduled;
}

void WriterPool::stop() {
  {
    std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_posted.notify_all();
  m_threads.clear();
}

Intake::Lane* WriterPool::next_locked(bool& is_prepare) {
  is_prepare = !m_to_prepare.empty() && m_preparing < m_most_preparing;
  if (!is_prepare && m_ready.empty()) return nullptr;
  std::deque<Lane*>& from = is_prepare ? m_to_prepare : m_ready;
  Lane* const lane = from.front();
  from.pop_front();
  return lane;
}

/// How many jobs are hashes, before any other.
std::size_t WriterPool::hashes_next(const Lane& lane) {
  const auto is_hash = [](const Job& job) { return std::holds_alternative<Hash>(job); };
  return static_cast<std::size_t>(std::ranges::find_if_not(lane.jobs, is_hash) - lane.jobs.begin());
}

/// Another lane that is to hash next, if this one is.
Intake::Lane* WriterPool::companion_locked(const Lane& lane) {
  if (!Sha256::hashes_two_at_once() || hashes_next(lane) == 0) return nullptr;
  const auto found =
      std::ranges::find_if(m_ready, [](const Lane* one) { return hashes_next(*one) > 0; });
  if (found == m_ready.end()) return nullptr;
  Lane* const companion = *found;
  m_ready.erase(found);
  return companion;
}

std::deque<Job> WriterPool::take_locked(Lane& lane, std::size_t most) {
  std::deque<Job> jobs;
  while (!lane.jobs.empty() && jobs.size() < most) {
    jobs.push_back(std::move(lane.jobs.front()));
    lane.jobs.pop_front();
  }
  return jobs;
}

void WriterPool::give_back_locked(Lane& lane) {
  if (lane.jobs.empty())
    lane.is_scheduled = false;
  else
    m_ready.push_back(&lane);
}

void WriterPool::run() {
  std::unique_lock lock(m_mutex);
  while (true) {
    bool is_prepare = false;
    Lane* const lane = next_locked(is_prepare);
    if (lane == nullptr) {
      if (m_stopping && m_to_prepare.empty()) return;
      m_posted.wait(lock);
      continue;
    }
    if (Lane* const companion = companion_locked(*lane)) {
      hash_both(lock, *lane, *companion);
      continue;
    }
    std::deque<Job> jobs = take_locked(*lane, is_prepare ? 1 : k_turn);
    if (is_prepare) ++m_preparing;
    lock.unlock();
    const bool is_alive = work_on(*lane, std::move(jobs));
    lock.lock();
    if (is_prepare) {
      --m_preparing;
      m_posted.notify_one();
    }
    if (is_alive) give_back_locked(*lane);
  }
}

/// What both lanes have to be hashed next, and nothing else: nobody waits for the other's sync.
void WriterPool::hash_both(std::unique_lock<std::mutex>& lock, Lane& one, Lane& two) {
  const std::size_t count = std::min({hashes_next(one), hashes_next(two), k_turn});
  std::deque<Job> of_one = take_locked(one, count);
  std::deque<Job> of_two = take_locked(two, count);
  lock.unlock();
  for (std::size_t i = 0; i < count; ++i) {
    Buffer& first = std::get<Hash>(of_one[i]).buffer;
    Buffer& second = std::get<Hash>(of_two[i]).buffer;
    Intake::hash_both(*one.intake, first.content(), *two.intake, second.content());
    release(*one.intake, std::move(first));
    release(*two.intake, std::move(second));
  }
  lock.lock();
  give_back_locked(one);
  give_back_locked(two);
  m_posted.notify_one();  // this thread takes one of them at most
}

bool WriterPool::work_on(Lane& lane, std::deque<Job> jobs) {
  Intake& intake = *lane.intake;
  const bool is_writing = &lane == &intake.writing;
  for (Job& job : jobs)
    if (!(is_writing ? write(intake, std::move(job)) : work_alone(intake, std::move(job))))
      return false;
  return true;
}

bool WriterPool::write(Intake& intake, Job job) {
  auto* const append = std::get_if<Append>(&job);
  const bool is_finish = std::holds_alternative<Finish>(job);
  if (const auto* const begin = std::get_if<Begin>(&job))
    intake.is_alone = begin->is_short && !intake.is_in_series && is_idle(intake.hashing);
  if (intake.is_alone) return work_alone(intake, std::move(job));
  // What is not to be seen beside hashing waits for it by going the same way.
  if (append == nullptr && !is_idle(intake.hashing)) intake.is_in_series = true;
  if (intake.is_in_series) {
    post(intake.hashing, std::move(job));
    return !is_finish;
  }
  if (append == nullptr) {
    intake.is_in_series = std::holds_alternative<Spread>(job);
    return work_alone(intake, std::move(job));
  }
  if (intake.has_failed()) {
    release(intake, std::move(append->buffer));
    return true;
  }
  intake.write(append->at, append->buffer.content());
  if (intake.has_failed()) {
    release(intake, std::move(append->buffer));
    intake.events().write_failed(intake.ticket());
    return true;
  }
  post(intake.hashing, Hash{std::move(append->buffer)});
  intake.checkpoint_if_due(steady_now());
  if (intake.has_failed()) intake.events().write_failed(intake.ticket());
  return true;
}

bool WriterPool::work_alone(Intake& intake, Job job) {
  if (auto* hash = std::get_if<Hash>(&job)) {
    intake.hash(hash->buffer.content());
    release(intake, std::move(hash->buffer));
    return true;
  }
  const std::uint64_t ticket = intake.ticket();
  IntakeEvents& events = intake.events();
  if (auto* finish = std::get_if<Finish>(&job)) {
    intake.complete(std::move(finish->ending));
    events.finished(ticket);
    return false;
  }
  if (std::holds_alternative<Prepare>(job)) {
    events.prepared(ticket, intake.prepare());
    return true;
  }
  const bool had_failed = intake.has_failed();
  if (auto* begin = std::get_if<Begin>(&job)) intake.begin(std::move(*begin));
  if (std::holds_alternative<Spread>(job)) events.spread(ticket, intake.spread());
  if (auto* append = std::get_if<Append>(&job)) {
    intake.append(append->at, append->buffer.content());
    release(intake, std::move(append->buffer));
    intake.checkpoint_if_due(steady_now());
  }
  if (!had_failed && intake.has_failed()) events.write_failed(ticket);
  return true;
}

void WriterPool::release(Intake& intake, Buffer buffer) {
  intake.queued.fetch_sub(1);
  m_buffers.give_back(std::move(buffer));
}

}  // namespace reelkeep::curl
