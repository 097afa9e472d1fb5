// Stores: opened when they are there, looked at, and told from empty mount points.
#include <algorithm>

#include "core/agent.hpp"

namespace reelkeep::core {
namespace {

constexpr Duration k_store_pause{10'000};
constexpr Duration k_store_look{5000};  ///< how soon a store that went away is noticed

}  // namespace

void Agent::tend_stores() {
  const Timestamp now = m_ports.clock->now();
  for (auto& [store, at] : m_closed_stores) {
    if (at > now) continue;
    at = now + k_store_pause;
    m_archiver->open(OpenTask{store, expected_root(store)});
  }
  if (now < m_next_store_look) return;
  m_next_store_look = now + k_store_look;
  for (Store* store : m_ports.stores)
    if (!m_closed_stores.contains(store->id())) m_archiver->look(LookTask{store->id()});
}

std::string Agent::place_of(const StoreId& store) const {
  const auto found = std::ranges::find(m_ports.stores, store, &Store::id);
  return found == m_ports.stores.end() ? std::string() : (*found)->location("");
}

/// The root that has to be found in that store; empty: it may begin anew. A place that lost its
/// root is not mounted, whatever it looks like. But the operator who names another place for a
/// store that never held anything means that place.
std::string Agent::expected_root(const StoreId& store) {
  auto root = m_catalog->note("root:" + store.get());
  if (!root || !*root) return {};
  auto place = m_catalog->note("place:" + store.get());
  if (place && *place && **place != place_of(store))
    if (auto holds = m_catalog->holds_replica(store); holds && !*holds) return {};
  return **root;
}

}  // namespace reelkeep::core
