#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cli/arguments.hpp"

namespace reelkeep::cli {

/// The options and arguments of all commands, as read.
struct Raw {
  std::set<std::string> given;  ///< options of the command that were written, with their dashes
  std::string config;
  std::string conf_num;
  std::string app_id;
  std::vector<std::string> artifacts;
  std::vector<std::string> kinds;
  std::string state;
  std::string since;
  std::int64_t limit = 0;
  std::int64_t after = 0;
  std::string after_artifact;
  std::int64_t raw_seq = 0;
  std::vector<std::int64_t> entries;
  std::string reason;
  std::string expires;
  std::string store;
  bool quick = false;
  std::string wait;
  std::string from;
  std::string to;
  std::string room;
  bool json = false;
  bool online = false;
  bool unmasked = false;
  bool failed = false;
  bool dry_run = false;
  bool replace = false;
  bool now = false;
  SimulateArguments simulate;
};

/// What they mean for the command of that name. Errc::invalid says what does not fit.
Result<CommandArguments> command_of(const std::string& name, const Raw& raw, Timestamp now);

}  // namespace reelkeep::cli
