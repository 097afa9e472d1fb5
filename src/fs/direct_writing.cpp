#include "fs/direct_writing.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include "fs/file_io.hpp"

namespace reelkeep::fs {
namespace {

/// Less goes through the cache: a request of its own costs more than the copy.
constexpr std::size_t k_least = std::size_t{64} << 10U;
/// A medium that gives one writer less does not keep up with two loops that wait for it, while the
/// cache has many files on their way there at once: at 75 MiB/s for each of the two 5,000 files
/// took half as long again. A swift one gives several times as much.
constexpr std::int64_t k_swift_bytes_per_ms = (std::int64_t{128} << 20U) / 1000;
/// It may have been busy with something else.
constexpr std::chrono::seconds k_rest{10};
/// One write is this part of the mean, and counts as twice too long at most: a moment at which
/// several wait for something else tells nothing.
constexpr std::int64_t k_part = 16;
/// After a rest: some are tried.
constexpr std::int64_t k_on_trial = -1'000'000;

}  // namespace

bool WritePace::is_good(Clock::time_point now) const noexcept {
  return now >= m_bad_until.load(std::memory_order_relaxed);
}

void WritePace::took(std::size_t bytes, std::chrono::nanoseconds time,
                     Clock::time_point now) noexcept {
  const std::int64_t may = static_cast<std::int64_t>(bytes) * 1'000'000 / k_swift_bytes_per_ms;
  const std::int64_t late = std::min<std::int64_t>(time.count() - may, may);
  std::int64_t mean = m_late.load(std::memory_order_relaxed);
  mean += (late - mean) / k_part;
  if (mean > 0) {
    mean = k_on_trial;
    m_bad_until.store(now + k_rest, std::memory_order_relaxed);
  }
  m_late.store(mean, std::memory_order_relaxed);
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
  if (n < 0) {
    if (why == EINVAL) return {};  // a filesystem that only said yes to the flag
    return Error::from_errno(why, "cannot write " + what);
  }
  *written = static_cast<std::size_t>(n);
  const auto now = WritePace::Clock::now();
  m_pace.took(*written, now - began, now);
  return {};
}

}  // namespace reelkeep::fs
