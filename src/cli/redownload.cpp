#include <algorithm>
#include <set>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "cli/progress.hpp"
#include "cli/table.hpp"
#include "daemon/operator_orders.hpp"

namespace reelkeep::cli {
namespace {

using daemon::Follow;
using daemon::FollowEnd;
using daemon::Selection;
using daemon::Skipped;
using daemon::Standing;

/// All that the command tells in the end.
struct Report {
  Selection selection;
  bool agent_running = false;
  bool dry_run = false;
  std::optional<Seq> order;
  std::optional<Standing> standing;  ///< after waiting
};

void print_json(Output& output, const Report& report) {
  json::Writer writer(json::Layout::pretty);
  writer.begin_object().key("queued").begin_array();
  for (const ArtifactView& view : report.selection.chosen) writer.value(view.artifact.id);
  writer.end_array().key("skipped").begin_array();
  for (const Skipped& one : report.selection.skipped)
    writer.begin_object().member("id", one.id).member("reason", one.reason).end_object();
  writer.end_array().member("agent_running", report.agent_running).key("results").begin_array();
  if (report.standing) {
    for (const ArtifactView& view : report.standing->artifacts) {
      writer.begin_object()
          .member("id", view.artifact.id)
          .member("state", to_string(view.artifact.state))
          .member("settled", report.standing->applied && daemon::is_settled(view.artifact))
          .member("sha256", view.artifact.digest)
          .key("error");
      write_error(writer, view.artifact.error);
      writer.end_object();
    }
  }
  writer.end_array().member("dry_run", report.dry_run).member("order", report.order).end_object();
  output.line(writer.take());
}

void print_selection(Output& output, const Selection& selection, const std::string& what) {
  for (const ArtifactView& view : selection.chosen)
    output.line(what + " " + view.artifact.id.get() + " " + title(view.artifact) + " (" +
                std::string(to_string(view.artifact.state)) + ")");
  for (const Skipped& one : selection.skipped)
    output.line(output.toned("skipped " + one.id.get() + ": " + one.reason, Tone::faint));
}

void print_results(Output& output, const Standing& standing) {
  for (const ArtifactView& view : standing.artifacts) {
    const Artifact& artifact = view.artifact;
    const bool settled = standing.applied && daemon::is_settled(artifact);
    std::string state(to_string(artifact.state));
    if (!standing.applied)
      state = "queued";
    else if (artifact.refetch)
      state = "fetching again";
    const bool is_kept = settled && artifact.state == ArtifactState::archived && artifact.error;
    if (is_kept) state = "not fetched again";
    const Tone tone = is_kept ? Tone::bad : settled ? tone_of(artifact.state) : Tone::busy;
    output.line(output.toned(state, tone) + " " + artifact.id.get() + " " + title(artifact));
    if (artifact.error) output.line("    " + output.toned(describe_error(view), Tone::bad));
  }
}

/// How the work ended for the first artifact that did not come through.
Status verdict(const Standing& standing) {
  for (const ArtifactView& view : standing.artifacts) {
    const Artifact& artifact = view.artifact;
    const std::string name = "artifact " + artifact.id.get();
    if (artifact.state == ArtifactState::archived && !artifact.error) continue;
    const std::string state = artifact.state == ArtifactState::archived
                                  ? "was not fetched again"
                                  : "is " + std::string(to_string(artifact.state));
    if (artifact.error)
      return Error{artifact.error->code, name + " " + state + ": " + artifact.error->message};
    return Error{artifact.state == ArtifactState::cancelled ? Errc::cancelled : Errc::not_found,
                 name + " " + state};
  }
  return {};
}

Status outcome(FollowEnd end, const Standing& standing, const RedownloadArguments& arguments) {
  const std::string show =
      "; look with: reelkeep show " + text::printable(arguments.conf_num.get());
  switch (end) {
    case FollowEnd::settled:
      return verdict(standing);
    case FollowEnd::time_over:
      return Error{Errc::timeout, "the time is over and not all is archived yet" +
                                      (arguments.now ? std::string("; the rest stays queued")
                                                     : "; the agent goes on" + show)};
    case FollowEnd::no_agent:
      return Error{Errc::unavailable,
                   "no agent runs: what is queued is fetched when it starts (systemctl start "
                   "reelkeep), or now with: reelkeep redownload " +
                       text::printable(arguments.conf_num.get()) + " --now"};
  }
  return {};
}

Progress::Kind progress_kind(const RedownloadArguments& arguments, const Output::Look& look) {
  if (look.terminal) return Progress::Kind::bar;
  return arguments.form == Form::json ? Progress::Kind::none : Progress::Kind::lines;
}

/// Follows, or does, the work; fills in where it ended.
Result<FollowEnd> see_through(Scene scene, const RedownloadArguments& arguments,
                              const Follow& follow, Report& report) {
  // The bar goes to standard error, where it never mixes with the result.
  const Output::Look look = Output::look_of_process(2);
  Progress progress(scene.state, progress_kind(arguments, look), look.width);
  const auto seen = [&](const Standing& standing) {
    progress.show(standing);
    report.standing = standing;
  };
  return arguments.now ? scene.state.work_here(follow, seen) : scene.state.follow(follow, seen);
}

/// A session that the catalog has nothing of, as the provider's archive lists it.
struct Listed {
  SessionView view;
  std::vector<core::FoundSession> found;
};

/// `unknown`: why the archive is asked; it stays the answer where the archive does not know either.
Result<Listed> ask_archive(Scene scene, const RedownloadArguments& arguments,
                           const Error& unknown) {
  const auto& projects = scene.state.config().projects;
  if (std::none_of(projects.begin(), projects.end(),
                   [](const auto& project) { return project.api().has_value(); }))
    return unknown;
  REELKEEP_TRY(scene.state.read_secrets());
  REELKEEP_ASSIGN(std::vector<daemon::ProjectFindings> asked,
                  scene.state.reconcile({.conf_num = arguments.conf_num,
                                         .app_id = arguments.app_id,
                                         .youth = core::Youth::taken,
                                         .dry_run = true},
                                        scene.now));
  Listed listed;
  std::set<AppId> app_ids;
  std::optional<Error> failed;
  for (daemon::ProjectFindings& project : asked) {
    if (project.error && project.error->code != Errc::not_found && !failed) failed = project.error;
    for (core::FoundSession& session : project.found) {
      if (session.key.conf_num != arguments.conf_num ||
          (arguments.app_id && session.key.app_id != *arguments.app_id))
        continue;
      app_ids.insert(session.key.app_id);
      listed.view.session.key = session.key;
      listed.view.session.room_id = session.room_id;
      for (const core::FoundArtifact& one : session.artifacts) {
        ArtifactView view;
        view.artifact.identity = one.identity;
        view.artifact.id = one.id;
        view.artifact.name = one.name;
        listed.view.artifacts.push_back(std::move(view));
      }
      listed.found.push_back(std::move(session));
    }
  }
  const std::string name = text::printable(arguments.conf_num.get());
  if (app_ids.size() > 1)
    return Error{Errc::conflict, "the provider's archive lists session " + name +
                                     " for several projects; say which with --app-id"};
  if (!listed.found.empty()) return listed;
  if (failed)
    return failed->within(unknown.message + "; and the provider's archive cannot be asked");
  return Error{Errc::not_found,
               unknown.message + "; the provider's archive lists no file of it either"};
}

/// The session as known, or as the provider's archive lists it.
Result<Listed> session_of(Scene scene, const RedownloadArguments& arguments) {
  Result<SessionView> known = scene.state.find(arguments.conf_num, arguments.app_id);
  const bool seen = known ? !known->artifacts.empty() : known.error().code != Errc::not_found;
  if (seen || arguments.failed || !arguments.artifacts.empty()) {
    if (!known) return known.error();
    return Listed{*std::move(known), {}};
  }
  return ask_archive(
      scene, arguments,
      known ? Error{Errc::not_found, "session " + text::printable(arguments.conf_num.get()) +
                                         " has no artifact yet: the provider has offered nothing"}
            : known.error());
}

/// An artifact by itself says whose it is.
Result<RedownloadArguments> with_session(Scene scene, RedownloadArguments arguments) {
  if (!arguments.conf_num.empty()) return arguments;
  REELKEEP_ASSIGN(const SessionView view, scene.state.find_artifact(arguments.artifacts.front()));
  const SessionKey& key = view.session.key;
  if (arguments.app_id && key.app_id != *arguments.app_id)
    return Error{Errc::not_found, "artifact " + view.artifacts.front().artifact.id.get() +
                                      " is of app_id " + text::printable(key.app_id.get())};
  arguments.conf_num = key.conf_num;
  arguments.app_id = key.app_id;
  return arguments;
}

}  // namespace

Status redownload(Scene scene, const RedownloadArguments& asked) {
  REELKEEP_ASSIGN(const RedownloadArguments arguments, with_session(scene, asked));
  REELKEEP_ASSIGN(Listed session, session_of(scene, arguments));
  // The catalog learns of a file that somebody removed only from an audit.
  if (arguments.failed) scene.state.look_at_replicas(session.view);
  const SessionView& view = session.view;
  Report report{.dry_run = arguments.dry_run};
  REELKEEP_ASSIGN(report.selection,
                  choose_to_fetch(view, daemon::Choice{.artifacts = arguments.artifacts,
                                                       .kinds = arguments.kinds,
                                                       .failed = arguments.failed}));
  REELKEEP_ASSIGN(const std::optional<long> agent, scene.state.agent());
  report.agent_running = agent.has_value();
  const bool people = arguments.form == Form::people;
  if (agent && arguments.now && !arguments.dry_run)
    return Error{Errc::conflict,
                 "an agent runs already" +
                     (*agent > 0 ? " (pid " + std::to_string(*agent) + ")" : std::string()) +
                     " and does the work itself: leave --now away (--wait follows it), or stop it "
                     "first"};

  if (arguments.dry_run || report.selection.chosen.empty()) {
    if (!people) {
      print_json(scene.output, report);
    } else {
      print_selection(scene.output, report.selection, "would fetch");
      if (report.selection.chosen.empty())
        scene.output.line("nothing of session " + text::printable(arguments.conf_num.get()) +
                          " has failed: there is nothing to fetch");
    }
    return {};
  }

  Follow follow{.session = view.session.key, .limit = arguments.limit};
  for (const ArtifactView& one : report.selection.chosen)
    follow.artifacts.push_back(one.artifact.id);
  if (session.found.empty()) {
    REELKEEP_ASSIGN(follow.order, scene.state.order(RedownloadCommand{
                                      view.session.key, follow.artifacts, arguments.replace}));
  } else {
    std::vector<Seq> rows;
    REELKEEP_TRY(scene.state.queue(session.found, rows));
    follow.order = rows.back();
    remark("the session was not known: all that the provider's archive lists of it is fetched");
  }
  report.order = follow.order;
  if (scene.state.config().project_of(view.session.key.app_id) == nullptr)
    remark("no [[project]] is for app_id " + text::printable(view.session.key.app_id.get()) +
           ": nothing of it is fetched before there is one in the configuration");

  if (!arguments.wait && !arguments.now) {
    if (!people) {
      print_json(scene.output, report);
      return {};
    }
    print_selection(scene.output, report.selection, "queued");
    if (!agent)
      scene.output.line(
          "no agent runs: they are fetched when it starts (systemctl start "
          "reelkeep); --now fetches without one");
    return {};
  }
  if (people) {
    for (const Skipped& one : report.selection.skipped)
      scene.output.line(
          scene.output.toned("skipped " + one.id.get() + ": " + one.reason, Tone::faint));
    REELKEEP_TRY(scene.output.flush());
  }
  REELKEEP_ASSIGN(const FollowEnd end, see_through(scene, arguments, follow, report));
  const Standing standing = report.standing.value_or(Standing{});
  if (people) {
    print_results(scene.output, standing);
  } else {
    print_json(scene.output, report);
  }
  return outcome(end, standing, arguments);
}

}  // namespace reelkeep::cli
