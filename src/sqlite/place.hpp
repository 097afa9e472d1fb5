#pragma once

#include <string>

#include "reelkeep/base/result.hpp"

namespace reelkeep::sqlite {

/// Where SQLite files may live and how they are created.

/// True for the `f_type` of NFS, SMB and their kin: locks and shared memory do not hold there, and
/// WAL corrupts.
bool is_network_filesystem(unsigned long type) noexcept;

/// Errc::invalid when the file's folder is on a network filesystem; not_found without a folder.
Status check_filesystem(const std::string& path);

/// True: there is a file (not a folder: Errc::invalid). Never opens it: closing a second descriptor
/// would drop the locks that this process holds through SQLite.
Result<bool> file_exists(const std::string& path);

/// Creates an empty file, readable by its owner alone, and syncs its folder.
Status create_private_file(const std::string& path);

/// Makes the file's name durable.
Status sync_folder(const std::string& path);

/// Takes group's and others' permissions away from an existing file that is ours.
Status make_private(const std::string& path);

}  // namespace reelkeep::sqlite
