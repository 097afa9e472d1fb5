#include "cli/progress.hpp"

#include <algorithm>
#include <cmath>
#include <unistd.h>

#include "reelkeep/base/text.hpp"

#include "cli/interrupt.hpp"
#include "cli/phrases.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

constexpr double k_smoothing = 0.3;
constexpr std::size_t k_bar = 20;

void to_stderr(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (n <= 0) return;
    at += static_cast<std::size_t>(n);
  }
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(k_bar)));
  return "[" + std::string(full, '#') + std::string(k_bar - full, '.') + "]";
}

}  // namespace

Progress::Sum Progress::sum_of(const daemon::Standing& standing) const {
  Sum sum;
  sum.whole = ByteCount(0);
  for (const ArtifactView& view : standing.artifacts) {
    const Artifact& artifact = view.artifact;
    const bool done = standing.applied && daemon::is_settled(artifact);
    if (done) {
      ++sum.done;
      sum.received += artifact.size.value_or(ByteCount(0));
      if (sum.whole) *sum.whole += artifact.size.value_or(ByteCount(0));
      continue;
    }
    const ByteCount received = m_state.transferred(artifact).value_or(ByteCount(0));
    sum.received += received;
    std::optional<ByteCount> whole = artifact.declared_size;
    if (artifact.resume && artifact.resume->length) whole = artifact.resume->length;
    if (artifact.size) whole = artifact.size;  // complete, or fetched again
    if (!whole)
      sum.whole.reset();
    else if (sum.whole)
      *sum.whole += std::max(*whole, received);
    if (sum.busy_with.empty() || artifact.in_hand) sum.busy_with = title(artifact);
  }
  return sum;
}

void Progress::note_rate(ByteCount received) {
  const Clock::time_point now = Clock::now();
  if (m_measured_at) {
    const std::chrono::duration<double> passed = now - *m_measured_at;
    if (passed.count() < 0.2) return;
    const double rate = static_cast<double>((received - m_measured).get()) / passed.count();
    m_rate = m_rate == 0 ? rate : m_rate + k_smoothing * (rate - m_rate);
  }
  m_measured_at = now;
  m_measured = received;
}

void Progress::draw(const daemon::Standing& standing) {
  const Sum sum = sum_of(standing);
  note_rate(sum.received);
  std::string line;
  if (sum.whole && sum.whole->get() > 0) {
    const double share =
        static_cast<double>(sum.received.get()) / static_cast<double>(sum.whole->get());
    line = bar(std::clamp(share, 0.0, 1.0)) + " " + to_string(sum.received) + " of " +
           to_string(*sum.whole);
  } else {
    line = to_string(sum.received);
  }
  if (m_rate >= 1) {
    line += ", " + to_string(ByteCount(static_cast<std::uint64_t>(m_rate))) + "/s";
    if (sum.whole && *sum.whole > sum.received)
      line +=
          ", " +
          to_string(Duration(static_cast<std::int64_t>(
                                 static_cast<double>((*sum.whole - sum.received).get()) / m_rate) *
                             1000)) +
          " left";
  }
  line = std::to_string(sum.done) + "/" + std::to_string(standing.artifacts.size()) + " " + line +
         (sum.busy_with.empty() ? "" : "  " + sum.busy_with);
  to_stderr("\r\x1b[K" + cut(line, m_width > 1 ? m_width - 1 : 79));
  m_drawn = true;
  bar_is_drawn(true);
}

void Progress::tell_changes(const daemon::Standing& standing) {
  for (const ArtifactView& view : standing.artifacts) {
    const Artifact& artifact = view.artifact;
    if (standing.applied && daemon::is_settled(artifact)) continue;  // the result tells it
    std::string now = artifact.refetch ? "fetching again" : std::string(to_string(artifact.state));
    if (!standing.applied) now = "queued";
    if (artifact.error && standing.applied) now += ": " + text::printable(artifact.error->message);
    std::string& told = m_told[artifact.id];
    if (told == now) continue;
    told = now;
    remark(artifact.id.get() + " " + title(artifact) + ": " + now);
  }
}

void Progress::show(const daemon::Standing& standing) {
  switch (m_kind) {
    case Kind::none:
      return;
    case Kind::lines:
      tell_changes(standing);
      return;
    case Kind::bar:
      draw(standing);
      return;
  }
}

void Progress::erase() {
  if (!m_drawn) return;
  to_stderr("\r\x1b[K");
  m_drawn = false;
  bar_is_drawn(false);
}

}  // namespace reelkeep::cli
