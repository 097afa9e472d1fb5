#include "fs/staging.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "fs/file_io.hpp"
#include "fs/space.hpp"
#include "fs/staging_file.hpp"

namespace reelkeep::fs {
namespace {

constexpr std::string_view k_part = ".part";
constexpr std::string_view k_bad = ".bad";

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

class DirectoryStaging final : public Staging {
 public:
  explicit DirectoryStaging(StagingPlace place) : m_place(std::move(place)) {}

  std::unique_ptr<StagingFile> open(const std::string& name,
                                    std::optional<ResumePoint> resume) override {
    return std::make_unique<PartFile>(m_place, name, std::move(resume));
  }

  Result<std::optional<ByteCount>> stat(const std::string& name) override {
    struct stat status {};
    if (::fstatat(m_place.directory.get(), leaf(name, k_part).c_str(), &status,
                  AT_SYMLINK_NOFOLLOW) == 0) {
      if (!S_ISREG(status.st_mode) || status.st_nlink < 2)
        return std::optional(ByteCount(static_cast<std::uint64_t>(status.st_size)));
      // A second name: the file is published already (a process died between link and unlink).
      REELKEEP_TRY(unlink(name, k_part));
      return std::optional<ByteCount>();
    }
    if (errno == ENOENT) return std::optional<ByteCount>();
    return Error::from_errno(errno, "cannot look at " + path_of(name));
  }

  Status remove(const std::string& name) override { return unlink(name, k_part); }
  Status set_aside(const std::string& name) override { return rename(name, k_part, k_bad); }
  Status take_back(const std::string& name) override { return rename(name, k_bad, k_part); }
  Status discard_aside(const std::string& name) override { return unlink(name, k_bad); }

  Result<std::vector<std::string>> list() override {
    const int copy = ::openat(m_place.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDirectory> directory(copy < 0 ? nullptr : ::fdopendir(copy));
    if (!directory) return Error::from_errno(errno, "cannot list " + m_place.path);
    std::set<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = static_cast<const char*>(entry->d_name);
      for (const std::string_view suffix : {k_part, k_bad})
        if (name.ends_with(suffix) && name.size() > suffix.size() && !name.starts_with('.'))
          names.emplace(name.substr(0, name.size() - suffix.size()));
    }
    if (errno != 0) return Error::from_errno(errno, "cannot list " + m_place.path);
    return std::vector<std::string>(names.begin(), names.end());
  }

  Result<ByteCount> free_space() override {
    REELKEEP_TRY(check_writable(m_place.directory.get(), m_place.path));
    return free_bytes(m_place.directory.get());
  }
  [[nodiscard]] ByteCount promised() override { return ByteCount(m_place.promised->load()); }
  [[nodiscard]] const std::string& boot_id() const override { return m_place.boot_id; }
  [[nodiscard]] std::string path_of(const std::string& name) const override {
    return m_place.path + "/" + leaf(name, k_part);
  }

 private:
  static std::string leaf(const std::string& name, std::string_view suffix) {
    return name + std::string(suffix);
  }
  static Status check(const std::string& name) {
    if (is_staging_name(name)) return {};
    return Error{Errc::invalid, "not a name for staging: " + name};
  }

  Status unlink(const std::string& name, std::string_view suffix) {
    REELKEEP_TRY(check(name));
    if (::unlinkat(m_place.directory.get(), leaf(name, suffix).c_str(), 0) == 0 || errno == ENOENT)
      return {};
    return Error::from_errno(errno, "cannot remove " + m_place.path + "/" + leaf(name, suffix));
  }
  Status rename(const std::string& name, std::string_view from, std::string_view to) {
    REELKEEP_TRY(check(name));
    const int directory = m_place.directory.get();
    if (::renameat(directory, leaf(name, from).c_str(), directory, leaf(name, to).c_str()) != 0)
      return Error::from_errno(errno, "cannot rename " + m_place.path + "/" + leaf(name, from));
    return sync_file(directory, m_place.path);
  }

  const StagingPlace m_place;
};

std::string boot_id_of_machine() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Result<std::unique_ptr<Staging>> make_staging(const std::string& dir, StagingOptions options) {
  StagingPlace place;
  std::error_code failure;
  place.path = std::filesystem::absolute(dir, failure).lexically_normal().string();
  if (failure) return Error::from_errno(failure.value(), "cannot resolve " + dir);
  while (place.path.size() > 1 && place.path.ends_with('/')) place.path.pop_back();
  if (auto made = make_private_leaf_directory(place.path); !made) {
    Error error = made.error();
    if (error.code == Errc::not_found) error.code = Errc::unavailable;
    error.message += " (staging; is its filesystem mounted?)";
    return error;
  }
  place.directory.reset(::open(place.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory) return Error::from_errno(errno, "cannot open staging " + place.path);
  place.minimum_free_space = options.minimum_free_space;
  place.boot_id = options.boot_id.empty() ? boot_id_of_machine() : std::move(options.boot_id);
  return std::unique_ptr<Staging>(std::make_unique<DirectoryStaging>(std::move(place)));
}

}  // namespace reelkeep::fs
