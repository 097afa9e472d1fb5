// queue: what must still come from its source, in the order in which it is fetched.
#include <set>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

using Side = Column::Side;

std::string rate_text(const std::optional<double>& rate) {
  return rate ? to_string(ByteCount(static_cast<std::uint64_t>(*rate))) + "/s"
              : "no rate measured yet";
}

bool misses(const daemon::QueueRow& row, Timestamp now) {
  return row.view.artifact.deadline > now && row.eta && *row.eta > row.view.artifact.deadline;
}

std::int64_t verifying(const CatalogFigures& figures) {
  const auto found = figures.artifacts.find(ArtifactState::verifying);
  return found == figures.artifacts.end() ? 0 : found->second;
}

void write_row(json::Writer& writer, const daemon::QueueRow& row, Timestamp now) {
  const Artifact& artifact = row.view.artifact;
  writer.begin_object()
      .member("id", artifact.id)
      .member("app_id", artifact.identity.session.app_id)
      .member("conf_num", artifact.identity.session.conf_num)
      .member("kind", to_string(artifact.identity.kind))
      .member("name", artifact.name)
      .member("state", to_string(artifact.state))
      .member("expected_size", row.expected)
      .member("declared_size", artifact.declared_size)
      .member("received", artifact.received)
      .member("deadline", artifact.deadline)
      .member("next_attempt_at", artifact.next_attempt_at)
      .member("eta", row.eta)
      .member("misses", misses(row, now))
      .key("error");
  write_error(writer, artifact.error);
  writer.end_object();
}

Status print_json(Scene scene, const QueueArguments& arguments, const daemon::AgentState& agent,
                  const std::optional<double>& rate) {
  json::Writer writer(json::Layout::compact);
  REELKEEP_TRY(scene.state.queue(
      arguments.page, scene.now, rate,
      [&](const Forecast& forecast, const CatalogFigures& figures) {
        writer.begin_object()
            .member("agent_running", agent.runs)
            .member("bytes_per_second", rate)
            .member("running", agent.report ? std::optional(agent.report->running) : std::nullopt)
            .member("verifying", verifying(figures))
            .key("forecast");
        daemon::write_forecast(writer, forecast);
        writer.key("queue").begin_array();
      },
      [&](const daemon::QueueRow& row) {
        write_row(writer, row, scene.now);
        scene.output.text(writer.take());
        return !scene.output.closed();
      }));
  writer.end_array().end_object();
  scene.output.line(writer.take());
  return {};
}

void print_whole(Scene scene, const daemon::AgentState& agent, const Forecast& forecast,
                 const CatalogFigures& figures, const std::optional<double>& rate) {
  Output& output = scene.output;
  if (forecast.artifacts == 0) {
    output.line("nothing waits to be fetched");
  } else {
    output.line(count(static_cast<std::size_t>(forecast.artifacts), "artifact") + ", about " +
                to_string(forecast.bytes) + ", " + rate_text(rate) +
                (forecast.done_at ? ", all here " + relative(*forecast.done_at, scene.now) : ""));
  }
  if (const std::int64_t complete = verifying(figures); complete > 0)
    output.line(count(static_cast<std::size_t>(complete), "artifact") +
                " complete, on the way into the stores");
  if (forecast.missed > 0)
    output.line(output.toned(
        count(static_cast<std::size_t>(forecast.missed), "artifact") +
            " will miss the deadline at this pace, the first " +
            relative(forecast.first_missed.value_or(scene.now), scene.now) +
            "; raise [download] concurrency, per_host or rate_limit, or the line's capacity",
        Tone::bad));
  if (forecast.near > 0)
    output.line(output.toned(count(static_cast<std::size_t>(forecast.near), "artifact") +
                                 " overdue: the deadline is near",
                             Tone::bad));
  if (forecast.past > 0)
    output.line(output.toned(count(static_cast<std::size_t>(forecast.past), "artifact") +
                                 " past the deadline, still tried",
                             Tone::bad));
  if (!agent.runs && agent.problem.empty())
    output.line(
        output.toned("no agent runs: nothing is fetched (systemctl start reelkeep)", Tone::bad));
  else if (!agent.report)
    output.line("what the agent alone knows cannot be had: " + text::printable(agent.problem));
  else
    for (const auto& breaker : agent.report->breakers)
      output.line(output.toned(
          daemon::project_obstacle(AppId(breaker.app_id), scene.state.config(), agent, scene.now),
          Tone::bad));
  if (!agent.report) return;
  if (agent.report->disk_paused)
    output.line(output.toned("downloads are paused: the staging filesystem is full", Tone::bad));
  const auto problem = [&](const std::string& what, const std::string& cause) {
    if (!cause.empty()) output.line(output.toned(what + ": " + text::printable(cause), Tone::bad));
  };
  problem("the catalog", agent.report->catalog_problem);
  problem("staging is not available", agent.report->staging_problem);
  for (const auto& [store, cause] : agent.report->store_problems)
    problem("store \"" + text::printable(store) + "\" is not available", cause);
}

}  // namespace

Status list_queue(Scene scene, const QueueArguments& arguments) {
  const daemon::AgentState agent = scene.state.agent_state();
  const std::optional<double> rate = agent.report ? agent.report->bytes_per_second : std::nullopt;
  if (arguments.form == Form::json) return print_json(scene, arguments, agent, rate);
  Table table({{"ID"},
               {"SESSION", Side::left, Column::Narrow::own_line},
               {"KIND"},
               {"STATE"},
               {"SIZE", Side::right, Column::Narrow::left_out},
               {"NEXT TRY"},
               {"ETA", Side::left, Column::Narrow::left_out},
               {"DEADLINE"}});
  daemon::QueuePage page = arguments.page;
  if (page.limit > 0) ++page.limit;  // one more tells whether to say how to go on
  std::set<AppId> unconfigured;      // said once each
  std::int64_t rows = 0;
  std::string last;
  bool more = false;
  REELKEEP_TRY(scene.state.queue(
      page, scene.now, rate,
      [&](const Forecast& forecast, const CatalogFigures& figures) {
        print_whole(scene, agent, forecast, figures, rate);
      },
      [&](const daemon::QueueRow& row) {
        if (rows++ == arguments.page.limit) {
          more = true;
          return false;
        }
        const Artifact& artifact = row.view.artifact;
        last = artifact.id.get();
        const bool late = artifact.deadline <= scene.now || misses(row, scene.now);
        table.add({{artifact.id.get()},
                   {text::printable(artifact.identity.session.conf_num.get())},
                   {std::string(to_string(artifact.identity.kind))},
                   {std::string(to_string(artifact.state)), tone_of(artifact.state)},
                   {(artifact.declared_size ? "" : "~") + to_string(row.expected)},
                   {artifact.next_attempt_at ? relative(*artifact.next_attempt_at, scene.now) : ""},
                   {row.eta ? relative(*row.eta, scene.now) : ""},
                   {relative(artifact.deadline, scene.now), late ? Tone::bad : Tone::plain}});
        if (artifact.error) table.note(describe_error(row.view), Tone::bad);
        const AppId& app_id = artifact.identity.session.app_id;
        if (scene.state.config().project_of(app_id) == nullptr &&
            unconfigured.insert(app_id).second)
          table.note(daemon::project_obstacle(app_id, scene.state.config(), agent, scene.now),
                     Tone::bad);
        return true;
      }));
  if (!table.empty()) {
    scene.output.line();
    table.print(scene.output);
  }
  if (more)
    scene.output.line(scene.output.toned("more: reelkeep queue --after " + last, Tone::faint));
  return {};
}

}  // namespace reelkeep::cli
