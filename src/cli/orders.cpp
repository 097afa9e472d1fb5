// replay, cancel and accept: orders that are queued in the journal.
#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/phrases.hpp"
#include "daemon/operator_orders.hpp"
#include "json/json.hpp"

namespace reelkeep::cli {
namespace {

struct Ordered {
  Seq seq;
  std::vector<ArtifactId> artifacts;
  std::vector<daemon::Skipped> skipped;
  std::vector<Seq> deliveries;
};

Status tell(Scene scene, Form form, const Ordered& ordered, const std::string& for_people) {
  REELKEEP_ASSIGN(const std::optional<long> agent, scene.state.agent());
  if (form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    writer.begin_object().key("queued").begin_array();
    for (const ArtifactId& id : ordered.artifacts) writer.value(id);
    writer.end_array().key("skipped").begin_array();
    for (const daemon::Skipped& one : ordered.skipped)
      writer.begin_object().member("id", one.id).member("reason", one.reason).end_object();
    writer.end_array().key("deliveries").begin_array();
    for (const Seq seq : ordered.deliveries) writer.value(seq);
    writer.end_array()
        .member("agent_running", agent.has_value())
        .member("order", ordered.seq)
        .end_object();
    scene.output.line(writer.take());
    return {};
  }
  scene.output.line(for_people);
  for (const daemon::Skipped& one : ordered.skipped)
    scene.output.line(
        scene.output.toned("skipped " + one.id.get() + ": " + one.reason, Tone::faint));
  if (!agent)
    scene.output.line("no agent runs: it is done when one starts (systemctl start reelkeep)");
  return {};
}

}  // namespace

Status replay(Scene scene, const ReplayArguments& arguments) {
  REELKEEP_ASSIGN(const Seq seq, scene.state.replay(arguments.entries));
  std::string numbers;
  for (const Seq one : arguments.entries) numbers += " " + std::to_string(one.get());
  return tell(scene, arguments.form, {seq, {}, {}, arguments.entries},
              "queued: " + std::string(arguments.entries.size() == 1 ? "delivery" : "deliveries") +
                  numbers + " will be applied again");
}

Status cancel(Scene scene, const CancelArguments& arguments) {
  Result<SessionView> found = arguments.conf_num
                                  ? scene.state.find(*arguments.conf_num, arguments.app_id)
                                  : scene.state.find_artifact(arguments.artifacts.front());
  REELKEEP_ASSIGN(SessionView view, std::move(found));
  if (!arguments.conf_num) {
    for (std::size_t i = 1; i < arguments.artifacts.size(); ++i) {
      REELKEEP_ASSIGN(SessionView more, scene.state.find_artifact(arguments.artifacts[i]));
      if (more.session.key != view.session.key)
        return Error{Errc::invalid, "artifacts of several sessions: cancel them one after another"};
      view.artifacts.push_back(std::move(more.artifacts.front()));
    }
  }
  REELKEEP_ASSIGN(const daemon::Selection selection,
                  choose_to_cancel(view, daemon::Choice{.artifacts = arguments.artifacts}));
  Ordered ordered{.skipped = selection.skipped};
  std::string names;
  for (const ArtifactView& one : selection.chosen) {
    ordered.artifacts.push_back(one.artifact.id);
    names += "\n  " + one.artifact.id.get() + " " + title(one.artifact);
  }
  REELKEEP_ASSIGN(ordered.seq, scene.state.order(CancelCommand{view.session.key, ordered.artifacts,
                                                               arguments.reason}));
  return tell(scene, arguments.form, ordered, "queued: given up and never fetched again:" + names);
}

Status accept(Scene scene, const AcceptArguments& arguments) {
  REELKEEP_ASSIGN(const SessionView view, scene.state.find_artifact(arguments.artifact));
  const ArtifactView& one = view.artifacts.front();
  REELKEEP_TRY(daemon::check_acceptable(one));
  REELKEEP_ASSIGN(const Seq seq,
                  scene.state.order(AcceptCommand{view.session.key, one.artifact.id}));
  return tell(scene, arguments.form, {seq, {one.artifact.id}, {}, {}},
              "queued: " + one.artifact.id.get() + " " + title(one.artifact) +
                  " will be archived as it is, marked as disputed");
}

}  // namespace reelkeep::cli
