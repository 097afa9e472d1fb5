// Transfers: which artifact goes next, and what its end means.
#include <algorithm>

#include "reelkeep/base/log.hpp"

#include "core/agent.hpp"
#include "core/cdr.hpp"
#include "core/lane.hpp"

namespace reelkeep::core {
namespace {

constexpr int k_refetch_tries = 5;
/// With the default backoff half a minute after the first try.
constexpr int k_worth_a_look = 5;
constexpr Duration k_disk_pause{5000};
/// What does not fit into the space that is left is tried again after this.
constexpr Duration k_until_room{60'000};
constexpr Duration k_until_outcome{60 * 60 * 1000};

/// A failed refetch of something archived ends when trying again cannot help.
bool is_final_for_refetch(Errc code) {
  switch (code) {
    case Errc::not_found:
    case Errc::unauthorized:
    case Errc::invalid:
    case Errc::corrupt:
    case Errc::internal:
    case Errc::conflict:
      return true;
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::no_space:
    case Errc::cancelled:
      return false;
  }
  return true;
}

/// A success counts once its content is judged.
std::optional<Errc> failure_of(const Status& fetched, const std::optional<Judged>& judged) {
  if (!fetched) return fetched.error().code;
  if (judged && !judged->status) return judged->status.error().code;
  return std::nullopt;
}

}  // namespace

Result<std::vector<Artifact>> Agent::choose_next() {
  using None = std::vector<Artifact>;
  // Destinations have hands of their own: an outage there holds up no download.
  const auto in_hand = static_cast<std::size_t>(std::ranges::count_if(
      m_running, [](const auto& running) { return !destination_of_lane(running.second.host); }));
  const std::size_t most = m_policy->concurrency + ahead_of_connections();
  if (in_hand >= most) return None();
  const Timestamp now = m_ports.clock->now();
  if (m_disk_paused && now < m_next_disk_look) return None();

  REELKEEP_ASSIGN(const ByteCount on_disk, m_ports.staging->free_space());
  ByteCount to_come;
  for (const auto& [ticket, running] : m_running) to_come += running.declared_left;
  ByteCount free = on_disk - to_come;
  const bool full = free < m_policy->minimum_free_space;
  if (full != m_disk_paused) {
    if (full)
      log::warn(
          "downloads pause: the staging filesystem is nearly full; they resume by themselves "
          "when there is space, or lower download.minimum_free_space",
          {{"free", to_string(on_disk)},
           {"promised_to_running", to_string(to_come)},
           {"minimum_free_space", to_string(m_policy->minimum_free_space)}});
    else
      log::info("downloads resume: there is space again", {{"free", to_string(on_disk)}});
  }
  m_disk_paused = full;
  m_next_disk_look = now + k_disk_pause;
  if (full) return None();

  return choose_work(most - in_hand, free);
}

Status Agent::handle(Checkpoint& message, AfterCommit& after) {
  const auto running = m_running.find(message.ticket);
  if (running == m_running.end() || running->second.dropped) return {};
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(running->second.artifact));
  if (!artifact || !artifact->in_hand) return {};
  after.emplace_back([this, ticket = message.ticket, offset = message.resume.offset] {
    if (const auto still = m_running.find(ticket); still != m_running.end())
      still->second.declared_left = still->second.declared - offset;
  });
  artifact->resume = message.resume;
  artifact->resume->boot_id = m_ports.staging->boot_id();
  if (!artifact->refetch) artifact->received = message.resume.offset;
  return m_catalog->put_progress(*artifact);
}

/// What follows from a verdict on complete bytes goes to `after_verdict`.
Status Agent::handle(Ended& end, AfterCommit& after, AfterCommit& after_verdict) {
  const Fetched& message = end.fetched;
  const auto found = m_running.find(message.ticket);
  if (found == m_running.end()) return {};
  const Running running = found->second;
  after.emplace_back([this, ticket = message.ticket, row = running.artifact,
                      key = running.credential, is_whole = message.status.has_value(),
                      code = failure_of(message.status, end.judged)] {
    m_running.erase(ticket);
    m_tickets.erase(row);
    m_without_room.erase(row);
    m_breakers.probe_ended(key, row, m_ports.clock->now());  // nothing, unless it was one
    if (is_whole) m_disk_pause = {};
    std::lock_guard lock(m_mutex);
    if (code)
      ++m_status.failures[*code];
    else
      ++m_status.successes;
  });
  if (const auto destination = destination_of_lane(running.host))
    after.emplace_back([this, id = *destination, status = message.status] {
      count_at_destination(id, status ? "fetched" : std::string(to_string(status.error().code)));
      note_standing(id, status);
    });
  const std::string& key = running.credential;
  if (message.status && message.credential_accepted && !running.dropped)
    after.emplace_back([this, key] {
      if (m_breakers.was_told(key))
        log::info("the provider accepts the credentials again", {{"credentials_of", key}});
      m_breakers.succeeded(key);
    });
  if (end.express)
    after.emplace_back(
        [this, row = running.artifact, store = *end.express] { m_at_stores[store].insert(row); });
  if (end.express && !running.dropped) {
    // Nothing is written: what the store does with it is an outcome in the journal.
    m_express.insert_or_assign(running.artifact,
                               Express{*end.express, *end.judged, m_ports.clock->steady()});
    return {};
  }
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(running.artifact));
  if (!artifact) return {};
  if (running.dropped) {
    after.emplace_back(
        [this, name = artifact->staging_name] { (void)m_ports.staging->remove(name).has_value(); });
    artifact->in_hand = false;
    return leave_hand(*artifact, after);
  }
  if (!artifact->refetch) artifact->received = message.received;
  artifact->resume = message.resume;
  // One that was only handed through knows its boot: of that one its bytes were synced, and no more
  // of the file can be trusted now.
  if (artifact->resume && artifact->resume->boot_id.empty())
    artifact->resume->boot_id = m_ports.staging->boot_id();
  if (message.status) {
    artifact->attempts += 1;
    return take_verdict(std::move(*artifact), *end.judged, m_run, after_verdict);
  }
  artifact->in_hand = false;
  artifact->deaths = 0;
  if (artifact->state == ArtifactState::running) artifact->state = ArtifactState::planned;

  const Error error = message.status.error();
  switch (error.code) {
    case Errc::cancelled:  // we stop, or the limits changed: nothing was learned
      return leave_hand(*artifact, after);
    case Errc::no_space: {
      // Without a length there may be no end to it: its bytes make room for others again.
      const bool is_boundless = message.http_status == 200 && !message.length;
      if (is_boundless) {
        artifact->resume.reset();
        if (!artifact->refetch) artifact->received = ByteCount();
        after.emplace_back([this, error, name = artifact->staging_name] {
          (void)m_ports.staging->remove(name).has_value();
          if (room() == ByteCount()) pause_for_space(error);
        });
        break;
      }
      artifact->error = error;
      REELKEEP_TRY(note_attempt(*artifact, error));
      // What is larger than all the room there is lets others pass.
      if (message.length && *message.length - message.received > room() && room() > ByteCount()) {
        if (!artifact->refetch) artifact->state = ArtifactState::waiting;
        artifact->next_attempt_at =
            m_ports.clock->now() + std::min(k_until_room, m_policy->retry.maximum);
        after.emplace_back([this, row = artifact->row, at = *artifact->next_attempt_at] {
          m_without_room[row] = at + k_until_room;
        });
      } else {
        after.emplace_back([this, error] { pause_for_space(error); });
      }
      return leave_hand(*artifact, after);
    }
    case Errc::unauthorized: {
      if (destination_of_lane(running.host)) break;  // not the provider's
      const bool burns = m_breakers.refused(key, artifact->row, m_ports.clock->now());
      if (m_breakers.take_news(key, m_ports.clock->now()))
        log::error(
            artifact->identity.kind == ArtifactKind::cdr
                ? "the provider refuses the API credentials: CDRs of this project wait, one probe "
                  "at a time goes on; check api_id and api_key of the [[project]] block, then send "
                  "SIGHUP"
                : "the provider refuses the file credentials: downloads of this project wait, one "
                  "probe at a time goes on; check username and password of the [[project]] block "
                  "(portal: recording file security), then send SIGHUP",
            {{"app_id", artifact->identity.session.app_id.get()}});
      if (burns) break;
      artifact->error = error;
      REELKEEP_TRY(note_attempt(*artifact, error));
      if (artifact->state == ArtifactState::archived) return leave_hand(*artifact, after);
      if (!artifact->refetch) REELKEEP_TRY(take_turns(*artifact, error));
      const auto put = m_catalog->put_artifact(*std::move(artifact));
      return put ? Status() : Status(put.error());
    }
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::corrupt:
    case Errc::internal:
      break;
  }
  artifact->attempts += 1;
  return attempt_failed(std::move(*artifact), error, after);
}

/// What staging may still take beside what it takes already.
ByteCount Agent::room() const {
  return m_ports.staging->free_space().value_or(ByteCount()) - m_policy->minimum_free_space -
         m_ports.staging->promised();
}

void Agent::pause_for_space(const Error& cause) {
  if (!m_disk_paused)
    log::warn("downloads pause: no space for more bytes; they resume by themselves",
              {{"cause", cause.message}});
  m_disk_paused = true;
  m_disk_pause =
      std::clamp(m_disk_pause * 2, k_disk_pause, std::max(k_disk_pause, m_policy->retry.maximum));
  m_next_disk_look = m_ports.clock->now() + m_disk_pause;
}

/// Nothing was tried, and nothing learned.
Status Agent::handle(const Withdrawn& message, AfterCommit& after) {
  const auto found = m_running.find(message.ticket);
  if (found == m_running.end()) return {};
  const Running running = found->second;
  after.emplace_back(
      [this, ticket = message.ticket, row = running.artifact, key = running.credential] {
        m_running.erase(ticket);
        m_tickets.erase(row);
        m_breakers.probe_ended(key, row, m_ports.clock->now());  // nothing, unless it was one
      });
  REELKEEP_ASSIGN(std::optional<Artifact> artifact, m_catalog->artifact(running.artifact));
  if (!artifact) return {};
  if (running.dropped)
    after.emplace_back(
        [this, name = artifact->staging_name] { (void)m_ports.staging->remove(name).has_value(); });
  artifact->in_hand = false;
  if (artifact->state == ArtifactState::running) artifact->state = ArtifactState::planned;
  return leave_hand(*artifact, after);
}

/// A replica that was found bad while a refetch was in hand was left to that: now the promise is
/// looked at. `artifact` is out of hand.
Status Agent::leave_hand(Artifact& artifact, AfterCommit& after) {
  if (artifact.state == ArtifactState::archived) {
    Effects effects;
    REELKEEP_TRY(RecordFacts(*m_catalog, *m_policy, effects).keep_promise(artifact));
    if (!effects.empty())
      after.emplace_back([this, effects = std::move(effects)] { carry_out(effects); });
  }
  return m_catalog->put_progress(artifact);
}

Status Agent::note_attempt(const Artifact& artifact, const std::optional<Error>& error) {
  return m_catalog->add_attempt(artifact.row, {.at = m_ports.clock->now(),
                                               .number = artifact.attempts,
                                               .received = artifact.received,
                                               .error = error});
}

/// `artifact` is out of hand, its attempt counted.
Status Agent::attempt_failed(Artifact artifact, const Error& error, AfterCommit& after) {
  const Timestamp now = m_ports.clock->now();
  REELKEEP_TRY(note_attempt(artifact, error));
  artifact.error = error;
  const std::string key = Breakers::credential_key(*m_policy, artifact.identity.session.app_id,
                                                   access_of(artifact.identity.kind));
  const Duration offered_for = m_policy->offered_for(artifact.identity.session.app_id);
  FailedAttempt attempt{
      .code = error.code,
      .retry_after = error.retry_after,
      .attempts = artifact.attempts,
      .credential_works_elsewhere = !destination_of_lane(artifact.host) && m_breakers.works(key),
      .now = now,
      .deadline = artifact.deadline,
      .give_up_at = std::max(artifact.deadline, artifact.known_at) + offered_for,
      .jitter = std::uniform_real_distribution<double>(0, 1)(m_random)};

  if (artifact.refetch) {
    const int failures = m_refetch_failures[artifact.row] + 1;
    after.emplace_back(
        [this, row = artifact.row, failures] { m_refetch_failures[row] = failures; });
    if (is_final_for_refetch(error.code) || failures >= k_refetch_tries) {
      after.emplace_back([id = artifact.id, error] {
        log::warn("fetching again failed; the archived bytes stay as they are",
                  {{"artifact", id.get()}, {"cause", error.message}});
      });
      artifact.refetch = artifact.replace = false;
      artifact.next_attempt_at.reset();
      artifact.resume.reset();
      after.emplace_back([this, row = artifact.row, name = artifact.staging_name] {
        m_refetch_failures.erase(row);
        (void)m_ports.staging->remove(name).has_value();
        (void)m_ports.staging->discard_aside(name).has_value();
      });
    } else {
      attempt.attempts = failures;
      attempt.deadline = attempt.give_up_at = now + offered_for;
      artifact.next_attempt_at = next_step(attempt, m_policy->retry).at;
    }
    return leave_hand(artifact, after);
  }

  const NextStep step = next_step(attempt, m_policy->retry);
  artifact.state = ArtifactState::waiting;
  if (step.verdict == Verdict::retry) {
    artifact.next_attempt_at = step.at;
    REELKEEP_TRY(take_turns(artifact, error));
    // A file that is not there yet comes a little later: nobody needs to look at that.
    const bool is_worth_a_look =
        artifact.attempts == k_worth_a_look || artifact.deadline - now < m_policy->warn_before;
    after.emplace_back([artifact, error, next = step.at.value_or(now), now, is_worth_a_look] {
      log::write(is_worth_a_look ? log::Level::warn : log::Level::info,
                 "an attempt failed; it will be tried again",
                 {{"session", artifact.identity.session.conf_num.get()},
                  {"kind", std::string(to_string(artifact.identity.kind))},
                  {"name", artifact.name},
                  {"artifact", artifact.id.get()},
                  {"attempt", std::to_string(artifact.attempts)},
                  {"cause", error.message},
                  {"next", relative(next, now)},
                  {"deadline", relative(artifact.deadline, now)}});
    });
  } else {
    REELKEEP_TRY(give_up(artifact, step.verdict, error, after));
  }
  // All of it: where it comes from next may be another place.
  const auto put = m_catalog->put_artifact(std::move(artifact));
  return put ? Status() : Status(put.error());
}

/// The verdict is a fact of the journal first; until it is applied the artifact just waits.
Status Agent::give_up(Artifact& artifact, Verdict verdict, const Error& error, AfterCommit& after) {
  const Timestamp now = m_ports.clock->now();
  artifact.next_attempt_at = now + k_until_outcome;
  const StoreId destination = destination_of_lane(artifact.host).value_or(StoreId());
  const Outcome outcome =
      verdict == Verdict::expired
          ? Outcome(Expired{artifact.identity, error, destination})
          : Outcome(Quarantined{artifact.identity, error, artifact.bad_digest,
                                artifact.size.value_or(ByteCount(0)), destination});
  after.emplace_back([this, outcome, artifact, verdict, error] {
    log::error(verdict == Verdict::expired
                   ? "a recording is lost: the provider does not offer it any more"
                   : "a recording is quarantined: only wrong bytes came",
               {{"session", artifact.identity.session.conf_num.get()},
                {"kind", std::string(to_string(artifact.identity.kind))},
                {"name", artifact.name},
                {"artifact", artifact.id.get()},
                {"cause", error.message}});
    journal_outcome(outcome);
  });
  return {};
}

}  // namespace reelkeep::core
