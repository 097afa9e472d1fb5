#pragma once

#include <span>
#include <string>
#include <vector>

#include "reelkeep/port/store.hpp"

#include "fs/archive_root.hpp"
#include "fs/placing.hpp"
#include "fs/turns.hpp"

namespace reelkeep::fs {

/// What publishing needs to know of the store. Borrowed.
struct PublishContext {
  const ArchiveRoot& root;
  const std::vector<std::string>& private_names;
  unsigned file_mode;
  PlaceBy place_by;
  Turns& manifest_turns;
  SettledFolders& settled;
};

/// One pass of invariant 8 (docs/architecture.md) for files that share their syncs: length, mode,
/// fsync, rename, fsync of the folders, manifest line. Any thread.
std::vector<Result<Placed>> publish(const PublishContext& context,
                                    std::span<const PutRequest> requests);

/// Whether `path` is one that the store keeps for itself: the root's private names as first part, a
/// manifest's name as last one. Compared without regard to ASCII case.
bool is_reserved_folder(const std::string& path, const std::vector<std::string>& private_names);
bool is_reserved_leaf(const std::string& leaf);

}  // namespace reelkeep::fs
