#include "cli/session_header.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "cli/phrases.hpp"

namespace reelkeep::cli {

std::string time_line(Timestamp time, Timestamp now) {
  return to_rfc3339(time).substr(0, 19) + "Z (" + relative(time, now) + ")";
}

bool has_work(const SessionView& view) {
  return std::ranges::any_of(view.artifacts, [](const ArtifactView& one) {
    return is_work(one.artifact.state) || one.artifact.refetch;
  });
}

void print_header(Scene scene, const SessionView& view, const daemon::AgentState& agent) {
  const Session& session = view.session;
  Output& output = scene.output;
  const auto line = [&](const std::string& name, const std::string& value) {
    if (!value.empty())
      output.line(output.toned(name + std::string(10 - name.size(), ' '), Tone::faint) + value);
  };
  const SessionState state = session_state(view, scene.now, scene.state.config().agent.warn_before);
  line("session", output.toned(text::printable(session.key.conf_num.get()), Tone::strong));
  line("project", text::printable(session.key.app_id.get()));
  line("room", text::printable(session.room_id.get()));
  line("state", output.toned(describe(view, state, scene.now), tone_of(state)));
  if (session.started_at) line("started", time_line(*session.started_at, scene.now));
  if (session.ended_at) line("ended", time_line(*session.ended_at, scene.now));
  if (!has_work(view)) return;
  const std::string held =
      daemon::project_obstacle(session.key.app_id, scene.state.config(), agent, scene.now);
  line("held up", held.empty() ? "" : output.toned(held, Tone::bad));
  if (!agent.runs && agent.problem.empty())
    line("agent", output.toned("none runs (systemctl start reelkeep)", Tone::bad));
}

}  // namespace reelkeep::cli
