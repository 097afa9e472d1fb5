#pragma once

#include <optional>
#include <vector>

#include "curl/intake.hpp"

namespace reelkeep::curl {

/// Hashes the short bodies of a loop two at a time where the machine can (Sha256::update_both): one
/// that is written waits for the next. Whoever has it sees to it that none waits for long. The
/// loop's thread only.
class PairedHashing {
 public:
  explicit PairedHashing(BufferPool& buffers) : m_buffers(buffers) {}

  /// `buffer` was written and is owed to intake.hash(), at the latest with settle(). An Intake that
  /// something is owed to lives until its complete().
  void owe(Intake& intake, Buffer buffer);
  /// intake.complete(), and tells its events: at once where nothing is owed to it, else with
  /// complete_hashed(). Not within a callback of libcurl.
  void complete(Intake& intake, Ending ending);
  /// Completes what was hashed since its ending was given. Not within a callback of libcurl.
  void complete_hashed();
  /// Hashes what is owed to `intake`.
  void settle(const Intake& intake);
  /// Hashes what is owed.
  void settle();
  /// Since when something is owed.
  [[nodiscard]] std::optional<MonotonicTime> owed_since() const;
  [[nodiscard]] bool is_owed(const Intake& intake) const;

 private:
  struct Owed {
    Intake& intake;
    Buffer buffer;
    std::optional<Ending> ending;
    MonotonicTime since;
  };
  struct Over {
    Intake& intake;
    Ending ending;
  };

  void hashed(Owed owed);

  BufferPool& m_buffers;
  std::optional<Owed> m_owed;
  std::vector<Over> m_over;  ///< hashed, and to be completed
};

}  // namespace reelkeep::curl
