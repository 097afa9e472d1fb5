#include "curl/target_rules.hpp"

#include <algorithm>

namespace reelkeep::curl {
namespace {

bool any_matches(const std::vector<HostPattern>& patterns, const Url& url) {
  return std::ranges::any_of(patterns, [&url](const HostPattern& p) { return p.matches(url); });
}

}  // namespace

Status check_target(const Url& url, const HostRules& rules, Hop hop) {
  if (url.scheme() == "http") {
    if (!rules.allow_plain_http)
      return Error{Errc::invalid, url.authority() +
                                      ": plain http is not allowed "
                                      "(download.allow_plain_http would allow it)"};
  } else if (url.scheme() != "https") {
    return Error{Errc::invalid, "files are fetched by https only, not by " + url.scheme()};
  }
  if (any_matches(rules.hosts, url)) return {};
  if (hop == Hop::first)
    return Error{Errc::invalid, "host " + url.authority() + " is not in hosts of the project"};
  if (any_matches(rules.redirect_hosts, url)) return {};
  return Error{Errc::invalid,
               "redirect to " + url.authority() +
                   ", which is neither in hosts nor in redirect_hosts of the project"};
}

bool may_send_pair(const Url& url, const Url& first, const HostRules& rules) {
  return url.origin() == first.origin() && any_matches(rules.hosts, url);
}

}  // namespace reelkeep::curl
