#include "core/breaker.hpp"

#include <algorithm>

namespace reelkeep::core {
namespace {
constexpr std::size_t k_refusals_to_open = 3;
constexpr Duration k_longest_pause{60'000};
constexpr std::chrono::minutes k_told_again{10};
}  // namespace

std::string Breakers::credential_key(const Policy& policy, const AppId& app_id, Access access) {
  const ProjectPolicy* project = policy.project(app_id);
  const std::string block = project != nullptr ? project->app_id.get() : app_id.get();
  return access == Access::api ? api_key_of(block) : block;
}

bool Breakers::is_open(const std::string& key) const {
  const auto found = m_states.find(key);
  return found != m_states.end() && found->second.open;
}

bool Breakers::may_probe(const std::string& key, Timestamp now) const {
  const auto found = m_states.find(key);
  if (found == m_states.end() || !found->second.open) return false;
  return !found->second.probing && now >= found->second.next_probe;
}

bool Breakers::was_probed(const std::string& key, ArtifactRow artifact) const {
  const auto found = m_states.find(key);
  return found != m_states.end() && found->second.probed.contains(artifact);
}

std::size_t Breakers::probed(const std::string& key) const {
  const auto found = m_states.find(key);
  return found == m_states.end() ? 0 : found->second.probed.size();
}

void Breakers::forget_probed(const std::string& key) {
  if (const auto found = m_states.find(key); found != m_states.end()) found->second.probed.clear();
}

void Breakers::probe_started(const std::string& key, ArtifactRow artifact) {
  State& state = m_states[key];
  state.probing = artifact;
  state.probed.insert(artifact);
}

void Breakers::succeeded(const std::string& key) {
  State& state = m_states[key];
  state = State{.told = state.told};
  state.works = true;
}

bool Breakers::take_news(const std::string& key, Timestamp now) {
  State& state = m_states[key];
  if (!state.open || state.is_told) return false;
  if (state.told && now >= *state.told && now < *state.told + k_told_again) return false;
  state.told = now;
  state.is_told = true;
  return true;
}

bool Breakers::was_told(const std::string& key) const {
  const auto found = m_states.find(key);
  return found != m_states.end() && found->second.open && found->second.is_told;
}

bool Breakers::refused(const std::string& key, ArtifactRow artifact, Timestamp now) {
  State& state = m_states[key];
  state.refused.insert(artifact);
  if (state.open) {
    if (state.probing == artifact) plan_next(state, now);
    return false;
  }
  if (state.refused.size() < k_refusals_to_open) return true;
  state.open = true;
  state.since = now;
  state.works = false;
  state.probed = state.refused;
  state.pause = m_policy.minimum;
  state.next_probe = now + state.pause;
  return false;
}

void Breakers::probe_ended(const std::string& key, ArtifactRow artifact, Timestamp now) {
  const auto found = m_states.find(key);
  if (found == m_states.end() || found->second.probing != artifact) return;
  plan_next(found->second, now);
}

void Breakers::plan_next(State& state, Timestamp now) {
  state.probing.reset();
  state.pause = std::min(std::max(state.pause * 2, m_policy.minimum), k_longest_pause);
  state.next_probe = now + state.pause;
}

void Breakers::reset(const std::string& key) {
  m_states.erase(key);
}

void Breakers::set_back(Timestamp now) {
  for (auto& [key, state] : m_states)
    state.next_probe = std::min(state.next_probe, now + state.pause);
}

std::optional<Timestamp> Breakers::next_probe() const {
  std::optional<Timestamp> next;
  for (const auto& [key, state] : m_states)
    if (state.open && !state.probing && (!next || state.next_probe < *next))
      next = state.next_probe;
  return next;
}

std::vector<OpenBreaker> Breakers::open() const {
  std::vector<OpenBreaker> open;
  for (const auto& [key, state] : m_states)
    if (state.open) open.push_back({key, state.since, state.next_probe});
  return open;
}

bool Breakers::works(const std::string& key) const {
  const auto found = m_states.find(key);
  return found != m_states.end() && found->second.works && !found->second.open;
}

}  // namespace reelkeep::core
