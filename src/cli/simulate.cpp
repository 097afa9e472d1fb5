#include <unistd.h>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "daemon/drill.hpp"

namespace reelkeep::cli {
namespace {

using daemon::Drill;
using daemon::DrillProgress;

std::string progress_line(const DrillProgress& step) {
  const std::string event = std::to_string(step.number) + "/" + std::to_string(step.total) + " " +
                            step.type + " of " + text::printable(step.conf_num);
  if (step.failure)
    return event + ": " + text::printable(step.failure->message) + "; it is tried again";
  return event + ": " + (step.duplicate ? "accepted, the agent had it already" : "accepted");
}

}  // namespace

Status simulate(Output& output, const SimulateArguments& arguments) {
  if (arguments.print_config) {
    REELKEEP_ASSIGN(const std::string config, daemon::drill_config(arguments.drill));
    output.text(config);
    return {};
  }
  if (arguments.once && arguments.drill.post.empty() && !arguments.print_expected)
    return Error{Errc::invalid, "--once ends when every event was accepted: it needs --post URL"};
  REELKEEP_ASSIGN(const std::unique_ptr<Drill> drill, Drill::start(arguments.drill));
  if (arguments.print_expected) {
    output.line(drill->expected_json());
    return {};
  }
  output.line(drill->description());
  for (const std::string& conf_num : drill->sessions())
    output.line("session " + text::printable(conf_num));
  REELKEEP_TRY(output.flush());
  if (!arguments.drill.post.empty()) {
    REELKEEP_TRY(drill->post([&](const DrillProgress& step) {
      output.line(progress_line(step));
      (void)output.flush().has_value();
    }));
    output.line("every event was accepted");
  }
  if (arguments.once) return {};
  output.line("serving until Ctrl-C");
  REELKEEP_TRY(output.flush());
  end_when_interrupted(0);
  for (;;) ::pause();
}

}  // namespace reelkeep::cli
