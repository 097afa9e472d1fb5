#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/ids.hpp"

#include "simulate/plan.hpp"

namespace reelkeep::simulate {

/// A webhook body of the provider, as its reference page shows it.
struct SimulatedEvent {
  std::string type;
  ConfNum conf_num;
  std::string body;  ///< JSON
};

/// URL of a file below `base_url` (without a slash at the end).
std::string file_url(std::string_view base_url, const SimulatedFile& file);

/// Every event of the plan in the order of its options: as the sessions happen, or shuffled; some
/// of them twice, byte for byte the same. Pure.
std::vector<SimulatedEvent> make_events(const Plan& plan, std::string_view base_url);

}  // namespace reelkeep::simulate
