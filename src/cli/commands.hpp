#pragma once

#include "cli/arguments.hpp"
#include "cli/output.hpp"
#include "daemon/operator.hpp"

// One function for each command: does it and writes to `output`. The error is the command's exit
// status; what was written before stands.
namespace reelkeep::cli {

/// What a command on the state has at hand.
struct Scene {
  daemon::Operator& state;
  Output& output;
  Timestamp now;
};

Status list_sessions(Scene scene, const SessionsArguments& arguments);
Status show(Scene scene, const ShowArguments& arguments);
Status why(Scene scene, const WhyArguments& arguments);
Status list_queue(Scene scene, const QueueArguments& arguments);
Status list_paths(Scene scene, const PathsArguments& arguments);
Status list_urls(Scene scene, const UrlArguments& arguments);
Status verify(Scene scene, const VerifyArguments& arguments);
Status list_deliveries(Scene scene, const DeliveriesArguments& arguments);
Status redownload(Scene scene, const RedownloadArguments& arguments);
Status reconcile(Scene scene, const ReconcileArguments& arguments);
Status replay(Scene scene, const ReplayArguments& arguments);
Status cancel(Scene scene, const CancelArguments& arguments);
Status accept(Scene scene, const AcceptArguments& arguments);

/// Without a state: the configuration may be what is wrong.
Status check(const std::string& config_path, Output& output, const CheckArguments& arguments);
Status simulate(Output& output, const SimulateArguments& arguments);

}  // namespace reelkeep::cli
