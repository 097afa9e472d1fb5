#include "faulty_disk.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <sqlite3.h>
#include <stdexcept>

namespace reelkeep::testing {

namespace {

/// SQLite's methods for one kind of file, and the same with the faults in front.
struct Layered {
  const sqlite3_io_methods* below = nullptr;
  sqlite3_io_methods above{};
};

std::atomic<Fault> g_fault{Fault::none};
sqlite3_vfs g_layer;
sqlite3_vfs* g_disk = nullptr;
std::mutex g_mutex;
std::array<Layered, 4> g_kinds;  // filled under g_mutex, never changed afterwards

const sqlite3_io_methods& below(const sqlite3_file* file) {
  return *reinterpret_cast<const Layered*>(reinterpret_cast<const char*>(file->pMethods) -
                                           offsetof(Layered, above))
              ->below;
}

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  switch (g_fault.load()) {
    case Fault::full:
      return SQLITE_FULL;
    case Fault::write_error:
      return SQLITE_IOERR_WRITE;
    case Fault::quota_on_write:
      errno = EDQUOT;
      return SQLITE_IOERR_WRITE;
    case Fault::none:
    case Fault::sync_error:
    case Fault::quota_on_sync:
      break;
  }
  return below(file).xWrite(file, bytes, count, offset);
}

int sync(sqlite3_file* file, int flags) {
  const Fault fault = g_fault.load();
  if (fault == Fault::quota_on_sync) errno = EDQUOT;
  if (fault == Fault::sync_error) errno = EIO;
  if (fault == Fault::quota_on_sync || fault == Fault::sync_error) return SQLITE_IOERR_FSYNC;
  return below(file).xSync(file, flags);
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = g_disk->xOpen(vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK || file->pMethods == nullptr) return code;
  const std::lock_guard lock(g_mutex);
  for (Layered& kind : g_kinds) {
    if (kind.below == nullptr) {
      kind.below = file->pMethods;
      kind.above = *file->pMethods;
      kind.above.xWrite = write;
      kind.above.xSync = sync;
    }
    if (kind.below == file->pMethods) {
      file->pMethods = &kind.above;
      return SQLITE_OK;
    }
  }
  return SQLITE_INTERNAL;
}

}  // namespace

void FaultyDisk::set(Fault fault) {
  g_fault = fault;
}

void install_faulty_disk() {
  if (g_disk != nullptr) return;
  g_disk = sqlite3_vfs_find(nullptr);
  g_layer = *g_disk;
  g_layer.zName = "faulty";
  g_layer.xOpen = open;
  if (sqlite3_vfs_register(&g_layer, 1) != SQLITE_OK) throw std::runtime_error("vfs");
}

}  // namespace reelkeep::testing
