// reconcile: what the provider's archive lists and no event told of.
#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

using daemon::ProjectFindings;

std::string_view to_word(core::Lack lack) {
  return lack == core::Lack::not_known ? "not_known" : "fresh_url";
}

void write_project(json::Writer& writer, const ProjectFindings& project) {
  writer.begin_object()
      .member("app_id", project.app_id)
      .member("listed", project.findings.listed)
      .member("too_young", project.findings.young)
      .member("unusable", project.findings.unusable)
      .key("found")
      .begin_array();
  for (std::size_t i = 0; i < project.found.size(); ++i) {
    const auto& session = project.found[i];
    writer.begin_object()
        .member("app_id", session.key.app_id)
        .member("conf_num", session.key.conf_num)
        .member("room_id", session.room_id)
        .member("listed_at", session.listed_at)
        .member("journaled",
                i < project.rows.size() ? std::optional(project.rows[i]) : std::nullopt)
        .key("artifacts")
        .begin_array();
    for (const auto& artifact : session.artifacts)
      writer.begin_object()
          .member("id", artifact.id)
          .member("kind", to_string(artifact.identity.kind))
          .member("name", artifact.name)
          .member("because", to_word(artifact.lack))
          .end_object();
    writer.end_array().end_object();
  }
  writer.end_array().key("error");
  write_error(writer, project.error);
  writer.end_object();
}

void print_json(Output& output, const std::vector<ProjectFindings>& projects, bool dry_run,
                bool agent_running) {
  json::Writer writer(json::Layout::pretty);
  writer.begin_object()
      .member("dry_run", dry_run)
      .member("agent_running", agent_running)
      .key("projects")
      .begin_array();
  for (const ProjectFindings& project : projects) write_project(writer, project);
  writer.end_array().end_object();
  output.line(writer.take());
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

void print_people(Output& output, const std::vector<ProjectFindings>& projects, bool dry_run,
                  bool agent_running) {
  std::size_t listed = 0;
  std::size_t young = 0;
  std::size_t artifacts = 0;
  std::size_t renewed = 0;
  std::size_t unusable = 0;
  Table table({{.title = "CONF_NUM", .narrow = Column::Narrow::own_line},
               {.title = "ROOM", .narrow = Column::Narrow::cut},
               {.title = "APP_ID", .narrow = Column::Narrow::cut},
               {.title = "KIND"},
               {.title = "NAME", .narrow = Column::Narrow::cut},
               {.title = "BECAUSE"}});
  for (const ProjectFindings& project : projects) {
    listed += project.findings.listed;
    young += project.findings.young;
    unusable += project.findings.unusable;
    for (const auto& session : project.found)
      for (const auto& artifact : session.artifacts) {
        const bool missed = artifact.lack == core::Lack::not_known;
        ++(missed ? artifacts : renewed);
        table.add({{text::printable(session.key.conf_num.get())},
                   {text::printable(session.room_id.get())},
                   {text::printable(session.key.app_id.get())},
                   {std::string(to_string(artifact.identity.kind))},
                   {text::printable(artifact.name)},
                   {missed ? "not told of" : "fresher URL"}});
      }
  }
  if (!table.empty()) table.print(output);
  output.line(
      counted(listed, "session") + " listed, " + counted(artifacts, "artifact") +
      " that no event told of" +
      (renewed == 0 ? "" : ", " + counted(renewed, "fresher URL") + " of what did not come") +
      (artifacts + renewed == 0 ? ""
       : dry_run                ? "; nothing was queued (--dry-run)"
       : agent_running          ? "; the agent fetches what is lacking"
                                : "; fetched when the agent starts (systemctl start reelkeep)"));
  if (young > 0)
    output.line(counted(young, "session") + " younger than an hour left to the webhook");
  if (unusable > 0)
    output.line(std::to_string(unusable) +
                " of the entries could not be used (no conf_num, or another [[project]]'s)");
}

}  // namespace

Status reconcile(Scene scene, const ReconcileArguments& arguments) {
  REELKEEP_ASSIGN(const std::optional<long> agent, scene.state.agent());
  REELKEEP_ASSIGN(const std::vector<ProjectFindings> projects,
                  scene.state.reconcile(arguments.order, scene.now));
  const bool dry_run = arguments.order.dry_run;
  if (arguments.form == Form::json)
    print_json(scene.output, projects, dry_run, agent.has_value());
  else
    print_people(scene.output, projects, dry_run, agent.has_value());
  for (const ProjectFindings& project : projects)
    if (project.error)
      return project.error->within("app_id " + text::printable(project.app_id.get()));
  return {};
}

}  // namespace reelkeep::cli
