#pragma once

#include <string>

#include "reelkeep/base/result.hpp"

namespace reelkeep::fs {

enum class PlaceBy {
  rename,  ///< RENAME_NOREPLACE; by link where the filesystem does not know it
  link,    ///< link, then unlink
};
enum class Placing {
  placed,
  taken,             ///< there is something under that name; nothing was changed
  other_filesystem,  ///< cannot be moved there, only copied
};
/// Gives a file its name without ever replacing one. Any thread.
Result<Placing> place(int from_directory, const std::string& from, int to_directory,
                      const std::string& leaf, PlaceBy by);

}  // namespace reelkeep::fs
