#pragma once

#include <string_view>

#include "reelkeep/model/event.hpp"
#include "reelkeep/port/fetcher.hpp"
#include "reelkeep/port/provider_api.hpp"

#include "core/policy.hpp"

// The call detail record of a session: an answer of the REST API that is kept like a file.
namespace reelkeep::core {

/// What the host of a CDR's lane begins with: it has a credential and a limit of its own, also
/// where the API's host serves files as well.
inline constexpr std::string_view k_api_lane = "api ";

/// The same wherever the API is: it may move, and a catalog is rebuilt under another configuration.
SourceKey cdr_key(const ConfNum& conf_num);

/// Where the API offers it now.
OfferedFile cdr_file(const ApiAccess& api, const ConfNum& conf_num);

/// The host that the operator wrote as api_url, as he wrote it, and no other.
HostRules api_rules(const ApiAccess& api);

}  // namespace reelkeep::core
