#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/ids.hpp"

namespace reelkeep {

/// What is done with a file that the provider says it put at a destination.
enum class DestinationAction {
  record,    ///< its location is noted
  verify,    ///< it is looked at
  fetch,     ///< looked at, and brought into the stores when its source is no more
  adopt,     ///< looked at, and one of the replicas that a project asks for
  organise,  ///< looked at, and moved at the destination into our layout
};
std::string_view to_string(DestinationAction action) noexcept;
std::optional<DestinationAction> parse_destination_action(std::string_view text) noexcept;

/// A destination as the operator wrote it, as far as decisions need it.
struct DestinationRule {
  StoreId id;
  std::string name;        ///< awss3, ftp, sftp, ssh: destination.name of a file_transfer
  std::string account;     ///< awss3: the bucket
  std::string host;        ///< the others: lower case, IPv6 without brackets
  std::uint16_t port = 0;  ///< 0: the protocol's own
  DestinationAction action = DestinationAction::record;
  /// What the path of a pushed file begins with, below the bucket or the root: empty, or ends with
  /// '/'. Whoever posts an event names any file that the credentials reach.
  std::string source_prefix;
  std::string layout_prefix;  ///< the same of our layout there: what lies in it is no push
  friend bool operator==(const DestinationRule&, const DestinationRule&) = default;

  /// A pushed file is at this destination. `destination_name` is compared without case; "s3",
  /// "scp" and "ftps" are other words for awss3, ssh and ftp. A location that names no port may
  /// have any. Pure.
  [[nodiscard]] bool matches(std::string_view destination_name, const std::string& location) const;
  /// Why nothing is done with a file that matches, in words; empty: it lies where this
  /// destination's files may lie. Pure.
  [[nodiscard]] std::string refuses(const std::string& location) const;
  /// The path of a location that matches, below the bucket (raw) or the root (decoded, without
  /// empty segments); nothing: it leads out by "." or "..". Pure.
  [[nodiscard]] std::optional<std::string> path_of(const std::string& location) const;
};

}  // namespace reelkeep
