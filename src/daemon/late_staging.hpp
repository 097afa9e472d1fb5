#pragma once

#include <memory>
#include <mutex>

#include "reelkeep/port/staging.hpp"

namespace reelkeep::daemon {

/// Staging on a filesystem that may be mounted, or made by a store's first use, after the start:
/// each call tries to open it until it is there. Nothing but an unwritable journal stops the
/// intake, so the service does not wait for it. Any thread.
class LateStaging final : public Staging {
 public:
  LateStaging(std::string directory, ByteCount minimum_free_space);

  std::unique_ptr<StagingFile> open(const std::string& name,
                                    std::optional<ResumePoint> resume) override;
  Result<std::optional<ByteCount>> stat(const std::string& name) override;
  Status remove(const std::string& name) override;
  Status set_aside(const std::string& name) override;
  Status take_back(const std::string& name) override;
  Status discard_aside(const std::string& name) override;
  Result<std::vector<std::string>> list() override;
  Result<ByteCount> free_space() override;
  [[nodiscard]] const std::string& boot_id() const override;
  [[nodiscard]] std::string path_of(const std::string& name) const override;

 private:
  Result<Staging*> real();

  const std::string m_directory;
  const ByteCount m_minimum_free_space;
  const std::string m_boot_id;
  std::mutex m_mutex;
  std::unique_ptr<Staging> m_real;  ///< guarded by m_mutex until set; then constant
};

}  // namespace reelkeep::daemon
