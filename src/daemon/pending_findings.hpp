#pragma once

#include <map>
#include <vector>

#include "reelkeep/model/record.hpp"
#include "reelkeep/model/session.hpp"
#include "reelkeep/port/journal.hpp"

namespace reelkeep::daemon {

/// What was found of replicas and lies in the journal behind what the catalog holds: no agent has
/// taken it up yet. Nobody shall be told meanwhile that something is archived which is known to be
/// damaged. A value; one thread.
class PendingFindings {
 public:
  /// Rows behind `applied`; so many findings at most as one long verification without an agent
  /// brings.
  static Result<PendingFindings> read(JournalReader& journal, Seq applied);

  [[nodiscard]] bool empty() const { return m_found.empty(); }
  [[nodiscard]] bool concerns(const SessionKey& session) const { return m_found.contains(session); }
  /// Makes the view what it will be once the agent has taken the findings up, short of what the
  /// agent does about them.
  void overlay(SessionView& view) const;

 private:
  std::map<SessionKey, std::vector<ReplicaFound>> m_found;  ///< in the order of the journal
};

/// The row of `sessions` that a view gives.
SessionSummary summarise(const SessionView& view, Timestamp now, Duration warn_before);

}  // namespace reelkeep::daemon
