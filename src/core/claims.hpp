#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/archiver.hpp"

namespace reelkeep::core {

/// What the end of a transfer has to know of its artifact, as it was when it was claimed.
struct Claim {
  JudgeTask judging;  ///< but for what came
  Timestamp deadline;
  /// Where a short body goes at once when its content is good; nothing: the agent decides.
  std::optional<PublishTask> express;
};

/// The claims of what is in hand, by ticket. Any thread.
class Claims {
 public:
  void add(std::uint64_t ticket, Claim claim);
  std::optional<Claim> take(std::uint64_t ticket);

 private:
  std::mutex m_mutex;
  std::map<std::uint64_t, Claim> m_claims;  // guarded by m_mutex
};

}  // namespace reelkeep::core
