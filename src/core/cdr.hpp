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

/// Where to an artifact is asked for, and what is sent along.
struct Way {
  Url url;
  std::optional<Credential> credential;
  HostRules rules;
};
/// Errc::unavailable: a CDR whose project has no API credentials any more.
Result<Way> way_to(const Artifact& artifact, const ProjectPolicy& project);

/// What is sent along for it, where that is the pair of the REST API.
std::optional<Credential> api_credential(const Policy& policy, const Artifact& artifact);

}  // namespace reelkeep::core
