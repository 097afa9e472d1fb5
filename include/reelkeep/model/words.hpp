#pragma once

#include <optional>
#include <string_view>

namespace reelkeep {

/// What an artifact is. `delivered`: known only from a file_transfer.
enum class ArtifactKind {
  recording,
  transcoded,
  live_recording,
  chatdata,
  metadata,
  transcription,
  cdr,
  delivered,
};
std::string_view to_string(ArtifactKind kind) noexcept;
std::optional<ArtifactKind> parse_artifact_kind(std::string_view text) noexcept;

/// planned: due now. running: a transfer has it. verifying: complete bytes are synced in staging.
/// waiting: will be tried again at next_attempt_at. delivered: nothing to fetch here.
enum class ArtifactState {
  planned,
  running,
  verifying,
  waiting,
  archived,
  quarantined,
  expired,
  cancelled,
  delivered,
};
std::string_view to_string(ArtifactState state) noexcept;
std::optional<ArtifactState> parse_artifact_state(std::string_view text) noexcept;
/// planned, running, verifying or waiting.
[[nodiscard]] bool is_work(ArtifactState state) noexcept;

enum class SessionState { lost, overdue, waiting, open, complete };
std::string_view to_string(SessionState state) noexcept;
std::optional<SessionState> parse_session_state(std::string_view text) noexcept;

enum class DeliveryState { pending, applied, ignored, quarantined };
std::string_view to_string(DeliveryState state) noexcept;
std::optional<DeliveryState> parse_delivery_state(std::string_view text) noexcept;

enum class ReplicaState { verified, superseded, delivered, missing, corrupt };
std::string_view to_string(ReplicaState state) noexcept;
std::optional<ReplicaState> parse_replica_state(std::string_view text) noexcept;

/// The four kinds of journal rows.
enum class EntryKind { delivery, reconcile, command, outcome };
std::string_view to_string(EntryKind kind) noexcept;
std::optional<EntryKind> parse_entry_kind(std::string_view text) noexcept;

}  // namespace reelkeep
