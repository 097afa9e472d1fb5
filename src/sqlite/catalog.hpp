#pragma once

#include <memory>
#include <string>

#include "reelkeep/port/catalog.hpp"

namespace reelkeep::sqlite {

struct CatalogOptions {
  bool create = true;   ///< an absent file is created (0600), else Errc::not_found
  bool migrate = true;  ///< an older schema is brought up to date, else Errc::conflict
};

/// Opens the write side; every call on one thread.
/// Errors: not_found; conflict (another schema version, another program's file); corrupt (no SQLite
/// file, or damaged: the caller may remove and rebuild it); invalid (on NFS or SMB); unauthorized;
/// no_space. Corrupt may also come later, from any call.
Result<std::unique_ptr<Catalog>> open_catalog(const std::string& path, CatalogOptions options = {});

/// Opens the reading side; works whether or not an agent runs. Errors as above; never creates.
Result<std::unique_ptr<CatalogReader>> open_catalog_reader(const std::string& path);

/// Copies it, with what its -wal holds, to `to`, which is not there before (Errc::conflict): whole
/// and on disk, or not there. An older schema is brought up to date first. Errors as above.
Status copy_catalog(const std::string& path, const std::string& to);

/// Removes the file and what SQLite keeps beside it. An absent one is success.
Status remove_catalog(const std::string& path);

}  // namespace reelkeep::sqlite
