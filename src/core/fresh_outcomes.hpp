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
  /// Of `row`, which is durable. What names no replica is not kept.
  void add(Seq row, Outcome outcome);
  /// Rows are asked for in order: those before it are given up.
  std::optional<Outcome> take(Seq row);

 private:
  struct Row {
    Outcome outcome;
    std::size_t replicas = 0;
  };
  using Rows = std::map<Seq, Row>;

  Rows::iterator drop(Rows::iterator row);

  static constexpr std::size_t k_most = 1024;
  std::mutex m_mutex;
  Rows m_rows;                 // guarded by m_mutex
  std::size_t m_replicas = 0;  // in all rows; guarded by m_mutex
};

}  // namespace reelkeep::core
