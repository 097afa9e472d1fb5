#pragma once

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/url.hpp"
#include "reelkeep/port/fetcher.hpp"

namespace reelkeep::curl {

enum class Hop { first, redirect };

/// Whether a request may be sent to `url` at all, before its name is resolved. Errc::invalid names
/// the key of the configuration that would allow it.
Status check_target(const Url& url, const HostRules& rules, Hop hop);

/// Whether the pair goes along: a host of the rules, at exactly the origin of the first URL.
bool may_send_pair(const Url& url, const Url& first, const HostRules& rules);

}  // namespace reelkeep::curl
