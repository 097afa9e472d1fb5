#pragma once

#include <list>
#include <optional>

#include "curl/intake.hpp"

namespace reelkeep::curl {

enum class Piece { whole, part };

/// Hashes the short bodies of a loop two at a time where the machine can (Sha256::update_both): one
/// that is written waits for the next. Whoever has it sees to it that none waits for long. A whole
/// body stays in its buffer until it is complete, for those who judge it; a part of one does not:
/// the rest may be long in coming. The loop's thread only.
class PairedHashing {
 public:
  explicit PairedHashing(BufferPool& buffers) : m_buffers(buffers) {}

  /// `buffer` was written and is owed to intake.hash(), at the latest with settle(). An Intake that
  /// something is owed to lives until its complete().
  void owe(Intake& intake, Buffer buffer, Piece piece);
  /// intake.complete(), and tells its events: at once where nothing is owed to it, else with
  /// complete_hashed(). Not within a callback of libcurl.
  void complete(Intake& intake, Ending ending);
  /// Completes what was hashed since its ending was given. Not within a callback of libcurl.
  void complete_hashed();
  /// Hashes what is owed to `intake`, which is going to be used elsewhere.
  void settle(const Intake& intake);
  /// Hashes what is owed.
  void settle();
  /// Since when something is owed.
  [[nodiscard]] std::optional<MonotonicTime> owed_since() const;
  [[nodiscard]] bool is_owed(const Intake& intake) const;

 private:
  /// Of each Intake one at most, of all of them one that is not hashed.
  struct Body {
    Intake& intake;
    Buffer buffer;  ///< none: it was a part, and is hashed
    Piece piece;
    MonotonicTime since;
    bool is_hashed = false;
    std::optional<Ending> ending{};
  };
  using Bodies = std::list<Body>;

  [[nodiscard]] Bodies::iterator find(const Intake& intake);
  void hashed(Body& body);
  void complete_now(Bodies::iterator body);
  void give_back(Body& body);

  BufferPool& m_buffers;
  Bodies m_bodies;
  Body* m_owed = nullptr;  ///< the one in m_bodies that is not hashed
};

}  // namespace reelkeep::curl
