#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reelkeep/model/session.hpp"

#include "daemon/agent_report.hpp"
#include "daemon/config.hpp"

// Why an artifact is not archived yet. All pure; any thread.
namespace reelkeep::daemon {

/// What is known of the agent when a question is answered.
struct AgentState {
  bool runs = false;
  std::optional<AgentReport> report;  ///< nothing: it cannot be had ...
  std::string problem;                ///< ... and why
};

/// Something that holds an artifact up, and what would help; `way_out` may be empty.
struct Obstacle {
  std::string what;
  std::string way_out;
};

/// In words: what happens next with it. Never empty.
std::string next_of(const ArtifactView& view, const Config& config, const AgentState& agent,
                    Timestamp now);
/// All that holds it up at once; empty for what is settled, or goes its way.
std::vector<Obstacle> obstacles_of(const ArtifactView& view, const Config& config,
                                   const AgentState& agent, Timestamp now);
/// What holds up all work of a project, in one line; empty: nothing that is known.
std::string project_obstacle(const AppId& app_id, const Config& config, const AgentState& agent,
                             Timestamp now);

}  // namespace reelkeep::daemon
