// show and paths: one session.
#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "cli/session_header.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

using Side = Column::Side;

std::string size_text(const Scene& scene, const Artifact& artifact) {
  if (artifact.size) return to_string(*artifact.size);
  const ByteCount received = scene.state.received(artifact);
  std::optional<ByteCount> whole = artifact.declared_size;
  if (artifact.resume && artifact.resume->length) whole = artifact.resume->length;
  if (received.get() == 0) return whole ? to_string(*whole) : "";
  return to_string(received) + (whole ? " of " + to_string(*whole) : "");
}

std::string next_text(const Scene& scene, const Artifact& artifact) {
  if (artifact.next_attempt_at) return relative(*artifact.next_attempt_at, scene.now);
  if (artifact.refetch) return "again now";
  return artifact.state == ArtifactState::planned ? "now" : "";
}

bool needs_its_source(const Artifact& artifact) {
  return artifact.state == ArtifactState::planned || artifact.state == ArtifactState::running ||
         artifact.state == ArtifactState::waiting;
}

/// The session, whole, and the one artifact that was asked for.
struct Shown {
  SessionView view;
  std::optional<ArtifactId> only;
};

Result<Shown> find_shown(Scene scene, const ShowArguments& arguments) {
  if (!arguments.artifact) {
    REELKEEP_ASSIGN(SessionView view, scene.state.find(*arguments.conf_num, arguments.app_id));
    return Shown{std::move(view), {}};
  }
  REELKEEP_ASSIGN(const SessionView found, scene.state.find_artifact(*arguments.artifact));
  const SessionKey& key = found.session.key;
  const ArtifactId id = found.artifacts.front().artifact.id;
  if ((arguments.conf_num && key.conf_num != *arguments.conf_num) ||
      (arguments.app_id && key.app_id != *arguments.app_id))
    return Error{Errc::not_found, "artifact " + id.get() + " is of session " +
                                      text::printable(key.conf_num.get()) + " of app_id " +
                                      text::printable(key.app_id.get())};
  REELKEEP_ASSIGN(SessionView view, scene.state.find(key.conf_num, key.app_id));
  return Shown{std::move(view), id};
}

}  // namespace

Status show(Scene scene, const ShowArguments& arguments) {
  REELKEEP_ASSIGN(const Shown shown, find_shown(scene, arguments));
  const SessionView& view = shown.view;
  if (arguments.form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    write_session(writer, view, scene.state, scene.now, shown.only);
    scene.output.line(writer.take());
    return {};
  }
  print_header(scene, view,
               has_work(view) ? scene.state.agent_state() : daemon::AgentState{.runs = true});
  if (view.artifacts.empty()) return {};
  scene.output.line();
  Table table({{"ID"},
               {"KIND"},
               {"STAGE", Side::left, Column::Narrow::left_out},
               {"NAME", Side::left, Column::Narrow::cut},
               {"STATE"},
               {"SIZE", Side::right},
               {"TRIES", Side::right, Column::Narrow::left_out},
               {"NEXT TRY"},
               {"DEADLINE"}});
  for (const ArtifactView& one : view.artifacts) {
    const Artifact& artifact = one.artifact;
    if (shown.only && artifact.id != *shown.only) continue;
    table.add({{artifact.id.get()},
               {std::string(to_string(artifact.identity.kind))},
               {text::printable(artifact.identity.stage)},
               {text::printable(artifact.name)},
               {std::string(to_string(artifact.state)) + (artifact.disputed ? " (disputed)" : ""),
                tone_of(artifact.state)},
               {size_text(scene, artifact)},
               {artifact.attempts > 0 ? std::to_string(artifact.attempts) : ""},
               {next_text(scene, artifact)},
               {needs_its_source(artifact) && artifact.deadline != Timestamp{}
                    ? relative(artifact.deadline, scene.now)
                    : ""}});
    for (const Replica& replica : one.replicas) {
      const bool is_good = replica.state == ReplicaState::verified && replica.verified_at;
      table.note(describe(replica) +
                     (is_good ? ", verified " + relative(*replica.verified_at, scene.now) : ""),
                 tone_of(replica));
    }
    if (artifact.digest) table.note("sha256 " + artifact.digest->hex(), Tone::faint);
    if (artifact.error)
      table.note(describe_error(one),
                 artifact.state == ArtifactState::cancelled ? Tone::faint : Tone::bad);
  }
  table.print(scene.output);
  return {};
}

Status list_paths(Scene scene, const PathsArguments& arguments) {
  REELKEEP_ASSIGN(const SessionView view, scene.state.find(arguments.conf_num, arguments.app_id));
  std::vector<std::string> locations;
  for (const ArtifactView& one : view.artifacts) {
    const ArtifactKind kind = one.artifact.identity.kind;
    if (!arguments.kinds.empty() &&
        std::find(arguments.kinds.begin(), arguments.kinds.end(), kind) == arguments.kinds.end())
      continue;
    for (const Replica& replica : one.replicas)
      if (replica.state == ReplicaState::verified) locations.push_back(replica.location);
  }
  if (arguments.form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    writer.begin_array();
    for (const std::string& location : locations) writer.value(location);
    writer.end_array();
    scene.output.line(writer.take());
  } else {
    // On a terminal no control character of a name may act; in a pipe the name is what it is.
    for (const std::string& location : locations)
      scene.output.line(scene.output.look().terminal ? text::printable(location) : location);
  }
  if (!locations.empty()) return {};
  const SessionState state = session_state(view, scene.now, scene.state.config().agent.warn_before);
  const std::string name = text::printable(arguments.conf_num.get());
  return Error{Errc::not_found, "session " + name + " has no verified file" +
                                    (arguments.kinds.empty() ? "" : " of that kind") +
                                    " yet; it is " + describe(view, state, scene.now) +
                                    "; more with: reelkeep show " + name};
}

}  // namespace reelkeep::cli
