#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "reelkeep/model/artifact.hpp"

namespace reelkeep::sqlite {

/// Artifacts as they lie in the table, for the only connection that writes it: what does not change
/// need not be written, and above all not be taken out of its indexes and put back. Bounded.
class KnownArtifacts {
 public:
  /// Nothing: not known; valid until the next call. Its identity stays as it is.
  [[nodiscard]] Artifact* find(ArtifactRow row) {
    const auto found = m_rows.find(row.get());
    return found == m_rows.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Artifact* find(const ArtifactIdentity& identity) {
    const auto found = m_by_identity.find(identity);
    if (found == m_by_identity.end()) return nullptr;
    const Artifact* const known = find(found->second);
    // SQLite gives the row of what was removed to another one.
    return known != nullptr && known->identity == identity ? known : nullptr;
  }
  void remember(const Artifact& artifact) {
    Artifact* known = find(artifact.row);
    if (known != nullptr && known->identity == artifact.identity) {
      *known = artifact;
      return;
    }
    forget(artifact.row);
    if (m_rows.size() >= k_most) forget_all();
    m_by_identity.insert_or_assign(artifact.identity, artifact.row);
    m_rows.emplace(artifact.row.get(), artifact);
  }
  void forget(ArtifactRow row) {
    const auto found = m_rows.find(row.get());
    if (found == m_rows.end()) return;
    m_by_identity.erase(found->second.identity);
    m_rows.erase(found);
  }
  /// Rows were written by other means, or what was written is taken back.
  void forget_all() {
    m_rows.clear();
    m_by_identity.clear();
  }

 private:
  static constexpr std::size_t k_most = 1024;
  std::unordered_map<std::int64_t, Artifact> m_rows;
  std::map<ArtifactIdentity, ArtifactRow> m_by_identity;
};

}  // namespace reelkeep::sqlite
