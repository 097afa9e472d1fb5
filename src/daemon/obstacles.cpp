#include "daemon/obstacles.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep::daemon {
namespace {

bool needs_its_source(const Artifact& artifact) {
  switch (artifact.state) {
    case ArtifactState::planned:
    case ArtifactState::running:
    case ArtifactState::waiting:
      return true;
    case ArtifactState::archived:
      return artifact.refetch;
    case ArtifactState::verifying:
    case ArtifactState::quarantined:
    case ArtifactState::expired:
    case ArtifactState::cancelled:
    case ArtifactState::delivered:
      return false;
  }
  return false;
}

/// Stores of the project that hold no verified copy yet.
std::vector<StoreId> missing_stores(const ArtifactView& view, const ProjectConfig& project) {
  std::vector<StoreId> missing;
  for (const StoreId& store : project.stores)
    if (std::ranges::none_of(view.replicas, [&](const Replica& replica) {
          return replica.store == store && replica.state == ReplicaState::verified;
        }))
      missing.push_back(store);
  return missing;
}

std::string list(const std::vector<StoreId>& stores) {
  std::string text;
  for (const StoreId& store : stores)
    text += (text.empty() ? "\"" : ", \"") + text::printable(store.get()) + "\"";
  return text;
}

std::string breaker_text(const AgentReport::Breaker& breaker, Timestamp now) {
  return "the provider refuses the file credentials of [[project]] \"" +
         text::printable(breaker.app_id) + "\" (first " + relative(breaker.since, now) +
         "); one probe at a time goes on, the next " +
         (breaker.next_probe > now ? relative(breaker.next_probe, now) : "now");
}
constexpr const char* k_breaker_way_out =
    "compare username and password with the provider's portal (recording file security), then "
    "systemctl reload reelkeep";

/// What the configuration forbids.
void add_configured(std::vector<Obstacle>& found, const Artifact& artifact, const Config& config) {
  const AppId& app_id = artifact.identity.session.app_id;
  const ProjectConfig* project = config.project_of(app_id);
  if (project == nullptr) {
    found.push_back(
        {"no [[project]] block is for app_id " + text::printable(app_id.get()),
         "add one with its file credentials and hosts, then systemctl reload reelkeep"});
    return;
  }
  const auto url = Url::parse(artifact.url);
  if (!url) {
    found.push_back({"the offered URL cannot be read: " + url.error().message,
                     "ask the provider to send the event again"});
    return;
  }
  if (url->scheme() == "http" && !config.download.allow_plain_http)
    found.push_back({"it is offered by plain http, which is not allowed",
                     "[download] allow_plain_http = true would allow it"});
  else if (url->scheme() != "http" && url->scheme() != "https")
    found.push_back(
        {"it is offered by " + url->scheme() + "; files are fetched by https only", ""});
  if (std::ranges::none_of(project->hosts,
                           [&](const HostPattern& host) { return host.matches(*url); }))
    found.push_back({"host " + url->authority() + " is not in hosts of its [[project]]",
                     "if it is the provider's, add it, then systemctl reload reelkeep"});
}

/// What the running agent says.
void add_reported(std::vector<Obstacle>& found, const ArtifactView& view, const Config& config,
                  const AgentReport& report, Timestamp now) {
  if (!report.catalog_problem.empty())
    found.push_back({"the catalog: " + report.catalog_problem, ""});
  if (report.catching_up)
    found.push_back({"the agent is still taking up the journal", "wait a moment"});
  if (!report.staging_problem.empty())
    found.push_back({"staging is not available: " + report.staging_problem, "mount it"});
  const ProjectConfig* project = config.project_of(view.artifact.identity.session.app_id);
  if (needs_its_source(view.artifact)) {
    if (report.disk_paused)
      found.push_back({"the staging filesystem is full: downloads are paused",
                       "make space; it goes on by itself"});
    if (project != nullptr)
      if (const auto* breaker = report.breaker_of(project->app_id.get()))
        found.push_back({breaker_text(*breaker, now), k_breaker_way_out});
  }
  if (project == nullptr) return;
  for (const StoreId& store : project->stores) {
    const auto problem = report.store_problems.find(store.get());
    if (problem != report.store_problems.end())
      found.push_back({"store \"" + text::printable(store.get()) +
                           "\" is not available: " + text::printable(problem->second),
                       "bytes are kept in staging until it is back"});
  }
}

/// The provider has to put a copy at a destination that a project names in stores.
Obstacle awaited_push(const ArtifactView& view, const StoreId& store, const AgentState& agent) {
  const std::string there = "destination \"" + text::printable(store.get()) + "\"";
  const std::string or_without = ", or leave " + there + " out of stores of its [[project]]";
  const auto replica = std::ranges::find(view.replicas, std::optional(store), &Replica::store);
  if (replica == view.replicas.end())
    return {"the provider's push to " + there + " is awaited: no file_transfer named this file yet",
            "look whether file delivery is set up in the provider's portal" + or_without};
  const std::string place = text::printable(replica->location) +
                            (replica->cause.empty() ? "" : ": " + text::printable(replica->cause));
  switch (replica->state) {
    case ReplicaState::missing:
      return {"what the provider says it pushed to " + there + " is not there: " + place,
              "have the provider push it again" + or_without};
    case ReplicaState::corrupt:
      return {"what the provider pushed to " + there + " is not what was downloaded: " + place,
              "have the provider push it again" + or_without};
    case ReplicaState::verified:
    case ReplicaState::superseded:
    case ReplicaState::delivered:
      break;
  }
  if (agent.report) {
    const auto problem = agent.report->destination_problems.find(store.get());
    if (problem != agent.report->destination_problems.end())
      return {there + " does not work now: " + text::printable(problem->second),
              "what was pushed there is looked at when it works again"};
  }
  return {"what the provider pushed to " + there + " was not looked at yet: " + place, ""};
}

}  // namespace

std::string next_of(const ArtifactView& view, const Config& config, const AgentState& agent,
                    Timestamp now) {
  const Artifact& artifact = view.artifact;
  const std::string held = agent.runs ? "" : ", as soon as an agent runs";
  if (needs_its_source(artifact) && config.project_of(artifact.identity.session.app_id) == nullptr)
    return "nothing, until a [[project]] block is for its app_id";
  switch (artifact.state) {
    case ArtifactState::planned:
      return "it is due and waits for its turn" + held;
    case ArtifactState::running:
      return agent.runs ? "it is being fetched" : "it was being fetched and goes on" + held;
    case ArtifactState::verifying: {
      if (is_stuck(view)) return "nothing by itself: a copy is missing or differs";
      const ProjectConfig* project = config.project_of(artifact.identity.session.app_id);
      const std::vector<StoreId> missing =
          project == nullptr ? std::vector<StoreId>() : missing_stores(view, *project);
      const bool only_pushes =
          !missing.empty() && std::ranges::all_of(missing, [&](const auto& id) {
            return config.destination_of(id) != nullptr;
          });
      if (only_pushes) return "its bytes are complete; a push of the provider is awaited" + held;
      return "its bytes are complete and on their way into the stores" + held;
    }
    case ArtifactState::waiting:
      if (artifact.next_attempt_at && *artifact.next_attempt_at > now)
        return "the next try comes " + relative(*artifact.next_attempt_at, now) + held;
      return "the next try comes now" + held;
    case ArtifactState::archived:
      if (!artifact.refetch) return "nothing: it is archived";
      return (artifact.next_attempt_at && *artifact.next_attempt_at > now
                  ? "it is archived, and fetched again " + relative(*artifact.next_attempt_at, now)
                  : "it is archived, and is being fetched again") +
             held;
    case ArtifactState::quarantined:
      return "nothing: it was given up, only wrong bytes came";
    case ArtifactState::expired:
      return "nothing: the provider does not offer it any more";
    case ArtifactState::cancelled:
      return "nothing: it was cancelled";
    case ArtifactState::delivered:
      return "nothing is to be fetched: the provider put it at a destination";
  }
  return "nothing";
}

std::vector<Obstacle> obstacles_of(const ArtifactView& view, const Config& config,
                                   const AgentState& agent, Timestamp now) {
  const Artifact& artifact = view.artifact;
  std::vector<Obstacle> found;
  const bool source = needs_its_source(artifact);
  if (!source && artifact.state != ArtifactState::verifying) return found;
  if (!agent.runs) found.push_back({"no agent runs", "systemctl start reelkeep"});
  if (source) add_configured(found, artifact, config);
  if (agent.report) add_reported(found, view, config, *agent.report, now);
  if (source && artifact.state != ArtifactState::archived && artifact.deadline <= now)
    found.push_back(
        {"its deadline passed " + relative(artifact.deadline, now) +
             ": the provider may not offer it any more" +
             (config.project_of(artifact.identity.session.app_id) != nullptr ? "; it is still tried"
                                                                             : ""),
         "ask the provider whether the file can be had"});
  if (artifact.state == ArtifactState::verifying) {
    const ProjectConfig* project = config.project_of(artifact.identity.session.app_id);
    if (project == nullptr) {
      add_configured(found, artifact, config);
    } else {
      std::vector<StoreId> missing = missing_stores(view, *project);
      for (const StoreId& store : missing)
        if (config.destination_of(store) != nullptr)
          found.push_back(awaited_push(view, store, agent));
      std::erase_if(missing, [&](const auto& id) { return config.destination_of(id) != nullptr; });
      if (!missing.empty()) found.push_back({"no verified copy yet in store " + list(missing), ""});
    }
  }
  return found;
}

std::string project_obstacle(const AppId& app_id, const Config& config, const AgentState& agent,
                             Timestamp now) {
  const ProjectConfig* project = config.project_of(app_id);
  if (project == nullptr)
    return "no [[project]] block is for app_id " + text::printable(app_id.get()) +
           ": nothing is fetched for it; add one with its file credentials and hosts, then "
           "systemctl reload reelkeep";
  if (!agent.report) return "";
  if (const auto* breaker = agent.report->breaker_of(project->app_id.get()))
    return breaker_text(*breaker, now) + "; " + k_breaker_way_out;
  if (agent.report->disk_paused)
    return "the staging filesystem is full: downloads are paused; make space, it goes on by itself";
  return "";
}

}  // namespace reelkeep::daemon
