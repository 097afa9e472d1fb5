// Waiting for what an order brings about, with an agent elsewhere or in this process.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>

#include "daemon/operator.hpp"
#include "daemon/runtime.hpp"
#include "daemon/settle.hpp"
#include "fs/watch.hpp"

namespace reelkeep::daemon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration k_turn{250};  ///< how often a progress bar moves
constexpr Duration k_agent_look{1000};
constexpr Duration k_least_turn{50};  ///< an agent that commits all the time is not followed closer

/// Waits for a change of the folder; nothing to watch: just waits.
void wait_for_change(std::optional<fs::FolderWatch>& watch, Duration most) {
  pollfd descriptor{.fd = watch ? watch->fd() : -1, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&descriptor, 1, static_cast<int>(std::max<long>(0, most.count())));
  if (ready > 0 && watch) (void)watch->drain();
}

}  // namespace

bool is_settled(const Artifact& artifact) {
  return !is_work(artifact.state) && !artifact.refetch;
}

bool Standing::settled() const {
  return applied && std::all_of(artifacts.begin(), artifacts.end(),
                                [](const ArtifactView& view) { return is_settled(view.artifact); });
}

Result<Standing> Operator::look(const Follow& follow) {
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  // The position first: what is read after it is at least as new.
  REELKEEP_ASSIGN(const std::optional<JournalPosition> position, reader->position());
  REELKEEP_ASSIGN(std::vector<SessionView> found,
                  reader->find(follow.session.conf_num, follow.session.app_id));
  Standing standing;
  standing.applied = position && position->cursor >= follow.order;
  for (const ArtifactId& id : follow.artifacts)
    for (SessionView& session : found)
      for (ArtifactView& view : session.artifacts)
        if (view.artifact.id == id) standing.artifacts.push_back(view);
  return standing;
}

Result<FollowEnd> Operator::follow(const Follow& follow,
                                   const std::function<void(const Standing&)>& seen) {
  std::optional<fs::FolderWatch> watch;
  if (auto opened = fs::FolderWatch::open(m_config.agent.state_dir, "catalog.db"))
    watch.emplace(*std::move(opened));
  const Clock::time_point begin = Clock::now();
  std::optional<Clock::time_point> agent_seen;
  std::optional<std::int64_t> version;
  Standing standing;
  for (;;) {
    const Clock::time_point turn = Clock::now();
    // Looked at before the catalog: an agent that ends may have finished the work just before.
    bool agent_runs = true;
    if (!agent_seen || turn - *agent_seen >= k_agent_look) {
      REELKEEP_ASSIGN(const std::optional<long> pid, agent());
      agent_runs = pid.has_value();
      agent_seen = turn;
    }
    REELKEEP_ASSIGN(CatalogReader * reader, catalog());
    REELKEEP_ASSIGN(const std::int64_t newest, reader->data_version());
    if (version != newest || !agent_runs) {
      REELKEEP_ASSIGN(standing, look(follow));
      version = newest;
    }
    seen(standing);
    if (standing.settled()) return FollowEnd::settled;
    if (!agent_runs) return FollowEnd::no_agent;
    Duration wait = k_turn;
    if (follow.limit) {
      const auto left = std::chrono::duration_cast<Duration>(begin + *follow.limit - turn);
      if (left.count() <= 0) return FollowEnd::time_over;
      wait = std::min(wait, left);
    }
    wait_for_change(watch, wait);
    const auto spent = std::chrono::duration_cast<Duration>(Clock::now() - turn);
    if (spent < k_least_turn) {
      std::optional<fs::FolderWatch> none;
      wait_for_change(none, k_least_turn - spent);
    }
  }
}

Result<FollowEnd> Operator::work_here(const Follow& follow,
                                      const std::function<void(const Standing&)>& seen) {
  const Clock::time_point begin = Clock::now();
  bool time_over = false;
  m_catalog.reset();  // it may be migrated or made anew now
  const Status worked = run_until_settled(m_config, follow.artifacts, [&] {
    if (const auto standing = look(follow)) seen(*standing);
    if (!follow.limit || time_over || Clock::now() - begin < *follow.limit) return;
    time_over = true;
    (void)::raise(SIGTERM);  // ends the work as the user would
  });
  m_catalog.reset();
  if (!worked && !(time_over && worked.error().code == Errc::cancelled)) return worked.error();
  REELKEEP_ASSIGN(const Standing standing, look(follow));
  seen(standing);
  return standing.settled() ? FollowEnd::settled : FollowEnd::time_over;
}

}  // namespace reelkeep::daemon
