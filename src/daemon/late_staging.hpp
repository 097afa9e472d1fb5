#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

#include "reelkeep/base/time.hpp"
#include "reelkeep/port/staging.hpp"

namespace reelkeep::daemon {

/// Staging on a filesystem that may be mounted, or made by a store's first use, after the start:
/// each call tries to open it until it is there. Nothing but an unwritable journal stops the
/// intake, so the service does not wait for it. When another directory appears under the path (a
/// filesystem was mounted over it) the next call after 20 ms opens that one; what is under way in
/// the old one by then ends like any file of which staging knows nothing. Any thread.
class LateStaging final : public Staging {
 public:
  /// `allowed`: may the directory be used now? (Below a store's root: is that root confirmed?)
  LateStaging(std::string directory, ByteCount minimum_free_space, std::function<Status()> allowed);

  std::unique_ptr<StagingFile> open(const std::string& name,
                                    std::optional<ResumePoint> resume) override;
  Result<std::optional<ByteCount>> stat(const std::string& name) override;
  Status remove(const std::string& name) override;
  Status set_aside(const std::string& name) override;
  Status take_back(const std::string& name) override;
  Status discard_aside(const std::string& name) override;
  Result<std::vector<std::string>> list() override;
  Result<ByteCount> free_space() override;
  [[nodiscard]] ByteCount promised() override;
  [[nodiscard]] const std::string& boot_id() const override;
  [[nodiscard]] std::string path_of(const std::string& name) const override;

 private:
  Result<Staging*> real();

  const std::string m_directory;
  const ByteCount m_minimum_free_space;
  const std::string m_boot_id;
  const std::function<Status()> m_allowed;
  std::mutex m_mutex;
  /// What was opened so far, newest last; older ones live on for files that are still open.
  struct Opened {
    std::unique_ptr<Staging> staging;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::vector<Opened> m_opened;     ///< guarded by m_mutex
  MonotonicTime m_trusted_until{};  ///< guarded by m_mutex
};

}  // namespace reelkeep::daemon
