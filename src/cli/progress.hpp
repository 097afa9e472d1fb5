#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "cli/output.hpp"
#include "daemon/operator.hpp"

namespace reelkeep::cli {

/// Tells how followed artifacts get on, on standard error: a bar on a terminal, which is erased at
/// the end; else a line whenever an artifact changes its state. One thread.
class Progress {
 public:
  enum class Kind { none, lines, bar };
  Progress(const daemon::Operator& state, Kind kind, std::size_t width)
      : m_state(state), m_kind(kind), m_width(width) {}
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const daemon::Standing& standing);
  /// Takes the bar away, so that other text may be written.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  struct Sum {
    std::size_t done = 0;
    ByteCount received;
    std::optional<ByteCount> whole;  ///< nothing: not all lengths are known
    std::string busy_with;
  };
  [[nodiscard]] Sum sum_of(const daemon::Standing& standing) const;
  void draw(const daemon::Standing& standing);
  void tell_changes(const daemon::Standing& standing);
  void note_rate(ByteCount received);

  const daemon::Operator& m_state;
  const Kind m_kind;
  const std::size_t m_width;
  std::map<ArtifactId, std::string> m_told;  ///< last line of each
  bool m_drawn = false;
  std::optional<Clock::time_point> m_measured_at;
  ByteCount m_measured;
  double m_rate = 0;  ///< bytes per second, smoothed
};

}  // namespace reelkeep::cli
