#pragma once

#include "reelkeep/model/session.hpp"

#include "cli/commands.hpp"
#include "daemon/obstacles.hpp"

namespace reelkeep::cli {

/// "2026-01-04T10:00:00Z (in 3h)".
[[nodiscard]] std::string time_line(Timestamp time, Timestamp now);
/// Whether anything of it is still to be done: only then the agent has something to say.
[[nodiscard]] bool has_work(const SessionView& view);
/// The lines above the table: which session, its state and why, what holds all of it up.
void print_header(Scene scene, const SessionView& view, const daemon::AgentState& agent);

}  // namespace reelkeep::cli
