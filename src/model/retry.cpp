#include "reelkeep/model/retry.hpp"

#include <algorithm>
#include <cmath>

namespace reelkeep {
namespace {

constexpr std::chrono::seconds k_longest_wish = std::chrono::hours(1);
/// A retry that backoff would put behind the deadline comes this long before it instead.
constexpr Duration k_before_deadline = std::chrono::minutes(1);

/// Nothing that the other side said can make it wait longer, or less, than it may.
Duration wish(const FailedAttempt& attempt) {
  if (!attempt.retry_after || attempt.retry_after->count() <= 0) return Duration(0);
  if (*attempt.retry_after >= k_longest_wish) return k_longest_wish;
  return Duration(*attempt.retry_after);
}

/// Uniform between the minimum and a cap that doubles from it with each attempt.
Duration backoff(std::int64_t attempts, double jitter, const RetryPolicy& policy) {
  Duration cap = policy.minimum;
  for (std::int64_t n = 1; n < attempts && cap < policy.maximum && cap.count() > 0; ++n)
    cap = cap > policy.maximum / 2 ? policy.maximum : cap * 2;
  const auto span = static_cast<double>((cap - policy.minimum).count());
  const double part = std::clamp(jitter, 0.0, 1.0) * span;
  return policy.minimum + Duration(std::llround(std::floor(part)));
}

NextStep before_deadline(const FailedAttempt& attempt, const RetryPolicy& policy) {
  Timestamp at =
      attempt.now + std::max(backoff(attempt.attempts, attempt.jitter, policy), wish(attempt));
  const Timestamp last_chance = attempt.deadline - k_before_deadline;
  if (at > attempt.deadline && last_chance > attempt.now + policy.minimum) at = last_chance;
  return {Verdict::retry, at};
}

NextStep past_deadline(const FailedAttempt& attempt, const RetryPolicy& policy) {
  if (attempt.code == Errc::not_found) return {Verdict::expired, std::nullopt};
  if (attempt.code == Errc::unauthorized && attempt.credential_works_elsewhere)
    return {Verdict::expired, std::nullopt};
  if (attempt.now < attempt.give_up_at)
    return {Verdict::retry, attempt.now + std::max(policy.maximum, wish(attempt))};
  return {attempt.code == Errc::corrupt ? Verdict::quarantined : Verdict::expired, std::nullopt};
}

}  // namespace

NextStep next_step(const FailedAttempt& attempt, const RetryPolicy& policy) {
  return attempt.now < attempt.deadline ? before_deadline(attempt, policy)
                                        : past_deadline(attempt, policy);
}

Duration longest_wait(const RetryPolicy& policy) {
  return std::max(policy.maximum, Duration(k_longest_wish));
}

}  // namespace reelkeep
