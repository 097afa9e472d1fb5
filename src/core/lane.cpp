#include "core/lane.hpp"

#include "reelkeep/base/url.hpp"

#include "core/cdr.hpp"

namespace reelkeep::core {
namespace {

constexpr std::string_view k_destination = "destination/";

}  // namespace

std::string lane_host(const std::string& url, ArtifactKind kind) {
  const auto parsed = Url::parse(url);
  if (!parsed) return "";
  const std::string lane(kind == ArtifactKind::cdr ? k_api_lane : "");
  return lane + parsed->host() + ":" + std::to_string(parsed->effective_port());
}

std::string destination_lane(const StoreId& destination) {
  return std::string(k_destination) + destination.get();
}

std::optional<StoreId> destination_of_lane(const std::string& host) {
  if (!host.starts_with(k_destination)) return std::nullopt;
  return StoreId(host.substr(k_destination.size()));
}

bool may_be_brought(const PushedFile& file, const DestinationRule& rule) noexcept {
  switch (rule.action) {
    case DestinationAction::fetch:
      return file.found != ReplicaState::missing;
    case DestinationAction::adopt:
      return file.found == ReplicaState::verified && file.read_at && file.found_digest &&
             file.refused != file.found_digest;
    case DestinationAction::record:
    case DestinationAction::verify:
    case DestinationAction::organise:
      return false;
  }
  return false;
}

bool is_no_source(Errc code) noexcept {
  return code == Errc::not_found || code == Errc::invalid;
}

}  // namespace reelkeep::core
