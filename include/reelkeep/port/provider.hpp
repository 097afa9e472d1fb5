#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/event.hpp"

namespace reelkeep {

/// Further query parameters that do not identify a file, per project.
using VolatileQuery = std::function<const std::vector<std::string>&(const AppId&)>;

/// The provider's language. Pure; any thread.
class Provider {
 public:
  virtual ~Provider() = default;
  /// A webhook body. An Error (Errc::invalid) is the quarantine reason; an unknown type is a
  /// success with `known_type` false. `received_at` bounds what trans_date is believed.
  [[nodiscard]] virtual Result<Decoded> decode(std::string_view body,
                                               Timestamp received_at) const = 0;
};

}  // namespace reelkeep
