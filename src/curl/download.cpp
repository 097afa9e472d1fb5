#include "curl/download.hpp"

#include <algorithm>
#include <utility>

#include "curl/target_rules.hpp"

namespace reelkeep::curl {
namespace {

constexpr Duration k_longest_sleep{1000};

}  // namespace

Download::Download(FetchRequest request, FetchSink& sink, IntakeEvents& events, Plant plant,
                   Connections& connections, const RangeTuning& tuning)
    : m_source{std::move(request.url), std::move(request.credential), std::move(request.rules)},
      m_plant(plant),
      m_tuning(tuning),
      m_connections(connections),
      m_intake(request, sink, events),
      m_resume(std::move(request.resume)),
      m_granted(request.connections),
      m_bearable(tuning.connections) {
  m_lines.push_back(std::make_unique<Transfer>(m_source, m_intake, m_plant));
}

void Download::begin() {
  if (Status status = check_target(m_source.url, m_source.rules, Hop::first); !status)
    break_off(status.error());
  else if (m_intake.is_by_loop = !m_resume && m_intake.unsynced_up_to() > ByteCount();
           m_intake.is_by_loop)
    prepared(m_intake.prepare());
  else
    m_plant.writers.post(m_intake, Prepare{});
}

void Download::prepared(const Result<ByteCount>& size) {
  m_is_prepared = true;
  if (m_is_finishing) return;
  if (!size) return break_off(size.error());
  const bool is_usable = m_resume && *size > ByteCount() && m_resume->offset <= *size &&
                         !m_resume->validator.empty() &&
                         (!m_resume->length || *size <= *m_resume->length);
  if (is_usable) {
    m_resume->offset = *size;
    m_lines.front()->ask_rest(*m_resume);
  }
  launch(*m_lines.front(), {});
}

void Download::cancel() {
  if (m_is_finishing) return;
  if (!m_is_prepared) m_intake.interrupt();
  break_off(Error{Errc::cancelled, "download stopped"});
}

void Download::break_off(const Error& reason) {
  if (m_is_finishing) return;
  for (const auto& line : m_lines) m_connections.take_off(*line);
  finish(m_lines.front()->break_off(reason));
}

void Download::concluded(Transfer& line, CURLcode code, MonotonicTime now) {
  std::optional<Ending> ending = line.conclude(code);
  m_connections.take_off(line);
  if (ending)
    over(line, std::move(*ending), now);
  else
    launch(line, now);
}

void Download::launch(Transfer& line, MonotonicTime now) {
  if (Status status = m_connections.start(line); !status) {
    m_connections.take_off(line);
    over(line, line.ending(status.error()), now);
  }
}

/// `line` is off the loop; it may be gone afterwards.
void Download::over(Transfer& line, Ending ending, MonotonicTime now) {
  if (m_is_finishing) return;
  if (line.disagrees()) return start_over(line, now);
  if (m_spreading != Spreading::yes) return finish(std::move(ending));
  if (!ending.status) return failed(line, std::move(ending), now);
  if (const auto range = m_lines.size() > allowed() ? std::nullopt : next_range(&line, now)) {
    line.hand_over();
    line.ask_range(*range, m_validator, m_length);
    return launch(line, now);
  }
  if (m_lines.size() > 1) return close(line);
  Ending all = std::move(*m_answer);
  all.status = Status();
  all.length = m_length;
  finish(std::move(all));
}

/// As many may fail as there were connections but one. The last that is left goes on for those that
/// failed before it, whether the others are still there or came to their end; not where the server
/// wants to be left alone for a while, or is silent.
void Download::failed(Transfer& line, Ending ending, MonotonicTime now) {
  const bool is_last = m_lines.size() == 1;
  const Error& error = ending.status.error();
  const bool may_ask_again = !error.retry_after && error.code != Errc::timeout;
  if (++m_failures >= m_most_lines && is_last) return finish(std::move(ending));
  m_plan.give_back(line.left());
  // Of what it bore, not of what is there now: others may have been taken back for a while.
  const std::size_t bore = may_ask_again ? m_most_lines : m_lines.size();
  m_bearable = std::max<std::size_t>(1, std::min(m_bearable, bore) - 1);
  if (!is_last) return close(line);
  const auto range = may_ask_again ? next_range(&line, now) : std::nullopt;
  if (!range) return finish(std::move(ending));
  line.hand_over();
  line.ask_range(*range, m_validator, m_length);
  launch(line, now);
}

void Download::start_over(Transfer& line, MonotonicTime now) {
  m_spreading = Spreading::never;
  m_plan = RangePlan();
  for (std::size_t i = m_lines.size(); i-- > 0;) {
    m_connections.take_off(*m_lines[i]);
    m_lines[i]->discard();
    if (m_lines[i].get() != &line) retire(*m_lines[i]);
  }
  line.ask_from_zero();
  launch(line, now);
}

void Download::close(Transfer& line) {
  m_connections.take_off(line);
  line.hand_over();
  retire(line);
}

void Download::retire(Transfer& line) {
  m_from_network += line.from_network();
  m_pair_accepted = m_pair_accepted || line.pair_accepted();
  std::erase_if(m_lines, [&](const auto& one) { return one.get() == &line; });
  counted();
}

void Download::finish(Ending ending) {
  m_is_finishing = true;
  ending.from_network = m_from_network;
  ending.credential_accepted = m_pair_accepted;
  for (const auto& line : m_lines) {
    line->hand_over();
    ending.from_network += line->from_network();
    ending.credential_accepted = ending.credential_accepted || line->pair_accepted();
  }
  if (m_intake.is_by_loop && ending.status && !m_intake.has_failed())
    return m_plant.hashing.complete(m_intake, std::move(ending));
  // A failure syncs what is there: that is for a writer.
  m_plant.hashing.settle(m_intake);
  m_plant.writers.post(m_intake, Finish{std::move(ending)});
}

Duration Download::care(MonotonicTime now, Transfer::Scarcity buffers) {
  Duration sleep = k_longest_sleep;
  std::vector<Transfer*> lines;  // those that end take themselves, or others, off the list
  for (const auto& line : m_lines) lines.push_back(line.get());
  for (Transfer* const line : lines) {
    if (m_is_finishing) return k_longest_sleep;
    if (!has(line)) continue;
    const bool has_stalled = line->turn(now, buffers);
    if (m_intake.is_by_loop && m_intake.has_failed()) {
      // It was given bytes: the reason is with the Intake, which puts it into the completion.
      break_off(Error{Errc::internal, "the file could not be written"});
      return k_longest_sleep;
    }
    if (has_stalled) {
      const Error stalled = line->stall_error();
      m_connections.take_off(*line);
      over(*line, line->break_off(stalled), now);
      continue;
    }
    if (const CURLcode code = line->steer(now); code != CURLE_OK) {
      concluded(*line, code, now);
      continue;
    }
    sleep = std::min(sleep, line->next_turn(now));
    if (line->waits_for_rate())
      sleep = std::min(sleep, std::max(m_plant.rate.wait(now), Duration(1)));
  }
  if (!m_is_finishing) grow(now);
  return sleep;
}

bool Download::has(const Transfer* line) const {
  return std::ranges::any_of(m_lines, [&](const auto& one) { return one.get() == line; });
}

void Download::counted() {
  m_intake.connections = std::max<std::size_t>(1, m_lines.size());
}

}  // namespace reelkeep::curl
