// The catalog as files: copied and removed.
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "reelkeep/base/unique_fd.hpp"

#include "sqlite/catalog.hpp"
#include "sqlite/catalog_schema.hpp"
#include "sqlite/place.hpp"
#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

Status copy_catalog(const std::string& path, const std::string& to) {
  REELKEEP_ASSIGN(const bool taken, file_exists(to));
  if (taken) return Error{Errc::conflict, fmt::format("{} is there already", to)};
  REELKEEP_ASSIGN(const auto connection,
                  open_for_writing(path, catalog_schema(), {.create = false, .migrate = true}));
  const std::string part = to + ".part";
  const auto copy = [&]() -> Status {
    if (::unlink(part.c_str()) != 0 && errno != ENOENT)
      return Error::from_errno(errno, fmt::format("cannot remove {}", part));
    REELKEEP_TRY(create_private_file(part));  // SQLite fills an empty file, and keeps its mode
    REELKEEP_TRY(connection->guarded([&]() -> Status {
      Query(*connection, "VACUUM INTO ?", part).run();
      return {};
    }));
    const UniqueFd file(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0)
      return Error::from_errno(errno, fmt::format("cannot sync {}", part));
    if (::rename(part.c_str(), to.c_str()) != 0)
      return Error::from_errno(errno, fmt::format("cannot rename {}", part));
    return sync_folder(to);
  };
  Status copied = copy();
  if (!copied) ::unlink(part.c_str());  // what is left of it is overwritten the next time
  return copied;
}

Status remove_catalog(const std::string& path) {
  // The file first: SQLite throws a -wal without its file away, while a file without its -wal may
  // be torn.
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string name = path + suffix;
    if (::unlink(name.c_str()) != 0 && errno != ENOENT) {
      return Error::from_errno(errno, fmt::format("cannot remove {}", name));
    }
  }
  return {};
}

}  // namespace reelkeep::sqlite
