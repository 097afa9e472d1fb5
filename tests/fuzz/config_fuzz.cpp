#include "reelkeep/base/text.hpp"

#include "daemon/config_load.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

/// What a secret must at least measure to be found in a message by no accident.
constexpr std::size_t k_telling = 12;

void check_told(const std::vector<daemon::Problem>& told, const std::string& secret) {
  for (const daemon::Problem& problem : told) {
    demand(!problem.message.empty(), "a problem says what it is");
    demand(text::printable(problem.text()) == problem.text(), "a problem is fit to be shown");
    if (secret.size() >= k_telling)
      demand(problem.text().find(secret) == std::string::npos, "a problem tells no secret");
  }
}

}  // namespace

void config(std::string_view input) {
  // No relative path leads anywhere; what absolute ones find is only read.
  const auto read = daemon::read_config(input, "/nowhere/config.toml", {});
  demand(read.config.has_value() == read.problems.empty(), "a configuration, or what is wrong");
  check_told(read.problems, "");
  check_told(read.warnings, "");
  const auto again = daemon::read_config(input, "/nowhere/config.toml", {});
  demand(again.config == read.config && again.problems.size() == read.problems.size(),
         "reading a configuration is pure");
  if (!read.config) return;
  for (const auto& user : read.config->webhook.users)
    check_told(read.warnings, user.password.reveal());
  for (const auto& project : read.config->projects)
    check_told(read.warnings, project.password.reveal());
}

}  // namespace reelkeep::fuzz
