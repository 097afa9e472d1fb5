#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reelkeep/model/session.hpp"

// Which artifacts an order is for. All pure; any thread.
namespace reelkeep::daemon {

/// Which artifacts of a session are meant; nothing given: all.
struct Choice {
  std::vector<std::string> artifacts;  ///< ids or unique prefixes of them
  std::vector<ArtifactKind> kinds;
  bool failed = false;  ///< waiting after an error, expired, quarantined, or a replica is not good
};

struct Skipped {
  ArtifactId id;
  std::string reason;
};

struct Selection {
  std::vector<ArtifactView> chosen;
  std::vector<Skipped> skipped;
};

/// It did not work out: waits after an error (or is tried again now), expired, quarantined, or
/// lacks a good replica.
[[nodiscard]] bool has_failed(const ArtifactView& view);

/// What to fetch again. Errc::not_found: nothing matches (never with `failed` alone); conflict: an
/// id is ambiguous, or names a cancelled artifact.
Result<Selection> choose_to_fetch(const SessionView& session, const Choice& choice);

/// What to give up. Errc::not_found: nothing matches; conflict: what is named is archived.
Result<Selection> choose_to_cancel(const SessionView& session, const Choice& choice);

/// Errc::conflict where no bytes are set aside to be accepted.
Status check_acceptable(const ArtifactView& view);

}  // namespace reelkeep::daemon
