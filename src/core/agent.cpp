#include "core/agent.hpp"

#include <algorithm>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/thread_name.hpp"

#include "core/records.hpp"

namespace reelkeep::core {
namespace {

const std::string k_running_note = "running";

}  // namespace

Agent::Agent(AgentPorts ports, std::shared_ptr<const Policy> policy)
    : m_ports(std::move(ports)), m_policy(std::move(policy)), m_breakers(m_policy->retry) {}

Agent::~Agent() {
  stop();
}

void Agent::start() {
  m_last_turn = m_ports.clock->steady().time_since_epoch().count();
  m_thread = std::thread([this] {
    name_this_thread("agent");
    run();
  });
}

void Agent::stop() {
  if (!m_thread.joinable()) return;
  m_mailbox.post(Stop{});
  m_thread.join();
}

void Agent::wake() {
  if (!m_wake_pending.exchange(true)) m_mailbox.post(ArchiverMessage{JournalGrew{}}, Wakes::no);
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
  m_mailbox.post(std::move(checkpoint), Wakes::no);
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
  if (m_ports.thread_began) m_ports.thread_began();
  if (!open_at_last()) return;
  std::vector<Message> kept;  // messages whose commit failed: they are tried again
  bool more = true;
  while (!m_stopping) {
    std::ranges::move(take_messages(more), std::back_inserter(kept));
    if (m_stopping) break;
    const auto began = std::chrono::steady_clock::now();
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
    if (!more) rest(began);
  }
  shut_down(std::move(kept));
}

/// False: it was stopped before.
bool Agent::open_at_last() {
  for (;;) {
    Status opened = open();
    if (!opened && opened.error().code == Errc::corrupt) {
      // Damage in the middle shows only when it is read.
      log::error("the catalog is damaged: it is rebuilt from the journal",
                 {{"cause", opened.error().message}});
      m_projector.reset();
      m_catalog.reset();
      if (const Status removed = m_ports.remove_catalog(); removed) opened = open();
    }
    if (opened) return true;
    log::error("the catalog cannot be opened; trying again", {{"cause", opened.error().message}});
    {
      std::lock_guard lock(m_mutex);
      m_status.catalog_problem = opened.error().message;
    }
    bool stop_asked = false;
    for (Message& message :
         m_mailbox.take_all_until(std::chrono::steady_clock::now() + std::chrono::seconds(2)))
      if (std::holds_alternative<Stop>(message))
        stop_asked = true;
      else if (const auto* changed = std::get_if<PolicyChanged>(&message))
        m_policy = changed->policy;
    m_last_turn = m_ports.clock->steady().time_since_epoch().count();
    if (stop_asked) return false;
  }
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
  m_projector =
      std::make_unique<Projector>(*m_journal, *m_catalog, *m_ports.provider, &m_fresh_outcomes);

  REELKEEP_ASSIGN(const auto died, m_catalog->note(k_running_note));
  REELKEEP_ASSIGN(const Rebuild rebuild, m_projector->begin(died.has_value()));
  if (rebuild == Rebuild::journal_replaced)
    log::error(
        "the journal is not the one that this catalog was built from (replaced or set back): "
        "the catalog is rebuilt; deliveries journaled since that copy are not in it, so ask "
        "the provider to send them again or check the newest sessions");
  if (rebuild == Rebuild::first_start)
    log::info("there was no catalog: it is built from the journal");
  REELKEEP_TRY(m_catalog->transact([&] { return m_catalog->set_note(k_running_note, "1"); }));
  REELKEEP_TRY(recover(died.has_value()));

  m_archiver = std::make_unique<Archiver>(
      m_ports.stores, *m_ports.staging, *m_ports.journal, m_fresh_outcomes, *m_ports.provider,
      *m_ports.clock,
      [this](ArchiverMessage message) { m_mailbox.post(std::move(message), Wakes::no); });
  m_destination_lanes = std::make_unique<DestinationLanes>(
      m_ports.destinations, *m_ports.journal, *m_ports.clock, *this,
      [this](Examined examined) { m_mailbox.post(std::move(examined)); });
  std::shared_ptr<Fetcher> fetcher = m_ports.make_fetcher(*this);
  m_submits = fetcher.get();
  m_backlog.set_limits({m_policy->concurrency, m_policy->per_host});
  for (Store* store : m_ports.stores) m_closed_stores[store->id()] = Timestamp{};
  for (Store* store : m_ports.stores) m_untried_stores.insert(store->id());
  {
    std::lock_guard lock(m_mutex);
    m_fetcher = std::move(fetcher);
    if (m_limits) m_fetcher->set_limits(*m_limits);
    for (Store* store : m_ports.stores)
      m_status.store_problems[store->id().get()] = std::string(k_not_opened_yet);
  }
  return {};
}

void Agent::shut_down(std::vector<Message> kept) {
  m_backlog.close();
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
  AfterCommit after_judgement;
  Status done = m_catalog->transact([&]() -> Status {
    AfterCommit after;
    // Only the facts: what would follow from them waits for the next start, but what the journal is
    // to know of complete bytes.
    for (Message& message : kept) {
      if (auto* end = std::get_if<Ended>(&message))
        REELKEEP_TRY(handle(*end, after, after_judgement));
      if (auto* point = std::get_if<Checkpoint>(&message)) REELKEEP_TRY(handle(*point, after));
      if (const auto* report = std::get_if<ArchiverMessage>(&message))
        if (const auto* published = std::get_if<Published>(report))
          if (const auto express = m_express.find(published->artifact); express != m_express.end())
            express->second.is_stored = published->status.has_value();
    }
    return hold_express(after_judgement);
  });
  if (done)
    for (const auto& action : after_judgement) action();
  if (done) done = recover(false);
  if (done)
    done = m_catalog->transact([&] { return m_catalog->set_note(k_running_note, std::nullopt); });
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
      [failed = m_outcome_failed](const Result<Appended>& appended) {
        // Thousands may be tried again and again while the journal's disk is full.
        if (!failed->exchange(!appended) && !appended)
          log::warn("an outcome could not be journaled; it is found again later",
                    {{"cause", appended.error().message}});
      });
}

}  // namespace reelkeep::core
