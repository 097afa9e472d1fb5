// Who downloads, and over how many connections.
#include <algorithm>
#include <utility>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/cdr.hpp"
#include "core/lane.hpp"

namespace reelkeep::core {

Status Agent::claim() {
  REELKEEP_ASSIGN(std::vector<Artifact> chosen, choose_next());
  if (!chosen.empty())
    REELKEEP_TRY(m_catalog->transact([&]() -> Status {
      for (Artifact& artifact : chosen) {
        artifact.in_hand = true;
        if (!artifact.refetch) artifact.state = ArtifactState::running;
        REELKEEP_TRY(m_catalog->put_progress(artifact));
      }
      return {};
    }));
  std::vector<std::uint64_t> tickets;
  for (const Artifact& artifact : chosen) tickets.push_back(take_in_hand(artifact));
  share_connections();
  for (std::size_t i = 0; i < chosen.size(); ++i) submit(chosen[i], tickets[i]);
  return {};
}

std::uint64_t Agent::take_in_hand(const Artifact& artifact) {
  const std::uint64_t ticket = m_next_ticket++;
  const std::string key = Breakers::credential_key(*m_policy, artifact.identity.session.app_id,
                                                   access_of(artifact.identity.kind));
  m_running[ticket] =
      Running{.artifact = artifact.row,
              .host = artifact.host,
              .credential = key,
              .declared = artifact.declared_size.value_or(ByteCount(0)),
              .declared_left = artifact.declared_size.value_or(ByteCount(0)) - artifact.received};
  m_tickets[artifact.row] = ticket;
  if (m_breakers.is_open(key)) m_breakers.probe_started(key, artifact.row);
  return ticket;
}

/// Everything in hand has one connection. What nothing else is due for goes round, so that a large
/// file may come over several at once; it is taken back as soon as there is other work.
void Agent::share_connections() {
  std::map<std::string, std::size_t> on_host;
  for (const auto& [ticket, running] : m_running) ++on_host[running.host];
  // What a destination gives has a connection of its own, whatever else is to be shared.
  const auto is_elsewhere = [](const Running& running) {
    return destination_of_lane(running.host).has_value();
  };
  auto all = static_cast<std::size_t>(std::ranges::count_if(
      m_running, [&](const auto& entry) { return !is_elsewhere(entry.second); }));
  std::map<std::uint64_t, std::size_t> shares;
  for (bool is_given = true; is_given;) {
    is_given = false;
    for (const auto& [ticket, running] : m_running) {
      std::size_t& share = shares.try_emplace(ticket, 1).first->second;
      // While the pair is refused, a probe is a single request.
      if (running.dropped || is_elsewhere(running) || m_breakers.is_open(running.credential))
        continue;
      if (all >= m_policy->concurrency || on_host[running.host] >= m_policy->per_host) continue;
      ++all;
      ++on_host[running.host];
      ++share;
      is_given = true;
    }
  }
  // First what gives connections back: the fetcher carries this out in order.
  for (const bool is_more : {false, true})
    for (auto& [ticket, running] : m_running) {
      const std::size_t share = shares[ticket];
      if (running.dropped || share == running.connections) continue;
      if ((share > running.connections) != is_more) continue;
      running.connections = share;
      if (running.is_submitted) m_fetcher->grant(ticket, share);
    }
}

void Agent::submit(const Artifact& artifact, std::uint64_t ticket) {
  log::debug("fetching", {{"artifact", artifact.id.get()}, {"host", artifact.host}});
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  if (project == nullptr) abort_broken_invariant("work was chosen for an app_id without a project");
  auto way = way_to(artifact, *project);
  if (!way) {
    fetched(Fetched{.ticket = ticket, .status = way.error()});
    return;
  }
  Running& running = m_running.at(ticket);
  running.is_submitted = true;
  m_fetcher->submit(
      FetchRequest{.ticket = ticket,
                   .url = std::move(way->url),
                   .credential = std::move(way->credential),
                   .rules = std::move(way->rules),
                   .file = m_ports.staging->open(artifact.staging_name, artifact.resume),
                   .resume = artifact.resume,
                   .connections = running.connections});
}

}  // namespace reelkeep::core
