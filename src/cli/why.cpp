// why: what is known of a session's way, what is next, and what holds it up.
#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "cli/session_header.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

using Side = Column::Side;

constexpr std::int64_t k_events_for_people = 50;

/// What is told of one artifact.
struct Story {
  const ArtifactView* view;
  std::vector<Attempt> attempts;
  std::string next;
  std::vector<daemon::Obstacle> obstacles;
};

Result<std::vector<Story>> stories_of(Scene scene, const SessionView& view,
                                      const daemon::AgentState& agent) {
  std::vector<Story> stories;
  for (const ArtifactView& one : view.artifacts) {
    REELKEEP_ASSIGN(std::vector<Attempt> attempts, scene.state.attempts(one.artifact));
    stories.push_back(
        {.view = &one,
         .attempts = std::move(attempts),
         .next = daemon::next_of(one, scene.state.config(), agent, scene.now),
         .obstacles = daemon::obstacles_of(one, scene.state.config(), agent, scene.now)});
  }
  return stories;
}

void write_story(json::Writer& writer, const Story& story) {
  const Artifact& artifact = story.view->artifact;
  writer.begin_object()
      .member("id", artifact.id)
      .member("kind", to_string(artifact.identity.kind))
      .member("stage", artifact.identity.stage.empty() ? std::nullopt
                                                       : std::optional(artifact.identity.stage))
      .member("name", artifact.name)
      .member("state", to_string(artifact.state))
      .member("deadline",
              artifact.deadline == Timestamp{} ? std::nullopt : std::optional(artifact.deadline))
      .member("tries", artifact.attempts)
      .member("next", story.next)
      .member("next_attempt_at", artifact.next_attempt_at)
      .key("error");
  write_error(writer, artifact.error);
  const std::string way_out = describe_way_out(*story.view);
  writer.member("way_out", way_out.empty() ? std::nullopt : std::optional(way_out));
  writer.key("attempts").begin_array();
  for (const Attempt& one : story.attempts) {
    writer.begin_object()
        .member("number", one.number)
        .member("at", one.at)
        .member("received", one.received)
        .key("error");
    write_error(writer, one.error);
    writer.end_object();
  }
  writer.end_array().key("replicas");
  write_replicas(writer, story.view->replicas);
  writer.key("obstacles").begin_array();
  for (const daemon::Obstacle& one : story.obstacles)
    writer.begin_object().member("what", one.what).member("way_out", one.way_out).end_object();
  writer.end_array().end_object();
}

Status print_json(Scene scene, const SessionView& view, const daemon::AgentState& agent,
                  const std::vector<Story>& stories, const ListFilter& events) {
  const SessionState state = session_state(view, scene.now, scene.state.config().agent.warn_before);
  json::Writer writer(json::Layout::pretty);
  writer.begin_object()
      .member("app_id", view.session.key.app_id)
      .member("conf_num", view.session.key.conf_num)
      .member("state", to_string(state))
      .member("why", describe(view, state, scene.now))
      .member("deadline", session_deadline(view))
      .key("agent")
      .begin_object()
      .member("running", agent.runs)
      .member("answers", agent.report.has_value())
      .member("problem", agent.problem.empty() ? std::nullopt : std::optional(agent.problem))
      .end_object()
      .key("events")
      .begin_array();
  REELKEEP_TRY(scene.state.deliveries(events, [&](const DeliveryRecord& record) {
    write_delivery(writer, record);
    return true;
  }));
  writer.end_array().key("artifacts").begin_array();
  for (const Story& story : stories) write_story(writer, story);
  writer.end_array().end_object();
  scene.output.line(writer.take());
  return {};
}

Status print_events(Scene scene, ListFilter events) {
  events.limit = k_events_for_people + 1;
  Table table({{"EVENT", Side::right},
               {"RECEIVED"},
               {"TYPE", Side::left, Column::Narrow::cut},
               {"STATE"},
               {"AGAIN", Side::right}});
  std::int64_t rows = 0;
  REELKEEP_TRY(scene.state.deliveries(events, [&](const DeliveryRecord& record) {
    if (rows++ == k_events_for_people) return false;
    table.add({{std::to_string(record.seq.get())},
               {time_line(record.received_at, scene.now)},
               {text::printable(record.type)},
               {std::string(to_string(record.state)), tone_of(record.state)},
               {record.duplicates > 0 ? std::to_string(record.duplicates) + "x" : ""}});
    if (record.reason) table.note(text::printable(*record.reason), tone_of(record.state));
    return true;
  }));
  scene.output.line();
  if (table.empty())
    scene.output.line("no event of this session was received");
  else
    table.print(scene.output);
  if (rows > k_events_for_people)
    scene.output.line(scene.output.toned("older events: with --json", Tone::faint));
  return {};
}

std::string tried(const Attempt& attempt, Timestamp now) {
  std::string text = relative(attempt.at, now);
  if (attempt.number > 0) text += ", try " + std::to_string(attempt.number);  // 0: none was counted
  text += ": ";
  if (!attempt.error) return text + "the bytes came";
  text +=
      std::string(to_string(attempt.error->code)) + ": " + text::printable(attempt.error->message);
  if (attempt.received.get() > 0) text += " (" + to_string(attempt.received) + " received)";
  return text;
}

void print_story(Scene scene, const Story& story) {
  Output& output = scene.output;
  const Artifact& artifact = story.view->artifact;
  output.line();
  output.line(output.toned(artifact.id.get(), Tone::strong) + " " + title(artifact) + ": " +
              output.toned(std::string(to_string(artifact.state)), tone_of(artifact.state)));
  // A try that said the same as the one before is counted, not told.
  for (std::size_t i = 0; i < story.attempts.size();) {
    std::size_t last = i;
    while (last + 1 < story.attempts.size() && story.attempts[i].error &&
           story.attempts[last + 1].error &&
           story.attempts[last + 1].error->message == story.attempts[i].error->message)
      ++last;
    output.line("  tried     " + tried(story.attempts[last], scene.now) +
                (last > i ? "; " + std::to_string(last - i + 1) + " times the same" : ""));
    i = last + 1;
  }
  // A store's or a destination's error is no try's.
  if (artifact.error && (story.attempts.empty() || story.attempts.back().error != artifact.error))
    output.line("  error     " + output.toned(describe_error(*story.view), Tone::bad));
  for (const Replica& replica : story.view->replicas)
    output.line("  copy      " + output.toned(describe(replica), tone_of(replica)));
  output.line("  next      " + story.next);
  if (is_work(artifact.state) && artifact.state != ArtifactState::verifying &&
      artifact.deadline != Timestamp{})
    output.line("  deadline  " + time_line(artifact.deadline, scene.now));
  for (const daemon::Obstacle& one : story.obstacles) {
    output.line("  held up   " + output.toned(one.what, Tone::bad));
    if (!one.way_out.empty()) output.line("            " + one.way_out);
  }
  if (artifact.error && !story.attempts.empty() && !describe_way_out(*story.view).empty())
    output.line("  way out   " + describe_way_out(*story.view));
}

}  // namespace

Status why(Scene scene, const WhyArguments& arguments) {
  REELKEEP_ASSIGN(const SessionView view, scene.state.find(arguments.conf_num, arguments.app_id));
  const daemon::AgentState agent = scene.state.agent_state();
  REELKEEP_ASSIGN(const std::vector<Story> stories, stories_of(scene, view, agent));
  const ListFilter events{.app_id = view.session.key.app_id, .conf_num = view.session.key.conf_num};
  if (arguments.form == Form::json) return print_json(scene, view, agent, stories, events);
  print_header(scene, view, agent);
  if (!agent.problem.empty() && has_work(view))
    scene.output.line("what the agent alone knows cannot be had: " +
                      text::printable(agent.problem));
  REELKEEP_TRY(print_events(scene, events));
  for (const Story& story : stories) print_story(scene, story);
  return {};
}

}  // namespace reelkeep::cli
