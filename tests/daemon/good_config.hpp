#pragma once

#include <doctest/doctest.h>

#include "daemon/config_load.hpp"

namespace reelkeep::daemon {

inline Config read_good(const std::string& toml,
                        const std::string& path = "/etc/reelkeep/config.toml",
                        const Environment& environment = {}) {
  ConfigResult result = read_config(toml, path, environment);
  for (const Problem& problem : result.problems) MESSAGE(problem.text());
  REQUIRE(result.config.has_value());
  return *std::move(result.config);
}

inline constexpr const char* k_project = "[[project]]\nhosts = [\"files.example.com\"]\n";

}  // namespace reelkeep::daemon
