// One turn of the agent: what arrived, what the journal says, what may go on.
#include <algorithm>
#include <optional>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_rows_per_commit = 256;
/// Once the past is known a commit takes what this long can apply: of rows with eight files each
/// 256 took 80 ms, in which what ran ended. Reading them does not count.
constexpr Duration k_longest_commit{10};
/// Before that it ends in time for the watchdog: a row may be of many files.
constexpr Duration k_longest_old_commit{500};
constexpr std::size_t k_least_new_rows = 16;
constexpr int k_commits_per_turn = 8;
constexpr Duration k_net{5000};  ///< a wake-up that got lost costs this much
constexpr Duration k_look_at_express{1000};
/// From one turn to the next while every connection has its next file: messages share a turn.
constexpr Duration k_turn_span{20};
/// New rows are applied this long before connections without work are seen to.
constexpr Duration k_longest_applying{10};
constexpr std::int64_t k_many_rows = 8;

}  // namespace

std::vector<Agent::Message> Agent::take_messages(bool more) {
  // While the catalog cannot be written only a Stop is worth waking for.
  const bool failing = !m_last_problem.empty();
  const auto wait_until = std::chrono::steady_clock::now() + (failing ? Duration(1000)
                                                              : more  ? Duration(0)
                                                                      : until_next());
  std::vector<Message> taken;
  do {
    std::vector<Message> arrived = m_mailbox.take_all_until(wait_until);
    // Before the journal is read: who commits after that wakes us anew.
    m_wake_pending = false;
    for (Message& message : arrived) {
      const auto* report = std::get_if<ArchiverMessage>(&message);
      if (std::holds_alternative<Stop>(message)) m_stopping = true;
      // That the journal grew is seen anyway.
      if (report == nullptr || !std::holds_alternative<JournalGrew>(*report))
        taken.push_back(std::move(message));
    }
  } while (failing && !m_stopping && std::chrono::steady_clock::now() < wait_until);
  m_last_turn = m_ports.clock->steady().time_since_epoch().count();
  return taken;
}

/// As long as claimed files wait for connections nobody waits for a turn; and while many deliveries
/// come, those of a moment share one.
void Agent::rest(std::chrono::steady_clock::time_point turn_began) {
  if (m_backlog.size() > 0 || m_applied >= k_many_rows)
    m_mailbox.rest_until(turn_began + k_turn_span);
}

Result<bool> Agent::turn(std::vector<Message>& messages) {
  REELKEEP_TRY(look_at_clock());
  REELKEEP_TRY(handle_all(messages));
  messages.clear();

  const Seq cursor = m_projector->cursor();
  const MonotonicTime began = m_ports.clock->steady();
  bool more = false;
  for (int i = 0; i < k_commits_per_turn; ++i) {
    Effects effects;
    const auto before = m_projector->cursor().get();
    const std::size_t rows = m_caught_up ? m_new_rows : k_rows_per_commit;
    std::optional<MonotonicTime> commit_began;
    bool is_full = false;  // certainly not the last row of the journal
    const auto is_enough = [&] {
      const MonotonicTime now = m_ports.clock->steady();
      is_full = now - commit_began.value_or(now) >=
                (m_caught_up ? k_longest_commit : k_longest_old_commit);
      if (!commit_began) commit_began = now;
      return is_full;
    };
    REELKEEP_ASSIGN(more, m_projector->advance(*m_policy, effects, rows, is_enough));
    carry_out(effects);
    if (!more) break;
    const auto applied = static_cast<std::size_t>(m_projector->cursor().get() - before);
    // What is read and not applied is read again.
    if (applied > 0 && (is_full || applied >= rows))
      m_new_rows = std::clamp(2 * applied, k_least_new_rows, k_rows_per_commit);
    is_full = is_full || applied >= rows;
    // Once the past is known, connections without work do not wait for all that was delivered. Only
    // of a full commit: "more" has to be true then, and what waits for the last row goes on
    // waiting.
    const bool is_long = m_ports.clock->steady() - began >= k_longest_applying;
    if (m_caught_up && is_full && is_long && m_backlog.size() == 0) break;
  }
  cancel_dropped();
  REELKEEP_TRY(follow_express(!more));
  m_applied = m_projector->cursor().get() - cursor.get();
  if (!more && !m_caught_up && m_ports.caught_up) m_ports.caught_up();
  m_caught_up = m_caught_up || !more;
  if (!m_caught_up) return true;
  tend_stores();
  REELKEEP_ASSIGN(const bool staging, staging_is_there());
  if (staging) {
    REELKEEP_TRY(claim());
    REELKEEP_TRY(claim_from_destinations());
    REELKEEP_ASSIGN(const bool pages, look_over_pending());
    REELKEEP_ASSIGN(const bool rows, journal_waiting());
    more = more || pages || rows;
    REELKEEP_TRY(hand_out());
  } else {
    withdraw_all();
  }
  REELKEEP_ASSIGN(const bool assigning, assign_pushed());
  if (!more && !assigning) {
    REELKEEP_ASSIGN(more, rescue_refused());
  }
  // Before that is applied which was found last, it would be looked for again.
  if (!more && !assigning) REELKEEP_TRY(look_at_destinations());
  more = more || assigning;
  REELKEEP_TRY(audit());
  if (!more && !assigning) REELKEEP_TRY(audit_destinations());
  erase_old_bodies();
  return more;
}

/// All in one commit, or none of it. Also without messages: a catalog that cannot be written is
/// noticed by it.
Status Agent::handle_all(std::vector<Message>& messages) {
  AfterCommit after;
  REELKEEP_TRY(m_catalog->transact([&]() -> Status {
    for (Message& message : messages) {
      if (auto* checkpoint = std::get_if<Checkpoint>(&message)) {
        REELKEEP_TRY(handle(*checkpoint, after));
      } else if (auto* end = std::get_if<Ended>(&message)) {
        REELKEEP_TRY(handle(*end, after, after));
      } else if (auto* report = std::get_if<ArchiverMessage>(&message)) {
        REELKEEP_TRY(handle(*report, after));
      } else if (auto* examined = std::get_if<Examined>(&message)) {
        REELKEEP_TRY(handle(*examined, after));
      } else if (const auto* withdrawn = std::get_if<Withdrawn>(&message)) {
        REELKEEP_TRY(handle(*withdrawn, after));
      } else if (auto* changed = std::get_if<PolicyChanged>(&message)) {
        after.emplace_back([this, policy = changed->policy] { take_over(policy); });
      }
    }
    return {};
  }));
  for (const auto& action : after) action();
  return {};
}

void Agent::take_over(const std::shared_ptr<const Policy>& policy) {
  for (const ProjectPolicy& project : policy->projects) {
    const ProjectPolicy* old = m_policy->project(project.app_id);
    if (old == nullptr || !(old->credential == project.credential))
      m_breakers.reset(project.app_id.get());
    if (old == nullptr || !(old->api == project.api))
      m_breakers.reset(Breakers::api_key_of(project.app_id.get()));
  }
  m_policy = policy;
  m_backlog.set_limits({policy->concurrency, policy->per_host});
  withdraw_all();  // they would go by the old rules
  m_rules_checked = false;
  for (auto& [id, standing] : m_destinations) standing.not_before = Timestamp{};
  // What waits for a store may not have to any more, or has a project now.
  if (m_went_on) m_looked_over = LookOver{};
}

Duration Agent::until_next() const {
  const Timestamp now = m_ports.clock->now();
  // What goes straight on is looked after.
  Duration pause = m_express.empty() ? k_net : k_look_at_express;
  // What was due before the last turn and is still there cannot go now (a full host, an open
  // breaker): it waits for a message, not for the time.
  const auto consider = [&](std::optional<Timestamp> at) {
    if (at && *at > m_turned_at) pause = std::min(pause, std::max(Duration(0), *at - now));
  };
  if (auto due = m_catalog->next_due(); due) consider(*due);
  consider(m_breakers.next_probe());
  for (const Store* store : m_ports.stores)
    if (!m_closed_stores.contains(store->id()))
      if (auto due = m_catalog->next_pending(store->id(), m_turned_at); due) consider(*due);
  for (const auto& [id, standing] : m_destinations) {
    consider(standing.not_before);
    if (auto due = m_catalog->next_look(id, m_turned_at); due) consider(*due);
  }
  return std::max(pause, Duration(1));
}

void Agent::publish_status() {
  const std::size_t enough = std::min(m_policy->concurrency, m_policy->per_host);
  const std::size_t running = m_running.size() - std::min(m_running.size(), m_backlog.size());
  const std::size_t ran = std::min(m_ran, running);
  m_ran = running;
  std::erase_if(m_without_room,
                [now = m_ports.clock->now()](const auto& one) { return one.second < now; });
  std::lock_guard lock(m_mutex);
  m_rate.sample(m_ports.clock->steady(), m_fetcher->received_bytes(),
                ran == 0        ? RateMeter::Load::idle
                : ran >= enough ? RateMeter::Load::full
                                : RateMeter::Load::partly);
  m_status.bytes_per_second = m_rate.bytes_per_second();
  m_status.catching_up = !m_caught_up;
  m_status.disk_paused = m_disk_paused;
  m_status.without_room = m_without_room.size();
  m_status.open_breakers = m_breakers.open();
  m_status.running = running;
}

}  // namespace reelkeep::core
