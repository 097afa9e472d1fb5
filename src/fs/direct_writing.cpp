#include "fs/direct_writing.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include "fs/file_io.hpp"

namespace reelkeep::fs {
namespace {

/// Less goes through the cache: a request of its own costs more than the copy.
constexpr std::size_t k_least = std::size_t{64} << 10U;
/// A medium that gives one writer less than 128 MiB/s does not keep up with two loops that wait for
/// it, while the cache has many files on their way there at once: at 75 MiB/s for each of the two
/// 5,000 files took half as long again. A swift one gives several times as much.
constexpr double k_may_ns_per_byte = 1e9 / (128U << 20U);
/// It may have been busy with something else.
constexpr std::chrono::seconds k_rest{10};
/// One write is this part of the mean, and counts as twice too long at most: a moment at which
/// several wait for something else tells nothing. What is longer than a moment does.
constexpr double k_part = 1.0 / 16;
constexpr double k_most = 2;
constexpr std::chrono::milliseconds k_moment{100};
/// After a rest: a few are tried.
constexpr double k_on_trial = 0.75;

}  // namespace

bool WritePace::is_good(Clock::time_point now) const noexcept {
  return now >= m_bad_until.load(std::memory_order_relaxed);
}

void WritePace::took(std::size_t bytes, std::chrono::nanoseconds time,
                     Clock::time_point now) noexcept {
  if (time >= k_moment) return failed(now);
  const double may = static_cast<double>(bytes) * k_may_ns_per_byte;
  const double taken = std::min(static_cast<double>(time.count()) / may, k_most);
  const double before = m_taken.load(std::memory_order_relaxed);
  const double mean = before + (taken - before) * k_part;
  if (mean > 1) return failed(now);
  m_taken.store(mean, std::memory_order_relaxed);
}

void WritePace::failed(Clock::time_point now) noexcept {
  m_taken.store(k_on_trial, std::memory_order_relaxed);
  m_bad_until.store(now + k_rest, std::memory_order_relaxed);
}

Status DirectWriting::write(int fd, std::span<const std::byte> bytes, const std::string& what,
                            std::size_t* written) {
  *written = 0;
  const std::size_t length = bytes.size() - bytes.size() % k_alignment;
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (length < k_least || address % k_alignment != 0) return {};
  const auto began = WritePace::Clock::now();
  if (!m_pace.is_good(began) || !set_direct(fd, true)) return {};
  ssize_t n = 0;
  do n = ::pwrite(fd, bytes.data(), length, 0);
  while (n < 0 && errno == EINTR);
  const int why = errno;
  (void)set_direct(fd, false);
  const auto now = WritePace::Clock::now();
  if (n > 0) {
    *written = static_cast<std::size_t>(n);
    m_pace.took(*written, now - began, now);
    return {};
  }
  if (n < 0 && (why == ENOSPC || why == EDQUOT))
    return Error::from_errno(why, "cannot write " + what);
  // Maybe a filesystem that only said yes to the flag. A medium that fails is met again.
  m_pace.failed(now);
  return {};
}

}  // namespace reelkeep::fs
