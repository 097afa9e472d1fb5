#pragma once

#include <cstddef>
#include <unordered_map>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep::sqlite {

/// Artifacts as they lie in the table, for the only connection that writes it: what does not change
/// need not be written, and above all not be taken out of its indexes and put back. Bounded.
class KnownArtifacts {
 public:
  /// Nothing: not known; valid until the next call.
  [[nodiscard]] const Artifact* find(ArtifactRow row) const {
    const auto found = m_rows.find(row.get());
    return found == m_rows.end() ? nullptr : &found->second;
  }
  void remember(const Artifact& artifact) {
    if (m_rows.size() >= k_most && !m_rows.contains(artifact.row.get())) m_rows.clear();
    m_rows.insert_or_assign(artifact.row.get(), artifact);
  }
  void forget(ArtifactRow row) { m_rows.erase(row.get()); }
  /// Rows were written by other means, or what was written is taken back.
  void forget_all() { m_rows.clear(); }

 private:
  static constexpr std::size_t k_most = 1024;
  std::unordered_map<std::int64_t, Artifact> m_rows;
};

}  // namespace reelkeep::sqlite
