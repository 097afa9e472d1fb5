#pragma once

#include <optional>

#include "curl/intake.hpp"

namespace reelkeep::curl {

/// Hashes the short bodies of a loop two at a time: one that is written waits for the next, since
/// two take little longer than one (Sha256::update_both). Whoever has it sees to it that none waits
/// for long. The loop's thread only.
class PairedHashing {
 public:
  explicit PairedHashing(BufferPool& buffers) : m_buffers(buffers) {}

  /// `buffer` was written and is owed to intake.hash(), at the latest with settle(). An Intake that
  /// something is owed to lives until its complete().
  void owe(Intake& intake, Buffer buffer);
  /// intake.complete(), as soon as nothing is owed to it, and tells its events.
  void complete(Intake& intake, Ending ending);
  /// Hashes what is owed to `intake`; its ending was not given yet.
  void settle(const Intake& intake);
  /// Hashes what is owed.
  void settle();
  /// Since when something is owed.
  [[nodiscard]] std::optional<MonotonicTime> owed_since() const;

 private:
  struct Owed {
    Intake& intake;
    Buffer buffer;
    std::optional<Ending> ending;
    MonotonicTime since;
  };

  void hashed(Owed owed);

  BufferPool& m_buffers;
  std::optional<Owed> m_owed;
};

}  // namespace reelkeep::curl
