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
  if (m_disk_paused)
    withdraw_all();
  else
    withdraw_refused();
  if (!chosen.empty())
    REELKEEP_TRY(m_catalog->transact([&]() -> Status {
      for (Artifact& artifact : chosen) {
        artifact.in_hand = true;
        if (!artifact.refetch) artifact.state = ArtifactState::running;
        REELKEEP_TRY(m_catalog->put_progress(artifact));
      }
      return {};
    }));
  for (const Artifact& artifact : chosen) take_in_hand(artifact);
  begin_transfers();
  return {};
}

/// Claimed: it waits for a connection.
void Agent::take_in_hand(const Artifact& artifact) {
  const std::uint64_t ticket = m_next_ticket++;
  const std::string key = Breakers::credential_key(*m_policy, artifact.identity.session.app_id,
                                                   access_of(artifact.identity.kind));
  const bool is_probe = m_breakers.is_open(key);
  m_running[ticket] =
      Running{.artifact = artifact.row,
              .host = artifact.host,
              .credential = key,
              .declared = artifact.declared_size.value_or(ByteCount(0)),
              .declared_left = artifact.declared_size.value_or(ByteCount(0)) - artifact.received,
              .is_probe = is_probe};
  m_tickets[artifact.row] = ticket;
  m_express.erase(artifact.row);  // of an earlier transfer: its outcome is applied
  if (is_probe) m_breakers.probe_started(key, artifact.row);
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  if (project == nullptr) abort_broken_invariant("work was chosen for an app_id without a project");
  auto way = way_to(artifact, *project);
  if (!way) {
    fetched(Fetched{.ticket = ticket, .status = way.error()});
    return;
  }
  Claim claim = claim_of(artifact);
  const ByteCount unsynced = claim.express ? k_longest_express : ByteCount();
  m_claims.add(ticket, std::move(claim));
  log::debug("to be fetched", {{"artifact", artifact.id.get()}, {"host", artifact.host}});
  m_backlog.add({.host = artifact.host,
                 .deadline = artifact.deadline,
                 .artifact = artifact.row,
                 .request = FetchRequest{
                     .ticket = ticket,
                     .url = std::move(way->url),
                     .credential = std::move(way->credential),
                     .rules = std::move(way->rules),
                     .file = m_ports.staging->open(artifact.staging_name, artifact.resume),
                     .resume = artifact.resume,
                     .unsynced_up_to = unsynced}});
}

void Agent::begin_transfers() {
  std::vector<FetchRequest> requests = m_backlog.begin(std::chrono::steady_clock::now());
  share_connections();
  for (FetchRequest& request : requests) {
    request.connections = m_running.at(request.ticket).connections;
    m_submits->submit(std::move(request));
  }
}

/// Again every turn until they end: the first cancel may have come while a connection that became
/// free was about to submit it, and found nothing.
void Agent::cancel_dropped() {
  for (const auto& [ticket, running] : m_running)
    if (running.dropped) m_submits->cancel(ticket);
}

/// False: it has begun, or waits for nothing.
bool Agent::withdraw(std::uint64_t ticket) {
  if (!m_backlog.take_back(ticket)) return false;
  (void)m_claims.take(ticket);
  m_mailbox.post(Withdrawn{ticket});
  return true;
}

void Agent::withdraw_all() {
  for (const std::uint64_t ticket : m_backlog.waiting()) withdraw(ticket);
}

/// What is behind a refused credential waits for a probe.
void Agent::withdraw_refused() {
  for (const std::uint64_t ticket : m_backlog.waiting()) {
    const auto running = m_running.find(ticket);
    if (running == m_running.end() || running->second.is_probe) continue;
    if (m_breakers.is_open(running->second.credential)) withdraw(ticket);
  }
}

/// Everything in hand has one connection. What nothing else is due for goes round, so that a large
/// file may come over several at once; it is taken back as soon as there is other work.
void Agent::share_connections() {
  std::map<std::string, std::size_t> on_host;
  std::size_t all = 0;
  std::vector<std::uint64_t> holders;
  const std::vector<std::uint64_t> waiting = m_backlog.waiting();  // sorted
  for (const auto& [ticket, running] : m_running) {
    // What a destination gives has a connection of its own, whatever else is to be shared.
    if (destination_of_lane(running.host) || std::ranges::binary_search(waiting, ticket)) continue;
    ++on_host[running.host];
    ++all;
    holders.push_back(ticket);
  }
  std::map<std::uint64_t, std::size_t> shares;
  for (bool is_given = true; is_given;) {
    is_given = false;
    for (const std::uint64_t ticket : holders) {
      const Running& running = m_running.at(ticket);
      std::size_t& share = shares.try_emplace(ticket, 1).first->second;
      // While the pair is refused, a probe is a single request.
      if (running.dropped || m_breakers.is_open(running.credential)) continue;
      if (all >= m_policy->concurrency || on_host[running.host] >= m_policy->per_host) continue;
      ++all;
      ++on_host[running.host];
      ++share;
      is_given = true;
    }
  }
  // First what gives connections back: the fetcher carries this out in order.
  for (const bool is_more : {false, true})
    for (const std::uint64_t ticket : holders) {
      Running& running = m_running.at(ticket);
      const std::size_t share = shares[ticket];
      if (running.dropped || share == running.connections) continue;
      if ((share > running.connections) != is_more) continue;
      running.connections = share;
      m_submits->grant(ticket, share);
    }
}

}  // namespace reelkeep::core
