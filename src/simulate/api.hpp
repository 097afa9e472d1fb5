#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simulate/plan.hpp"

namespace reelkeep::simulate {

/// Where the REST API begins.
inline constexpr std::string_view k_api_prefix = "/video/v2/";

/// An answer of the archive API (`archive/...`) or the CDR API (`cdr/...`) in the provider's
/// shapes. `route`: what follows k_api_prefix, decoded. Nothing: no such route. A session that is
/// not known gives an empty list. Pure.
/// `earlier`: how many answers this route has had.
std::optional<std::string> api_answer(const Plan& plan, std::string_view route,
                                      std::string_view base_url, std::uint64_t earlier = 0);

/// {"result": ..., "error": ..., "desc": ...}
std::string api_error(int result, std::string_view error, std::string_view description);

}  // namespace reelkeep::simulate
