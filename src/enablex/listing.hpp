#pragma once

#include <string_view>

#include "reelkeep/port/provider.hpp"

namespace reelkeep::enablex {

/// Provider::decode_listed. Pure; any thread; never throws.
Result<Decoded> decode_listed(std::string_view item, const AppId& asked_for, Timestamp received_at,
                              const VolatileQuery& volatile_query);

}  // namespace reelkeep::enablex
