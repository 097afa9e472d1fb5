// Which of the waiting work is next: earliest deadline first, within the limits of every host.
#include <algorithm>
#include <utility>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/cdr.hpp"
#include "core/lane.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_spare_candidates = 32;  ///< looked at behind what is too large
constexpr std::size_t k_most_probed = 1024;
constexpr std::size_t k_most_told = 100;  ///< app_ids come from the network

}  // namespace

/// A transfer has it, or a store is at its bytes.
bool Agent::is_busy(const Artifact& artifact) const {
  return m_tickets.contains(artifact.row) ||
         std::ranges::any_of(m_at_stores, [&](const auto& at_store) {
           return at_store.second.contains(artifact.row);
         });
}

/// How many may be claimed although no connection is free for them: where files are so short that a
/// connection would wait for us, a few turns' worth. Then also those of other hosts are claimed
/// when they come earlier.
std::size_t Agent::ahead_of_connections() const {
  const bool is_worth_it = std::ranges::any_of(m_running, [this](const auto& running) {
    return m_backlog.worth_ahead(running.second.host) > 0;
  });
  return is_worth_it ? Backlog::k_most_ahead : 0;
}

/// In hand for this host, at most.
std::size_t Agent::most_of(const std::string& host) const {
  return m_policy->per_host + m_backlog.worth_ahead(host);
}

Result<std::vector<Artifact>> Agent::choose_work(std::size_t slots, ByteCount free) {
  const Timestamp now = m_ports.clock->now();
  // A transaction costs, also when there is nothing to do in it.
  REELKEEP_ASSIGN(const std::optional<Timestamp> due, m_catalog->next_due());
  if (due && *due <= now)
    REELKEEP_TRY(m_catalog->transact([&]() -> Status {
      for (;;) {
        REELKEEP_ASSIGN(const std::int64_t released, m_catalog->release_due(now, 1024));
        if (released < 1024) return {};
      }
    }));
  std::map<std::string, std::size_t> on_host;
  for (const auto& [ticket, running] : m_running) ++on_host[running.host];

  REELKEEP_ASSIGN(std::vector<Artifact> waiting, candidates(slots, free, on_host));
  std::ranges::sort(waiting, {}, [](const Artifact& a) { return std::pair(a.deadline, a.row); });
  std::vector<Artifact> chosen;
  std::optional<Artifact> too_large;
  for (Artifact& candidate : waiting) {
    if (chosen.size() == slots) break;
    std::size_t& busy = on_host[candidate.host];
    if (busy >= most_of(candidate.host)) continue;
    const ByteCount needed = candidate.declared_size.value_or(ByteCount(0)) - candidate.received;
    if (free < m_policy->minimum_free_space + needed) {
      if (!too_large) too_large = std::move(candidate);
      continue;
    }
    free = free - needed;
    ++busy;
    chosen.push_back(std::move(candidate));
  }
  // A declared size is a hint. With nothing else to do it is tried; the guard of staging decides.
  if (chosen.empty() && m_running.empty() && too_large) {
    log::warn(
        "a file is declared larger than the free space less minimum_free_space; it is tried all "
        "the "
        "same",
        {{"artifact", too_large->id.get()},
         {"declared", to_string(too_large->declared_size.value_or(ByteCount(0)))},
         {"free", to_string(free)},
         {"minimum_free_space", to_string(m_policy->minimum_free_space)}});
    chosen.push_back(std::move(*too_large));
  }
  return chosen;
}

/// How many there is space for, one after the other.
std::size_t Agent::fitting(const std::vector<Artifact>& ready, ByteCount free) const {
  std::size_t count = 0;
  for (const Artifact& artifact : ready) {
    const ByteCount needed = artifact.declared_size.value_or(ByteCount(0)) - artifact.received;
    if (free < m_policy->minimum_free_space + needed) continue;
    free = free - needed;
    ++count;
  }
  return count;
}

/// Of each lane as many as may start, and more where some are busy or too large: every turn reads
/// them. A probe where the breaker is open.
Result<std::vector<Artifact>> Agent::candidates(std::size_t slots, ByteCount free,
                                                const std::map<std::string, std::size_t>& on_host) {
  const Timestamp now = m_ports.clock->now();
  REELKEEP_ASSIGN(const std::vector<Lane> lanes, m_catalog->lanes());
  std::vector<Artifact> found;
  std::map<std::string, std::vector<Lane>> refused;
  std::set<std::string> unconfigured;
  for (const Lane& lane : lanes) {
    const ProjectPolicy* const project = m_policy->project(lane.app_id);
    if (project == nullptr) {
      unconfigured.insert(lane.app_id.get());
      continue;
    }
    if (has_enough_at_store(*project)) continue;
    if (destination_of_lane(lane.host)) continue;  // see claim_from_destinations()
    const auto busy = on_host.find(lane.host);
    const std::size_t in_hand = busy == on_host.end() ? 0 : busy->second;
    const std::size_t most_in_hand = most_of(lane.host);
    if (in_hand >= most_in_hand) continue;
    const std::string key = Breakers::credential_key(
        *m_policy, lane.app_id, lane.host.starts_with(k_api_lane) ? Access::api : Access::files);
    if (m_breakers.is_open(key)) {
      if (in_hand < m_policy->per_host) refused[key].push_back(lane);
      continue;
    }
    const std::size_t most = std::min(slots, most_in_hand - in_hand);
    for (std::size_t limit = most;; limit *= 2) {
      REELKEEP_ASSIGN(std::vector<Artifact> ready, m_catalog->claimable(lane, limit));
      const bool is_all = ready.size() < limit;
      std::erase_if(ready, [this](const Artifact& artifact) { return is_busy(artifact); });
      // The busy ones hide others, however many; the too large ones hide some.
      const bool is_enough = ready.size() >= most &&
                             (limit >= most + k_spare_candidates || fitting(ready, free) >= most);
      if (!is_enough && !is_all) continue;
      std::ranges::move(ready, std::back_inserter(found));
      break;
    }
  }
  tell_unconfigured(std::move(unconfigured));
  for (const auto& [key, key_lanes] : refused) {
    if (!m_breakers.may_probe(key, now)) continue;
    REELKEEP_ASSIGN(std::optional<Artifact> probe, choose_probe(key, key_lanes));
    if (probe) found.push_back(std::move(*probe));
  }
  return found;
}

/// Files that nobody is to fetch are said at once, not when their deadline is near.
void Agent::tell_unconfigured(std::set<std::string> app_ids) {
  for (const std::string& app_id : app_ids)
    if (!m_told_unconfigured.contains(app_id) && m_told_unconfigured.size() < k_most_told) {
      log::warn(
          "files wait and nothing fetches them: no [[project]] is for their app_id; add one with "
          "its file credentials and hosts, then systemctl reload reelkeep",
          {{"app_id", app_id}});
      m_told_unconfigured.insert(app_id);
    }
  std::erase_if(m_told_unconfigured, [&](const auto& told) { return !app_ids.contains(told); });
  const std::lock_guard lock(m_mutex);
  m_status.unconfigured = std::move(app_ids);
}

/// Each probe a different artifact, over all hosts that the credential is for.
Result<std::optional<Artifact>> Agent::choose_probe(const std::string& credential,
                                                    const std::vector<Lane>& lanes) {
  if (m_breakers.probed(credential) >= k_most_probed) m_breakers.forget_probed(credential);
  std::optional<Artifact> chosen;
  std::optional<Artifact> fallback;
  for (const Lane& lane : lanes) {
    REELKEEP_ASSIGN(std::vector<Artifact> ready,
                    m_catalog->claimable(lane, m_breakers.probed(credential) + k_spare_candidates));
    for (Artifact& candidate : ready) {
      if (is_busy(candidate)) continue;
      std::optional<Artifact>& best =
          m_breakers.was_probed(credential, candidate.row) ? fallback : chosen;
      if (!best || candidate.deadline < best->deadline) best = std::move(candidate);
    }
  }
  if (chosen) return chosen;
  if (fallback) m_breakers.forget_probed(credential);
  return fallback;
}

}  // namespace reelkeep::core
