#include "core/fresh_outcomes.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "reelkeep/base/text.hpp"

namespace reelkeep::core {
namespace {

std::span<const ReplicaStored> replicas_of(const Outcome& outcome) {
  if (const auto* one = std::get_if<ReplicaStored>(&outcome)) return {one, 1};
  if (const auto* many = std::get_if<ReplicasStored>(&outcome)) return many->replicas;
  return {};
}

/// The journal's row holds U+FFFD where a path of the operator's is no UTF-8.
bool is_as_journaled(const ReplicaStored& outcome) {
  const std::array<std::string_view, 4> texts = {outcome.root, outcome.path, outcome.location,
                                                 outcome.store.get()};
  return std::ranges::all_of(texts, [](std::string_view one) { return text::is_valid_utf8(one); });
}

}  // namespace

void FreshOutcomes::add(Seq row, Outcome outcome) {
  const auto replicas = replicas_of(outcome);
  if (replicas.empty() || !std::ranges::all_of(replicas, is_as_journaled)) return;
  const std::size_t count = replicas.size();
  const std::lock_guard lock(m_mutex);
  if (!m_rows.try_emplace(row, Row{std::move(outcome), count}).second) return;
  m_replicas += count;
  while (m_replicas > k_most) drop(m_rows.begin());
}

std::optional<Outcome> FreshOutcomes::take(Seq row) {
  const std::lock_guard lock(m_mutex);
  auto first = m_rows.begin();
  while (first != m_rows.end() && first->first < row) first = drop(first);
  if (first == m_rows.end() || first->first != row) return std::nullopt;
  Outcome taken = std::move(first->second.outcome);
  drop(first);
  return taken;
}

FreshOutcomes::Rows::iterator FreshOutcomes::drop(Rows::iterator row) {
  m_replicas -= row->second.replicas;
  return m_rows.erase(row);
}

}  // namespace reelkeep::core
