#include "core/fresh_outcomes.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "reelkeep/base/text.hpp"

namespace reelkeep::core {
namespace {

/// The journal's row holds U+FFFD where a path of the operator's is no UTF-8.
bool is_as_journaled(const ReplicaStored& outcome) {
  const std::array<std::string_view, 4> texts = {outcome.root, outcome.path, outcome.location,
                                                 outcome.store.get()};
  return std::ranges::all_of(texts, [](std::string_view one) { return text::is_valid_utf8(one); });
}

}  // namespace

void FreshOutcomes::add(Seq seq, ReplicaStored outcome) {
  if (!is_as_journaled(outcome)) return;
  const std::lock_guard lock(m_mutex);
  m_outcomes.insert_or_assign(seq, std::move(outcome));
  if (m_outcomes.size() > k_most) m_outcomes.erase(m_outcomes.begin());
}

std::optional<ReplicaStored> FreshOutcomes::take(Seq seq) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_outcomes.lower_bound(seq);
  std::optional<ReplicaStored> taken;
  if (found != m_outcomes.end() && found->first == seq) taken = std::move(found->second);
  m_outcomes.erase(m_outcomes.begin(), taken ? std::next(found) : found);
  return taken;
}

}  // namespace reelkeep::core
