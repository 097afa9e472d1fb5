#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
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
    const auto found = m_by_identity.find(hash_of(identity));
    if (found == m_by_identity.end()) return nullptr;
    const Artifact* const known = find(found->second);
    return known != nullptr && known->identity == identity ? known : nullptr;
  }
  void remember(const Artifact& artifact) {
    if (!is_known(artifact) && m_rows.size() >= k_most) forget_all();
    put(artifact);
  }
  /// Its turn comes when those before it are through: of a burst the first stay known.
  void remember_new(const Artifact& artifact) {
    if (is_known(artifact) || m_rows.size() < k_most) put(artifact);
  }
  /// Nothing is left to do for it: who asks again asks soon.
  void settled(ArtifactRow row) {
    m_settled.push_back(row);
    if (m_settled.size() <= k_most_settled) return;
    forget(m_settled.front());
    m_settled.pop_front();
  }
  void forget(ArtifactRow row) {
    const auto found = m_rows.find(row.get());
    if (found == m_rows.end()) return;
    if (const auto named = m_by_identity.find(hash_of(found->second.identity));
        named != m_by_identity.end() && named->second == row)
      m_by_identity.erase(named);
    m_rows.erase(found);
  }
  /// Rows were written by other means, or what was written is taken back.
  void forget_all() {
    m_by_identity.clear();
    m_rows.clear();
    m_settled.clear();
  }

 private:
  /// About 1.5 KiB each.
  static constexpr std::size_t k_most = 4096;
  static constexpr std::size_t k_most_settled = 1024;

  static std::size_t hash_of(const ArtifactIdentity& identity) noexcept {
    const std::hash<std::string> hash;
    std::size_t sum = static_cast<std::size_t>(identity.kind);
    for (const std::string* part :
         {&identity.session.app_id.get(), &identity.session.conf_num.get(),
          &identity.source_key.get(), &identity.stage})
      sum = sum * 31 + hash(*part);
    return sum;
  }
  [[nodiscard]] bool is_known(const Artifact& artifact) { return find(artifact.row) != nullptr; }
  void put(const Artifact& artifact) {
    Artifact* const known = find(artifact.row);
    if (known != nullptr && known->identity == artifact.identity) {
      *known = artifact;
      return;
    }
    forget(artifact.row);
    m_by_identity.insert_or_assign(hash_of(artifact.identity), artifact.row);
    m_rows.emplace(artifact.row.get(), artifact);
  }

  std::unordered_map<std::int64_t, Artifact> m_rows;
  /// By hash; of two that share one only the later is found, the other is read again.
  std::unordered_map<std::size_t, ArtifactRow> m_by_identity;
  std::deque<ArtifactRow> m_settled;
};

}  // namespace reelkeep::sqlite
