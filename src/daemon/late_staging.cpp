#include "daemon/late_staging.hpp"

#include <cerrno>
#include <fstream>
#include <sys/stat.h>

#include "fs/staging.hpp"

namespace reelkeep::daemon {
namespace {

/// So long one look is good for all calls: each of a thousand small files a second would pay for
/// seven system calls several times. A file that is open when the directory goes knows no better.
constexpr Duration k_trusted{20};

std::string this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// Stands for a file of a staging that went away between the claim and the transfer.
class AbsentFile final : public StagingFile {
 public:
  AbsentFile(Error why, std::string path) : m_why(std::move(why)), m_path(std::move(path)) {}
  Status prepare() override { return m_why; }
  [[nodiscard]] ByteCount size() const override { return {}; }
  Status expect(ByteCount) override { return m_why; }
  Status append(std::span<const std::byte>) override { return m_why; }
  Status write(std::span<const std::byte>) override { return m_why; }
  void hash(std::span<const std::byte>) override {}
  Status restart() override { return m_why; }
  Status spread() override { return m_why; }
  Status write_ahead(ByteCount, std::span<const std::byte>) override { return m_why; }
  Status take_in(ByteCount) override { return m_why; }
  Status gather() override { return m_why; }
  Status sync() override { return m_why; }
  Result<Digest> digest() override { return m_why; }
  Result<std::size_t> read_at(ByteCount, std::span<std::byte>) override { return m_why; }
  [[nodiscard]] const std::string& path() const override { return m_path; }

 private:
  const Error m_why;
  const std::string m_path;
};

}  // namespace

LateStaging::LateStaging(std::string directory, ByteCount minimum_free_space,
                         std::function<Status()> allowed)
    : m_directory(std::move(directory)),
      m_minimum_free_space(minimum_free_space),
      m_boot_id(this_boot()),
      m_allowed(std::move(allowed)) {}

Result<Staging*> LateStaging::real() {
  {
    const std::lock_guard lock(m_mutex);
    if (!m_opened.empty() && steady_now() < m_trusted_until) return m_opened.back().staging.get();
  }
  if (m_allowed) REELKEEP_TRY(m_allowed());
  std::lock_guard lock(m_mutex);
  struct stat status {};
  const bool there = ::stat(m_directory.c_str(), &status) == 0;
  if (there && !m_opened.empty() && m_opened.back().device == status.st_dev &&
      m_opened.back().inode == status.st_ino) {
    m_trusted_until = steady_now() + k_trusted;
    return m_opened.back().staging.get();
  }
  auto made = fs::make_staging(m_directory,
                               {.minimum_free_space = m_minimum_free_space, .boot_id = m_boot_id});
  if (!made) return made.error();
  if (::stat(m_directory.c_str(), &status) != 0)
    return Error::from_errno(errno, "cannot look at " + m_directory);
  m_opened.push_back(Opened{std::move(*made), status.st_dev, status.st_ino});
  return m_opened.back().staging.get();
}

std::unique_ptr<StagingFile> LateStaging::open(const std::string& name,
                                               std::optional<ResumePoint> resume) {
  auto staging = real();
  if (!staging) return std::make_unique<AbsentFile>(staging.error(), path_of(name));
  return (*staging)->open(name, std::move(resume));
}

Result<std::optional<ByteCount>> LateStaging::stat(const std::string& name) {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->stat(name);
}
Status LateStaging::remove(const std::string& name) {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->remove(name);
}
Status LateStaging::set_aside(const std::string& name) {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->set_aside(name);
}
Status LateStaging::take_back(const std::string& name) {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->take_back(name);
}
Status LateStaging::discard_aside(const std::string& name) {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->discard_aside(name);
}
Result<std::vector<std::string>> LateStaging::list() {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->list();
}
Result<ByteCount> LateStaging::free_space() {
  REELKEEP_ASSIGN(Staging * staging, real());
  return staging->free_space();
}
ByteCount LateStaging::promised() {
  const auto staging = real();
  return staging ? (*staging)->promised() : ByteCount();
}
const std::string& LateStaging::boot_id() const {
  return m_boot_id;
}
std::string LateStaging::path_of(const std::string& name) const {
  return m_directory + "/" + name + ".part";
}

}  // namespace reelkeep::daemon
