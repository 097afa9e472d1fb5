// When a download takes further connections, and which bytes each of them fetches.
#include <algorithm>
#include <utility>

#include "curl/download.hpp"

namespace reelkeep::curl {
namespace {

/// What a connection is asked for lasts about this long: long enough that the round trip of asking
/// does not count, short enough that what lies ahead of the file's contiguous part, and would be
/// lost in a crash, stays small. Checkpoints are as far apart.
constexpr std::uint64_t k_stretch_seconds = 10;
/// A connection this much slower than the one that is free loses its range to it.
constexpr std::uint64_t k_much_slower = 4;

std::chrono::milliseconds time_for(ByteCount bytes, std::uint64_t rate) {
  const std::uint64_t seconds = bytes.get() / std::max<std::uint64_t>(1, rate);
  return std::chrono::seconds(std::min<std::uint64_t>(seconds, 1'000'000));
}

}  // namespace

void Download::spread(const Status& possible, MonotonicTime now) {
  if (m_is_finishing || m_spreading != Spreading::asked) return;
  Transfer& line = *m_lines.front();
  const Judgement* const answer = line.answer();
  m_spreading = possible ? Spreading::no : Spreading::never;
  // It may have come to its end, or have been asked anew, meanwhile.
  if (!possible || answer == nullptr || !answer->length || answer->validator.empty()) return;
  m_spreading = Spreading::yes;
  m_validator = answer->validator;
  m_length = *answer->length;
  m_answer = line.ending(Status());
  m_plan = RangePlan({line.at(), m_length});
  line.cut(m_length);
  if (const auto own = m_plan.take(stretch(line.rate(now)), m_length)) line.cut(own->end);
  grow(now);
}

void Download::grant(std::size_t connections, MonotonicTime now) {
  m_granted = std::max<std::size_t>(1, connections);
  if (m_is_finishing) return;
  // The first bytes are the ones that count: the last ranges go.
  while (m_lines.size() > m_granted) {
    Transfer& last =
        **std::ranges::max_element(m_lines, {}, [](const auto& line) { return line->at(); });
    m_plan.give_back(last.left());
    close(last);
  }
  grow(now);
}

std::size_t Download::allowed() const {
  return std::min(m_granted, m_bearable);
}

void Download::grow(MonotonicTime now) {
  if (m_lines.size() >= allowed()) return;
  if (m_spreading == Spreading::no && m_is_prepared && is_worth_it(*m_lines.front())) {
    m_spreading = Spreading::asked;
    m_plant.hashing.settle(m_intake);
    m_intake.is_by_loop = false;  // short, but worth several connections all the same
    m_plant.writers.post(m_intake, Spread{});
  }
  while (m_spreading == Spreading::yes && !m_is_finishing && m_lines.size() < allowed()) {
    const auto range = next_range(nullptr, now);
    if (!range) return;
    m_lines.push_back(std::make_unique<Transfer>(m_source, m_intake, m_plant));
    counted();
    m_most_lines = std::max(m_most_lines, m_lines.size());
    m_lines.back()->ask_range(*range, m_validator, m_length);
    launch(*m_lines.back(), now);
  }
}

/// A single connection is slower than the machine, and it will take a while.
bool Download::is_worth_it(Transfer& line) {
  const Judgement* const answer = line.answer();
  if (answer == nullptr || !answer->takes_ranges || answer->validator.empty() || !answer->length)
    return false;
  const ByteCount left = *answer->length - line.at();
  if (left < m_tuning.worth || line.at() == ByteCount()) return false;
  const auto pace = line.pace(m_tuning.look);
  return pace && *pace < m_tuning.fast && time_for(left, *pace) >= m_tuning.long_enough;
}

std::uint64_t Download::best_rate(MonotonicTime now) const {
  std::uint64_t best = 0;
  for (const auto& line : m_lines) best = std::max(best, line->rate(now));
  return best;
}

ByteCount Download::lowest() const {
  ByteCount lowest = m_plan.first().value_or(m_length);
  for (const auto& line : m_lines)
    if (line->left().length() > ByteCount()) lowest = std::min(lowest, line->at());
  return lowest;
}

ByteCount Download::stretch(std::uint64_t rate) const {
  const std::size_t lines = std::max<std::size_t>(1, allowed());
  if (lines == 1) return m_length;
  const ByteCount wanted =
      std::clamp(ByteCount(rate * k_stretch_seconds), m_tuning.least, m_tuning.most);
  // Near the end of the file all get as much, but nothing that is not worth a request.
  const ByteCount even((m_plan.open().get() + lines - 1) / lines);
  const auto worth = static_cast<std::uint64_t>(m_tuning.long_enough.count()) * rate / 1000;
  return std::min(wanted, std::max({even, m_tuning.least, ByteCount(worth)}));
}

std::optional<Range> Download::next_range(const Transfer* taker, MonotonicTime now) {
  const std::uint64_t rate = std::max(taker == nullptr ? 0 : taker->rate(now), best_rate(now));
  // What lies ahead of the first missing byte is bounded, whatever a single connection does.
  const ByteCount window(m_tuning.most.get() * 2 * std::max<std::size_t>(1, allowed()));
  if (const auto range = m_plan.take(stretch(rate), lowest() + window)) return range;
  return take_over(taker, rate, now);
}

/// Part of what another connection still has before it: half, or all where that one is very slow.
std::optional<Range> Download::take_over(const Transfer* taker, std::uint64_t rate,
                                         MonotonicTime now) {
  Transfer* victim = nullptr;
  for (const auto& line : m_lines) {
    if (line.get() == taker || line->left().length() == ByteCount()) continue;
    const bool is_slower =
        victim == nullptr || time_for(line->left().length(), line->rate(now)) >
                                 time_for(victim->left().length(), victim->rate(now));
    if (is_slower) victim = line.get();
  }
  if (victim == nullptr) return std::nullopt;
  const Range left = victim->left();
  const ByteCount most = stretch(rate);
  if (left.length() > most + most) {
    victim->cut(left.first + most);
    m_plan.give_back({left.first + most, left.end});
    return m_plan.take(most, left.end);
  }
  const bool is_very_slow = victim->age(now) >= m_tuning.patience &&
                            victim->rate(now) < rate / k_much_slower &&
                            time_for(left.length(), victim->rate(now)) >= m_tuning.patience;
  if (is_very_slow) {
    close(*victim);
    return left;
  }
  if (left.length() < m_tuning.least + m_tuning.least ||
      time_for(left.length(), rate) < m_tuning.long_enough)
    return std::nullopt;
  const ByteCount middle(left.first.get() + left.length().get() / 2);
  victim->cut(middle);
  return Range{middle, left.end};
}

}  // namespace reelkeep::curl
