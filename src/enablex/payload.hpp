#pragma once

#include <memory>

#include "reelkeep/port/provider.hpp"

namespace reelkeep::enablex {

/// Reads what EnableX posts. `volatile_query` is asked from the threads that decode; what it
/// returns has to live as long as that call. An empty function: nothing further is volatile.
///
/// decode() is pure and never throws. Known are the ten types of the provider's page, with
/// `file-transfer` for `file_transfer`. Whatever a body says about one file does not hide the
/// others: what could not be used is named in `remark`. Errc::invalid, with the member's name and
/// never its value, for what is no JSON object, has no type, or is of a known type without app_id,
/// conf_num, or one usable URL.
std::unique_ptr<Provider> make_provider(VolatileQuery volatile_query);

}  // namespace reelkeep::enablex
