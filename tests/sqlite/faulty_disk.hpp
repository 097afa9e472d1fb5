#pragma once

namespace reelkeep::testing {

enum class Fault { none, full, write_error, sync_error, quota_on_write, quota_on_sync };

/// Makes what SQLite does to the disk fail, in this process, from here until the end of the block.
/// Before the first connection of the process is opened, call install_faulty_disk().
class FaultyDisk {
 public:
  explicit FaultyDisk(Fault fault) { set(fault); }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  ~FaultyDisk() { set(Fault::none); }
  /// Any thread.
  static void set(Fault fault);
};

/// Puts a layer under SQLite that passes everything on but the faults. Idempotent.
void install_faulty_disk();

}  // namespace reelkeep::testing
