// The end of a transfer, and the straight way of a short file: from the thread that brought it to
// its store, without a turn of the agent in between. The catalog knows it as running until the
// outcome is in the journal; what ends the process meanwhile costs another download of it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/agent.hpp"
#include "core/cdr.hpp"

namespace reelkeep::core {
namespace {

/// With less a store would not always have its next batch: more short files for it are not begun.
constexpr std::size_t k_enough_at_store = 256;
/// With more between their transfer and the catalog, at all stores, their outcomes come first.
constexpr std::size_t k_most_express = 1024;
/// A store that needs longer is behind: files are written down then and do not wait for it.
constexpr Duration k_soon{1000};
/// What takes longer than this is written down like any other.
constexpr Duration k_longest_unwritten{2000};
/// Not when it may be too late for another download.
constexpr Duration k_safe_before_deadline{60 * 60 * 1000};

/// Of what is still in memory, or of the file.
Result<std::size_t> read_at(const Fetched& fetched, ByteCount offset, std::span<std::byte> into) {
  if (fetched.body.empty()) return fetched.file->read_at(offset, into);
  const std::size_t size = fetched.body.size();
  const auto from = fetched.body.subspan(std::min<std::uint64_t>(offset.get(), size));
  const std::size_t count = std::min(from.size(), into.size());
  if (count > 0) std::memcpy(into.data(), from.data(), count);
  return count;
}

}  // namespace

/// What goes wrong, is wanted in several stores or has a history takes the agent's way.
Claim Agent::claim_of(const Artifact& artifact) const {
  Claim claim{.judging = JudgeTask{.kind = artifact.identity.kind,
                                   .staging_name = artifact.staging_name,
                                   .size = {},
                                   .digest = {},
                                   .declared_size = artifact.declared_size,
                                   .bad_digest = artifact.bad_digest,
                                   .sent = api_credential(*m_policy, artifact)},
              .deadline = artifact.deadline,
              .express = {}};
  const ProjectPolicy* project = m_policy->project(artifact.identity.session.app_id);
  const bool is_new =
      !artifact.refetch && !artifact.bad_digest && artifact.attempts == 0 && artifact.deaths == 0;
  // Otherwise a writer syncs it.
  if (project != nullptr && is_new && is_at_swift_store(*project))
    claim.express = publish_task(artifact, *project, project->stores.front());
  return claim;
}

/// Its only store is open and comes to short files soon.
bool Agent::is_at_swift_store(const ProjectPolicy& project) const {
  if (project.stores.size() != 1) return false;
  const StoreId& store = project.stores.front();
  const bool is_open = m_policy->destination(store) == nullptr && !why_closed(store) &&
                       !m_closed_stores.contains(store) && !m_doubted_stores.contains(store);
  const StorePace* const pace = is_open ? m_archiver->pace_of(store) : nullptr;
  if (pace == nullptr) return false;
  const std::optional<Duration> wait = pace->wait(std::chrono::steady_clock::now());
  return wait && *wait <= k_soon;
}

/// A store that goes on well has all it can do: to bring it more files would only make them wait
/// there instead of at their source. For a moment, or it is none that goes on well.
bool Agent::has_enough_at_store(const ProjectPolicy& project) const {
  return is_at_swift_store(project) && (express_at(project.stores.front()) >= k_enough_at_store ||
                                        m_express.size() >= k_most_express);
}

/// On their way there, not stored yet.
std::size_t Agent::express_at(const StoreId& store) const {
  return static_cast<std::size_t>(std::ranges::count_if(m_express, [&](const auto& express) {
    return !express.second.is_stored && express.second.store == store;
  }));
}

/// A connection that has its next transfer already can wait for the agent.
void Agent::fetched(Fetched fetched) {
  std::optional<FetchRequest> next =
      m_backlog.ended(fetched.ticket, fetched.status ? Backlog::Ended::well : Backlog::Ended::badly,
                      std::chrono::steady_clock::now());
  const Wakes wakes = next ? Wakes::no : Wakes::yes;
  if (next) m_submits->submit(std::move(*next));

  std::optional<Claim> claim = m_claims.take(fetched.ticket);
  Ended end{.fetched = std::move(fetched), .judged = {}, .express = {}};
  std::optional<PublishTask> express;
  if (end.fetched.status) {
    if (!claim) abort_broken_invariant("a transfer ended that nobody claimed");
    express = judge(end, *claim);
  }
  // First its end, then what the store says.
  m_mailbox.post(std::move(end), wakes);
  if (express) m_archiver->publish(std::move(*express));
}

/// Of complete bytes. What goes straight on is returned, and synced by its store.
std::optional<PublishTask> Agent::judge(Ended& end, Claim& claim) {
  Fetched& fetched = end.fetched;
  claim.judging.size = fetched.received;
  claim.judging.digest = fetched.digest.value_or(Digest{});
  claim.judging.tells_end = fetched.tells_end;
  end.judged =
      m_archiver->judge(claim.judging, [&fetched](ByteCount offset, std::span<std::byte> into) {
        return read_at(fetched, offset, into);
      });
  fetched.body = {};
  const bool goes_straight_on = claim.express && end.judged->status && !end.judged->disputed &&
                                fetched.received <= k_longest_express &&
                                claim.deadline - m_ports.clock->now() >= k_safe_before_deadline;
  if (!goes_straight_on && !fetched.is_synced)
    if (const Status synced = fetched.file->sync(); !synced) {
      fetched.status = synced.error();
      fetched.resume.reset();
      end.judged.reset();
    }
  fetched.file.reset();
  if (!goes_straight_on) return std::nullopt;
  end.express = claim.express->store;
  claim.express->is_express = true;
  claim.express->since = m_ports.clock->steady();
  give_bytes(*claim.express, fetched.received, claim.judging.digest);
  return std::move(claim.express);
}

/// Complete bytes whose catalog row still says running. In a transaction.
Status Agent::take_the_long_way(ArtifactRow row, const Judged& judged, AfterCommit& after) {
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(row));
  if (!artifact || !artifact->in_hand) return {};
  artifact->attempts += 1;
  // Maybe nobody synced them, or could read them back: they are read before they are published.
  return take_verdict(std::move(*artifact), judged, k_no_run, after);
}

/// The store did not take it. In a transaction.
Status Agent::express_failed(const Published& message, const Judged& judged, AfterCommit& after) {
  after.emplace_back([this, row = message.artifact] { m_express.erase(row); });
  return take_the_long_way(message.artifact, judged, after);
}

/// Forgets what its outcome says all of. What does not get there soon, or is not where it should be
/// although the journal is applied (it is wanted in another store too by now, it was cancelled),
/// goes on like any other.
Status Agent::follow_express(bool is_applied) {
  if (m_express.empty()) return {};
  const MonotonicTime now = m_ports.clock->steady();
  std::vector<ArtifactRow> done;
  AfterCommit after;
  const bool is_crowded = m_express.size() >= k_most_express;
  const auto is_over = [&](const Express& express) {
    return express.is_stored ? is_applied || is_crowded
                             : now - express.since >= k_longest_unwritten;
  };
  std::vector<std::pair<ArtifactRow, Judged>> left;
  for (const auto& [row, express] : m_express) {
    if (!is_over(express)) continue;
    REELKEEP_ASSIGN(const std::optional<Artifact> artifact, m_catalog->artifact(row));
    const bool is_in_hand = artifact && artifact->in_hand;
    if (is_in_hand && express.is_stored && !is_applied) continue;  // its outcome is on its way
    done.push_back(row);
    if (is_in_hand) left.emplace_back(row, express.judged);
  }
  if (!left.empty())
    REELKEEP_TRY(m_catalog->transact([&]() -> Status {
      for (const auto& [row, judged] : left) REELKEEP_TRY(take_the_long_way(row, judged, after));
      return {};
    }));
  for (const ArtifactRow row : done) m_express.erase(row);
  for (const auto& action : after) action();
  return {};
}

/// At the end: what was stored is known to the journal. In a transaction.
Status Agent::hold_express(AfterCommit& after) {
  for (const auto& [row, express] : m_express)
    if (!express.is_stored) REELKEEP_TRY(take_the_long_way(row, express.judged, after));
  return {};
}

}  // namespace reelkeep::core
