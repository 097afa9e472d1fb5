#pragma once

#include <memory>
#include <string>

#include "reelkeep/port/store.hpp"

#include "fs/publish.hpp"

namespace reelkeep::fs {

struct LocalStoreOptions {
  /// Of published files. Directories are 0750, manifests 0640.
  unsigned file_mode = 0440;
  /// Where staging is; if that is inside the root, its first part there is left alone.
  std::string staging_dir;
  /// `link`: for tests of filesystems without RENAME_NOREPLACE; found out by itself otherwise.
  PlaceBy place_by = PlaceBy::rename;
};

/// An archive in a directory of this machine (or mounted here). `root` may be relative; it is
/// created at first use. Store's contract; any thread.
std::unique_ptr<Store> make_local_store(StoreId id, const std::string& root,
                                        LocalStoreOptions options);

}  // namespace reelkeep::fs
