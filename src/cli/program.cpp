#include "cli/program.hpp"

#include <chrono>
#include <csignal>
#include <unistd.h>

#include "reelkeep/base/log.hpp"

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "daemon/config_load.hpp"
#include "daemon/service.hpp"

namespace reelkeep::cli {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

Timestamp now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

/// Looking and ordering needs no secret; what talks to a store or the provider does.
template <class Arguments>
daemon::SecretFiles secrets_for(const Arguments&) {
  return daemon::SecretFiles::leave;
}
daemon::SecretFiles secrets_for(const UrlArguments&) {
  return daemon::SecretFiles::read;
}
daemon::SecretFiles secrets_for(const VerifyArguments&) {
  return daemon::SecretFiles::read;
}
daemon::SecretFiles secrets_for(const ReconcileArguments&) {
  return daemon::SecretFiles::read;
}
daemon::SecretFiles secrets_for(const RedownloadArguments& arguments) {
  return arguments.now ? daemon::SecretFiles::read : daemon::SecretFiles::leave;
}

/// The state that the configuration names, for a command on it.
Result<daemon::Operator> open_state(const std::string& config_path, daemon::SecretFiles secrets) {
  daemon::ConfigResult loaded =
      daemon::load_config(config_path, daemon::Environment::of_process(secrets));
  if (!loaded.config) return loaded.error();
  return daemon::Operator::open(*std::move(loaded.config));
}

template <class Arguments>
Status on_state(const std::string& config_path, Output& output, const Arguments& arguments,
                Status (*command)(Scene, const Arguments&)) {
  REELKEEP_ASSIGN(daemon::Operator state, open_state(config_path, secrets_for(arguments)));
  return command(Scene{state, output, now()}, arguments);
}

Status serve(const std::string& config_path) {
  {
    // As root, so that no file of the service is left that it cannot read.
    daemon::ConfigResult loaded =
        daemon::load_config(config_path, daemon::Environment::of_process());
    if (!loaded.config) return loaded.error();
    if (auto acting = daemon::Operator::open(*std::move(loaded.config)); !acting)
      return acting.error();
  }
  return daemon::serve({.config_path = config_path});
}

Status carry_out(const Arguments& arguments, Output& output) {
  const std::string path = daemon::config_path(arguments.config, daemon::Environment::of_process());
  return std::visit(
      Overloaded{
          [&](const ServeArguments&) { return serve(path); },
          [&](const CheckArguments& it) { return check(path, output, it); },
          [&](const SessionsArguments& it) { return on_state(path, output, it, list_sessions); },
          [&](const ShowArguments& it) { return on_state(path, output, it, show); },
          [&](const WhyArguments& it) { return on_state(path, output, it, why); },
          [&](const QueueArguments& it) { return on_state(path, output, it, list_queue); },
          [&](const PathsArguments& it) { return on_state(path, output, it, list_paths); },
          [&](const UrlArguments& it) { return on_state(path, output, it, list_urls); },
          [&](const VerifyArguments& it) { return on_state(path, output, it, verify); },
          [&](const DeliveriesArguments& it) {
            return on_state(path, output, it, list_deliveries);
          },
          [&](const RedownloadArguments& it) { return on_state(path, output, it, redownload); },
          [&](const ReconcileArguments& it) { return on_state(path, output, it, reconcile); },
          [&](const ReplayArguments& it) { return on_state(path, output, it, replay); },
          [&](const CancelArguments& it) { return on_state(path, output, it, cancel); },
          [&](const AcceptArguments& it) { return on_state(path, output, it, accept); },
          [&](const SimulateArguments& it) { return simulate(output, it); },
      },
      arguments.command);
}

int failed(const Error& error) {
  complain(error.message);
  return exit_status(error.code);
}

}  // namespace

int run(std::vector<std::string> words) {
  // A reader that goes away is seen by write().
  (void)std::signal(SIGPIPE, SIG_IGN);
  end_when_interrupted();
  // Only `serve` tells what it does; the others answer.
  log::configure(log::Level::error, log::Format::text);
  auto parsed = parse_arguments(std::move(words), now());
  if (!parsed) return failed(parsed.error());
  Output output(STDOUT_FILENO, Output::look_of_process(STDOUT_FILENO));
  Status done;
  if (const auto* answer = std::get_if<Answer>(&*parsed)) {
    output.text(answer->text);
  } else {
    done = carry_out(std::get<Arguments>(*parsed), output);
  }
  const Status written = output.flush();
  if (!done) return failed(done.error());
  if (!written) return failed(written.error());
  return 0;
}

}  // namespace reelkeep::cli
