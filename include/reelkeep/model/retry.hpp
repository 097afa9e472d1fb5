#pragma once

#include <cstdint>
#include <optional>

#include "reelkeep/base/error.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep {

struct RetryPolicy {
  Duration minimum{2000};
  Duration maximum{15 * 60 * 1000};
};

/// A failed attempt as the decision needs it.
struct FailedAttempt {
  Errc code;
  std::optional<std::chrono::seconds> retry_after;
  std::int64_t attempts;  ///< counted so far, this one included
  bool credential_works_elsewhere = false;
  Timestamp now;
  Timestamp deadline;
  Timestamp give_up_at;  ///< end of the span after the deadline
  double jitter;         ///< uniform in [0, 1)
};

enum class Verdict { retry, expired, quarantined };

struct NextStep {
  Verdict verdict = Verdict::retry;
  std::optional<Timestamp> at;  ///< with retry
};

/// What is next after a failure: nothing is terminal before the deadline. Pure.
/// Backoff min*2^(n-1) up to max with full jitter (never under the minimum); `Retry-After` is a
/// lower bound, honoured up to 1 h; a retry that would fall past the deadline comes one minute
/// before it, if that is still ahead. From the deadline on every policy.maximum; then `expired` on
/// not_found, and on unauthorized while the credential works elsewhere; from give_up_at on also on
/// every other code, but for corrupt, which is `quarantined`.
NextStep next_step(const FailedAttempt& attempt, const RetryPolicy& policy);
/// Nothing that next_step() gives is further ahead than this.
Duration longest_wait(const RetryPolicy& policy);

}  // namespace reelkeep
