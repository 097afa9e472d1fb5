// check --online: whether each destination lets the agent in.
#include "reelkeep/base/text.hpp"

#include "daemon/check.hpp"
#include "daemon/destinations.hpp"
#include "daemon/system_clock.hpp"

namespace reelkeep::daemon {
namespace {

/// No provider pushes a file of that name. That it is not there can only be told by a server that
/// was reached, is the right one, took the login and has the bucket or the folder.
constexpr const char* k_never_pushed = ".reelkeep-check";

const char* way_out(Errc code) {
  switch (code) {
    case Errc::unauthorized:
      return "compare the login and host_key of the [[destination]] with the server's owner";
    case Errc::unavailable:
    case Errc::timeout:
      return "look at the address in [[destination]], the network and the server";
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::no_space:
    case Errc::corrupt:
    case Errc::internal:
    case Errc::cancelled:
      return "look at the [[destination]] block";
  }
  return "";
}

}  // namespace

std::vector<Finding> check_destinations(const Config& config, HttpClient& http) {
  std::vector<Finding> findings;
  const SystemClock clock;
  for (const DestinationConfig& destination : config.destinations) {
    const std::string name = "[[destination]] \"" + text::printable(destination.id.get()) + "\"";
    if (destination.action == DestinationAction::record) {
      findings.push_back({.what = name + " only records: it is not asked"});
      continue;
    }
    DestinationSettings settings{.destination = destination,
                                 .connect_timeout = config.download.connect_timeout,
                                 .stall_timeout = config.download.stall_timeout};
    const auto asked = make_destination(destination, http, clock, [&settings] { return settings; });
    const auto seen = asked->stat(asked->location_of(k_never_pushed));
    if (seen || seen.error().code == Errc::not_found) {
      findings.push_back({.what = name + " answers and accepts the login"});
      continue;
    }
    findings.push_back({.severity = Finding::Severity::error,
                        .what = name + ": " + seen.error().message,
                        .way_out = way_out(seen.error().code),
                        .code = seen.error().code});
  }
  return findings;
}

}  // namespace reelkeep::daemon
