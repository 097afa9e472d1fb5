#pragma once

#include <optional>
#include <string>

#include "reelkeep/base/error.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/model/destination_rule.hpp"
#include "reelkeep/model/session.hpp"

namespace reelkeep::core {

/// What Artifact::host says of where the bytes come from: host:port of the source, apart for what
/// the REST API gives ...
std::string lane_host(const std::string& url, ArtifactKind kind);
/// ... or a destination, which no host can look like.
std::string destination_lane(const StoreId& destination);
std::optional<StoreId> destination_of_lane(const std::string& host);
/// A failure that says that the source does not have the file, or is none.
bool is_no_source(Errc code) noexcept;
/// A pushed file may stand in for the source of its artifact. An adopted one only as it was read.
bool may_be_brought(const PushedFile& file, const DestinationRule& rule) noexcept;

}  // namespace reelkeep::core
