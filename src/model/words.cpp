#include "reelkeep/model/words.hpp"

#include <array>
#include <cstddef>

#include "reelkeep/base/error.hpp"

namespace reelkeep {
namespace {

template <class Enum>
struct Word {
  Enum value;
  std::string_view text;
};

template <class Enum>
Word(Enum, const char*) -> Word<Enum>;

template <class Enum, std::size_t Count>
std::string_view text_of(const std::array<Word<Enum>, Count>& table, Enum value) noexcept {
  for (const Word<Enum>& word : table)
    if (word.value == value) return word.text;
  abort_broken_invariant("a value outside the table of its words");
}

template <class Enum, std::size_t Count>
std::optional<Enum> value_of(const std::array<Word<Enum>, Count>& table,
                             std::string_view text) noexcept {
  for (const Word<Enum>& word : table)
    if (word.text == text) return word.value;
  return std::nullopt;
}

constexpr std::array k_artifact_kinds{
    Word{ArtifactKind::recording, "recording"},
    Word{ArtifactKind::transcoded, "transcoded"},
    Word{ArtifactKind::live_recording, "live_recording"},
    Word{ArtifactKind::chatdata, "chatdata"},
    Word{ArtifactKind::metadata, "metadata"},
    Word{ArtifactKind::transcription, "transcription"},
    Word{ArtifactKind::cdr, "cdr"},
    Word{ArtifactKind::delivered, "delivered"},
};

constexpr std::array k_artifact_states{
    Word{ArtifactState::planned, "planned"},     Word{ArtifactState::running, "running"},
    Word{ArtifactState::verifying, "verifying"}, Word{ArtifactState::waiting, "waiting"},
    Word{ArtifactState::archived, "archived"},   Word{ArtifactState::quarantined, "quarantined"},
    Word{ArtifactState::expired, "expired"},     Word{ArtifactState::cancelled, "cancelled"},
    Word{ArtifactState::delivered, "delivered"},
};

constexpr std::array k_session_states{
    Word{SessionState::lost, "lost"},         Word{SessionState::overdue, "overdue"},
    Word{SessionState::waiting, "waiting"},   Word{SessionState::open, "open"},
    Word{SessionState::complete, "complete"},
};

constexpr std::array k_delivery_states{
    Word{DeliveryState::pending, "pending"},
    Word{DeliveryState::applied, "applied"},
    Word{DeliveryState::ignored, "ignored"},
    Word{DeliveryState::quarantined, "quarantined"},
};

constexpr std::array k_replica_states{
    Word{ReplicaState::verified, "verified"},   Word{ReplicaState::superseded, "superseded"},
    Word{ReplicaState::delivered, "delivered"}, Word{ReplicaState::missing, "missing"},
    Word{ReplicaState::corrupt, "corrupt"},
};

constexpr std::array k_entry_kinds{
    Word{EntryKind::delivery, "delivery"},
    Word{EntryKind::reconcile, "reconcile"},
    Word{EntryKind::command, "command"},
    Word{EntryKind::outcome, "outcome"},
};

}  // namespace

std::string_view to_string(ArtifactKind kind) noexcept {
  return text_of(k_artifact_kinds, kind);
}
std::optional<ArtifactKind> parse_artifact_kind(std::string_view text) noexcept {
  return value_of(k_artifact_kinds, text);
}

std::string_view to_string(ArtifactState state) noexcept {
  return text_of(k_artifact_states, state);
}
std::optional<ArtifactState> parse_artifact_state(std::string_view text) noexcept {
  return value_of(k_artifact_states, text);
}

bool is_work(ArtifactState state) noexcept {
  switch (state) {
    case ArtifactState::planned:
    case ArtifactState::running:
    case ArtifactState::verifying:
    case ArtifactState::waiting:
      return true;
    case ArtifactState::archived:
    case ArtifactState::quarantined:
    case ArtifactState::expired:
    case ArtifactState::cancelled:
    case ArtifactState::delivered:
      return false;
  }
  abort_broken_invariant("an ArtifactState outside its values");
}

std::string_view to_string(SessionState state) noexcept {
  return text_of(k_session_states, state);
}
std::optional<SessionState> parse_session_state(std::string_view text) noexcept {
  return value_of(k_session_states, text);
}

std::string_view to_string(DeliveryState state) noexcept {
  return text_of(k_delivery_states, state);
}
std::optional<DeliveryState> parse_delivery_state(std::string_view text) noexcept {
  return value_of(k_delivery_states, text);
}

std::string_view to_string(ReplicaState state) noexcept {
  return text_of(k_replica_states, state);
}
std::optional<ReplicaState> parse_replica_state(std::string_view text) noexcept {
  return value_of(k_replica_states, text);
}

std::string_view to_string(EntryKind kind) noexcept {
  return text_of(k_entry_kinds, kind);
}
std::optional<EntryKind> parse_entry_kind(std::string_view text) noexcept {
  return value_of(k_entry_kinds, text);
}

}  // namespace reelkeep
