#include "cli/documents.hpp"

#include "cli/phrases.hpp"

namespace reelkeep::cli {
namespace {

/// An empty text is an absent value.
std::optional<std::string> some(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

/// The epoch stands for "never told".
std::optional<Timestamp> some(Timestamp time) {
  return time == Timestamp{} ? std::nullopt : std::optional(time);
}

void write_replica(json::Writer& writer, const Replica& replica) {
  // What the provider put somewhere tells no size.
  const bool unknown = replica.state == ReplicaState::delivered && replica.size == ByteCount(0);
  const auto size = unknown ? std::nullopt : std::optional(replica.size);
  writer.begin_object()
      .member("store", replica.store)
      .member("location", replica.location)
      .member("size", size)
      .member("sha256", replica.digest)
      .member("state", to_string(replica.state))
      .member("verified_at", replica.verified_at)
      .member("read_at", replica.read_at)
      .member("found_at", replica.found_at)
      .member("cause", some(replica.cause))
      .end_object();
}

void write_artifact(json::Writer& writer, const ArtifactView& view, const daemon::Operator& state) {
  const Artifact& artifact = view.artifact;
  writer.begin_object()
      .member("id", artifact.id)
      .member("kind", to_string(artifact.identity.kind))
      .member("stage", some(artifact.identity.stage))
      .member("name", artifact.name)
      .member("source", state.source(artifact))
      .member("state", to_string(artifact.state))
      .member("disputed", artifact.disputed)
      .member("declared_size", artifact.declared_size)
      .member("size", artifact.size)
      .member("received", state.received(artifact))
      .member("sha256", artifact.digest)
      .member("attempts", artifact.attempts)
      .member("deadline", some(artifact.deadline))
      .member("next_attempt_at", artifact.next_attempt_at)
      .key("error");
  write_error(writer, artifact.error);
  writer.key("replicas");
  write_replicas(writer, view.replicas);
  writer.end_object();
}

}  // namespace

void write_replicas(json::Writer& writer, const std::vector<Replica>& replicas) {
  writer.begin_array();
  for (const Replica& replica : replicas) write_replica(writer, replica);
  writer.end_array();
}

void write_error(json::Writer& writer, const std::optional<Error>& error) {
  if (!error) {
    writer.value(nullptr);
    return;
  }
  writer.begin_object()
      .member("code", to_string(error->code))
      .member("message", error->message)
      .end_object();
}

void write_session(json::Writer& writer, const SessionView& view, const daemon::Operator& state,
                   Timestamp now, const std::optional<ArtifactId>& only) {
  const Session& session = view.session;
  writer.begin_object()
      .member("app_id", session.key.app_id)
      .member("conf_num", session.key.conf_num)
      .member("room_id", some(session.room_id.get()))
      .member("state", to_string(session_state(view, now, state.config().agent.warn_before)))
      .member("started_at", session.started_at)
      .member("ended_at", session.ended_at)
      .member("deadline", session_deadline(view))
      .key("artifacts")
      .begin_array();
  for (const ArtifactView& one : view.artifacts)
    if (!only || one.artifact.id == *only) write_artifact(writer, one, state);
  writer.end_array().end_object();
}

void write_summary(json::Writer& writer, const SessionSummary& summary, Timestamp now,
                   std::int64_t after) {
  writer.begin_object()
      .member("app_id", summary.session.key.app_id)
      .member("conf_num", summary.session.key.conf_num)
      .member("room_id", some(summary.session.room_id.get()))
      .member("state", to_string(summary.state))
      .member("artifacts", summary.artifacts)
      .member("archived", summary.archived)
      .member("bytes", summary.bytes)
      .member("deadline", summary.deadline)
      .member("why", describe(summary, now))
      .member("after", after)
      .end_object();
}

void write_delivery(json::Writer& writer, const DeliveryRecord& record) {
  writer.begin_object()
      .member("seq", record.seq)
      .member("received_at", record.received_at)
      .member("app_id", some(record.app_id))
      .member("type", some(record.type))
      .member("conf_num", some(record.conf_num))
      .member("state", to_string(record.state))
      .member("reason", record.reason)
      .member("duplicates", record.duplicates)
      .end_object();
}

}  // namespace reelkeep::cli
