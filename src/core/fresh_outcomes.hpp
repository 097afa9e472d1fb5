#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/model/record.hpp"

namespace reelkeep::core {

/// Replicas that this process has just journaled, for the one who applies their rows: what was
/// encoded a moment ago need not be decoded (a tenth of the agent's instructions for a short file,
/// callgrind). A row that is not here is decoded: of an earlier run, of another process, applied a
/// second time, one of too many, or applied before it was added. Any thread.
class FreshOutcomes {
 public:
  /// `seq` is the outcome's row, which is durable.
  void add(Seq seq, ReplicaStored outcome);
  /// Rows are asked for in order: those before it are given up.
  std::optional<ReplicaStored> take(Seq seq);

 private:
  static constexpr std::size_t k_most = 1024;
  std::mutex m_mutex;
  std::map<Seq, ReplicaStored> m_outcomes;  // guarded by m_mutex
};

}  // namespace reelkeep::core
