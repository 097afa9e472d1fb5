#pragma once

#include <string>

#include "reelkeep/base/result.hpp"

namespace reelkeep::fs {

/// As root: takes the user, group and supplementary groups of the owner of `path` for the rest of
/// the process, so that no file is left that the service cannot read. Not root, `path` owned by
/// root, or not there yet: nothing changes. Call it before threads and files.
Status act_as_owner_of(const std::string& path);

}  // namespace reelkeep::fs
