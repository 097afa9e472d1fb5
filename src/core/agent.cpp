#include "core/agent.hpp"

#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/records.hpp"

namespace reelkeep::core {
namespace {

constexpr std::size_t k_rows_per_commit = 256;
constexpr int k_commits_per_turn = 8;
constexpr Duration k_net{5000};  ///< a wake-up that got lost costs this much
const std::string k_running_note = "running";

}  // namespace

Agent::Agent(AgentPorts ports, std::shared_ptr<const Policy> policy)
    : m_ports(std::move(ports)), m_policy(std::move(policy)), m_breakers(m_policy->retry) {}

Agent::~Agent() {
  stop();
}

void Agent::start() {
  m_last_turn = m_ports.clock->steady().time_since_epoch().count();
  m_thread = std::thread([this] { run(); });
}

void Agent::stop() {
  if (!m_thread.joinable()) return;
  m_mailbox.post(Stop{});
  m_thread.join();
}

void Agent::wake() {
  if (!m_wake_pending.exchange(true)) m_mailbox.post(ArchiverMessage{JournalGrew{}});
}

void Agent::set_policy(std::shared_ptr<const Policy> policy) {
  m_mailbox.post(PolicyChanged{std::move(policy)});
}

void Agent::set_limits(const FetchLimits& limits) {
  std::shared_ptr<Fetcher> fetcher;
  {
    std::lock_guard lock(m_mutex);
    fetcher = m_fetcher;
    m_limits = limits;
  }
  if (fetcher) fetcher->set_limits(limits);
}

void Agent::checkpointed(Checkpoint checkpoint) {
  m_mailbox.post(std::move(checkpoint));
}
void Agent::fetched(Fetched fetched) {
  m_mailbox.post(std::move(fetched));
}

AgentStatus Agent::status() const {
  std::lock_guard lock(m_mutex);
  AgentStatus copy = m_status;
  if (m_fetcher) copy.received_bytes = m_fetcher->received_bytes();
  return copy;
}

Duration Agent::longest_turn() const {
  const Duration own = m_ports.clock->steady().time_since_epoch() - Duration(m_last_turn.load());
  std::shared_ptr<Fetcher> fetcher;
  {
    std::lock_guard lock(m_mutex);
    fetcher = m_fetcher;
  }
  return fetcher ? std::max(own, fetcher->longest_turn()) : own;
}

void Agent::run() {
  bool stop_asked = false;
  std::vector<Message> kept;  // messages whose commit failed: they are tried again
  while (true) {
    Status opened = open();
    if (!opened && opened.error().code == Errc::corrupt) {
      // Damage in the middle shows only when it is read.
      log::error("the catalog is damaged: it is rebuilt from the journal",
                 {{"cause", opened.error().message}});
      m_projector.reset();
      m_catalog.reset();
      if (const Status removed = m_ports.remove_catalog(); removed) opened = open();
    }
    if (opened)
      break;
    else {
      log::error("the catalog cannot be opened; trying again", {{"cause", opened.error().message}});
      std::lock_guard lock(m_mutex);
      m_status.catalog_problem = opened.error().message;
    }
    for (Message& message :
         m_mailbox.take_all_until(std::chrono::steady_clock::now() + std::chrono::seconds(2)))
      if (std::holds_alternative<Stop>(message))
        stop_asked = true;
      else if (const auto* changed = std::get_if<PolicyChanged>(&message))
        m_policy = changed->policy;
    m_last_turn = m_ports.clock->steady().time_since_epoch().count();
    if (stop_asked) return;
  }

  bool more = true;
  while (!m_stopping) {
    // While the catalog cannot be written only a Stop is worth waking for.
    const bool failing = !m_last_problem.empty();
    const auto wait_until = std::chrono::steady_clock::now() + (failing ? Duration(1000)
                                                                : more  ? Duration(0)
                                                                        : until_next());
    do {
      std::vector<Message> arrived = m_mailbox.take_all_until(wait_until);
      // Before the journal is read: who commits after that wakes us anew.
      m_wake_pending = false;
      for (Message& message : arrived) {
        const auto* report = std::get_if<ArchiverMessage>(&message);
        if (std::holds_alternative<Stop>(message)) m_stopping = true;
        // That the journal grew is seen anyway.
        if (report == nullptr || !std::holds_alternative<JournalGrew>(*report))
          kept.push_back(std::move(message));
      }
    } while (failing && !m_stopping && std::chrono::steady_clock::now() < wait_until);
    m_last_turn = m_ports.clock->steady().time_since_epoch().count();
    if (m_stopping) break;
    Result<bool> turned = turn(kept);
    {
      std::lock_guard lock(m_mutex);
      m_status.catalog_problem = turned ? "" : turned.error().message;
    }
    if (turned) {
      more = *turned;
      m_last_problem.clear();
    } else if (turned.error().code == Errc::corrupt) {
      give_up_catalog(turned.error());
      break;
    } else {
      more = false;
      if (m_last_problem != turned.error().message)
        log::error("the agent's work is held up; trying again every second",
                   {{"cause", turned.error().message}});
      m_last_problem = turned.error().message;
    }
    publish_status();
  }
  shut_down(std::move(kept));
}

/// Nothing that a damaged catalog says can be worked with. The journal knows everything: the next
/// start makes another one.
void Agent::give_up_catalog(const Error& error) {
  log::error(
      "the catalog is damaged: the agent ends, and its next start rebuilds it from the journal",
      {{"cause", error.message}});
  if (const Status removed = m_ports.remove_catalog(); !removed)
    log::error("the damaged catalog cannot be removed; remove it by hand",
               {{"cause", removed.error().message}});
  std::lock_guard lock(m_mutex);
  m_status.ended = error.within("the catalog");
}

Status Agent::open() {
  auto journal = m_ports.open_journal();
  if (!journal) {
    Error error = journal.error().within("the journal");
    if (error.code == Errc::corrupt) error.code = Errc::unavailable;
    return error;
  }
  m_journal = std::move(*journal);
  auto catalog = m_ports.open_catalog();
  if (!catalog && catalog.error().code == Errc::corrupt) {
    log::error("the catalog is damaged: it is rebuilt from the journal",
               {{"cause", catalog.error().message}});
    REELKEEP_TRY(m_ports.remove_catalog());
    catalog = m_ports.open_catalog();
  }
  if (!catalog) return catalog.error();
  m_catalog = std::move(*catalog);
  m_projector = std::make_unique<Projector>(*m_journal, *m_catalog, *m_ports.provider);

  REELKEEP_ASSIGN(const auto died, m_catalog->note(k_running_note));
  REELKEEP_ASSIGN(const Rebuild rebuild, m_projector->begin(died.has_value()));
  if (rebuild == Rebuild::journal_replaced)
    log::error(
        "the journal is not the one that this catalog was built from (replaced or set back): "
        "the catalog is rebuilt; deliveries journaled since that copy are not in it, so ask "
        "the provider to send them again or check the newest sessions");
  if (rebuild == Rebuild::first_start)
    log::info("there was no catalog: it is built from the journal");
  REELKEEP_TRY(recover(died.has_value()));

  m_archiver = std::make_unique<Archiver>(
      m_ports.stores, *m_ports.staging, *m_ports.journal, *m_ports.provider, *m_ports.clock,
      [this](ArchiverMessage message) { m_mailbox.post(std::move(message)); });
  m_destination_lanes = std::make_unique<DestinationLanes>(
      m_ports.destinations, *m_ports.journal, *m_ports.clock, *this,
      [this](Examined examined) { m_mailbox.post(std::move(examined)); });
  std::shared_ptr<Fetcher> fetcher = m_ports.make_fetcher(*this);
  for (Store* store : m_ports.stores) m_closed_stores[store->id()] = Timestamp{};
  for (Store* store : m_ports.stores) m_untried_stores.insert(store->id());
  {
    std::lock_guard lock(m_mutex);
    m_fetcher = std::move(fetcher);
    if (m_limits) m_fetcher->set_limits(*m_limits);
    for (Store* store : m_ports.stores)
      m_status.store_problems[store->id().get()] = "not opened yet";
  }
  return {};
}

/// What the last run had in hand is planned again; complete bytes go on to their stores later.
Status Agent::recover(bool unclean) {
  return m_catalog->transact([&]() -> Status {
    REELKEEP_TRY(m_catalog->set_note(k_running_note, "1"));
    // The clock may have been set back while nobody ran.
    REELKEEP_TRY(bring_forward(m_ports.clock->now()));
    if (unclean) REELKEEP_TRY(suspect_publishing());
    for (ArtifactRow last;;) {
      REELKEEP_ASSIGN(std::vector<Artifact> held, m_catalog->in_hand(k_rows_per_commit, last));
      if (held.empty()) return {};
      for (Artifact& artifact : held) {
        last = artifact.row;
        // Complete bytes that were fetched again go on to their stores.
        REELKEEP_ASSIGN(const std::vector<PendingPut> waiting, m_catalog->pending(artifact.row));
        const bool complete = artifact.refetch && !waiting.empty();
        if (complete && !(unclean && artifact.deaths >= 1)) {
          artifact.deaths += unclean ? 1 : 0;
          REELKEEP_TRY(m_catalog->put_progress(artifact));
          continue;
        }
        REELKEEP_TRY(m_catalog->remove_pending(artifact.row));
        artifact.in_hand = false;
        if (artifact.state == ArtifactState::running) artifact.state = ArtifactState::planned;
        if (unclean) artifact.deaths += 1;
        if (artifact.deaths >= 2) {
          // It may be what kills us: it goes behind everything else.
          const Timestamp later = m_ports.clock->now() + m_policy->retry.maximum;
          artifact.error = Error{Errc::internal, "the process ended twice while this was in hand"};
          artifact.next_attempt_at = later;
          artifact.deaths = 0;
          if (artifact.state == ArtifactState::planned) artifact.state = ArtifactState::waiting;
        }
        REELKEEP_TRY(m_catalog->put_artifact(std::move(artifact)));
      }
    }
  });
}

Result<bool> Agent::turn(std::vector<Message>& messages) {
  REELKEEP_TRY(look_at_clock());
  AfterCommit after;
  const Status handled = m_catalog->transact([&]() -> Status {
    for (Message& message : messages) {
      if (auto* checkpoint = std::get_if<Checkpoint>(&message)) {
        REELKEEP_TRY(handle(*checkpoint, after));
      } else if (auto* end = std::get_if<Fetched>(&message)) {
        REELKEEP_TRY(handle(*end, after));
      } else if (auto* report = std::get_if<ArchiverMessage>(&message)) {
        REELKEEP_TRY(handle(*report, after));
      } else if (auto* examined = std::get_if<Examined>(&message)) {
        REELKEEP_TRY(handle(*examined, after));
      } else if (auto* changed = std::get_if<PolicyChanged>(&message)) {
        after.emplace_back([this, policy = changed->policy] {
          for (const ProjectPolicy& project : policy->projects) {
            const ProjectPolicy* old = m_policy->project(project.app_id);
            if (old == nullptr || !(old->credential == project.credential))
              m_breakers.reset(project.app_id.get());
            if (old == nullptr || !(old->api == project.api))
              m_breakers.reset(Breakers::api_key_of(project.app_id.get()));
          }
          m_policy = policy;
          m_rules_checked = false;
          for (auto& [id, standing] : m_destinations) standing.not_before = Timestamp{};
          // What waits for a store may not have to any more, or has a project now.
          if (m_went_on) m_looked_over = ArtifactRow(0);
        });
      }
    }
    return {};
  });
  if (!handled) return handled.error();
  for (const auto& action : after) action();
  messages.clear();

  bool more = false;
  for (int i = 0; i < k_commits_per_turn; ++i) {
    Effects effects;
    REELKEEP_ASSIGN(more, m_projector->advance(*m_policy, effects, k_rows_per_commit));
    carry_out(effects);
    if (!more) break;
  }
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
  }
  REELKEEP_ASSIGN(const bool assigning, assign_pushed());
  // Before that is applied which was found last, it would be looked for again.
  if (!more && !assigning) REELKEEP_TRY(look_at_destinations());
  more = more || assigning;
  REELKEEP_TRY(audit());
  if (!more && !assigning) REELKEEP_TRY(audit_destinations());
  erase_old_bodies();
  return more;
}

Duration Agent::until_next() const {
  const Timestamp now = m_ports.clock->now();
  Duration pause = k_net;
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

void Agent::shut_down(std::vector<Message> kept) {
  std::shared_ptr<Fetcher> fetcher;
  {
    std::lock_guard lock(m_mutex);
    fetcher = std::move(m_fetcher);
  }
  fetcher.reset();  // completes everything that runs
  m_destination_lanes->stop();
  m_archiver->stop();
  std::ranges::move(m_mailbox.take_all_until(std::chrono::steady_clock::now()),
                    std::back_inserter(kept));
  const Status done = m_catalog->transact([&]() -> Status {
    AfterCommit after;
    // Only the facts: what would follow from them waits for the next start.
    for (Message& message : kept) {
      if (auto* end = std::get_if<Fetched>(&message)) REELKEEP_TRY(handle(*end, after));
      if (auto* point = std::get_if<Checkpoint>(&message)) REELKEEP_TRY(handle(*point, after));
      if (auto* report = std::get_if<ArchiverMessage>(&message))
        if (auto* judged = std::get_if<Judged>(report)) REELKEEP_TRY(handle(*judged, after));
    }
    REELKEEP_TRY(recover(false));
    return m_catalog->set_note(k_running_note, std::nullopt);
  });
  if (!done) log::warn("the stop could not be noted", {{"cause", done.error().message}});
  m_projector.reset();
  m_catalog.reset();
  m_journal.reset();
}

/// The journal tells all of us when it grew, and may outlive this agent: nothing of it is captured.
void Agent::journal_outcome(const Outcome& outcome) {
  m_ports.journal->append(
      NewEntry{
          .kind = EntryKind::outcome, .received_at = m_ports.clock->now(), .body = encode(outcome)},
      [](const Result<Appended>& appended) {
        if (!appended)
          log::warn("an outcome could not be journaled; it is found again later",
                    {{"cause", appended.error().message}});
      });
}

void Agent::publish_status() {
  const std::size_t enough = std::min(m_policy->concurrency, m_policy->per_host);
  const std::size_t ran = std::min(m_ran, m_running.size());
  m_ran = m_running.size();
  std::lock_guard lock(m_mutex);
  m_rate.sample(m_ports.clock->steady(), m_fetcher->received_bytes(),
                ran == 0        ? RateMeter::Load::idle
                : ran >= enough ? RateMeter::Load::full
                                : RateMeter::Load::partly);
  m_status.bytes_per_second = m_rate.bytes_per_second();
  m_status.catching_up = !m_caught_up;
  m_status.disk_paused = m_disk_paused;
  m_status.open_breakers = m_breakers.open();
  m_status.running = m_running.size();
}

}  // namespace reelkeep::core
