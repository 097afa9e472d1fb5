#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace reelkeep::testing {

/// A private directory that goes with all that is in it when this goes. Not for sharing between
/// threads; the path is absolute, without symbolic links, and independent of TMPDIR.
class TempDir {
 public:
  /// `parent`: where a test that syncs thousands of times may not wait for a disk.
  explicit TempDir(const std::string& parent = "/tmp") {
    std::string pattern = parent + "/reelkeep-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    m_path = std::filesystem::canonical(pattern);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return m_path; }
  /// `relative` below here.
  [[nodiscard]] std::string path(const std::string& relative) const {
    return m_path + "/" + relative;
  }
  /// Writes a file (parents are made) and gives its absolute path.
  std::string write(const std::string& relative, const std::string& bytes) const {
    const std::string full = path(relative);
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    std::ofstream out(full, std::ios::binary | std::ios::trunc);
    out << bytes;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + full);
    return full;
  }
  [[nodiscard]] std::string read(const std::string& relative) const {
    std::ifstream in(path(relative), std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path(relative));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  /// Also true for a symbolic link that leads nowhere.
  [[nodiscard]] bool exists(const std::string& relative) const {
    struct stat status {};
    return ::lstat(path(relative).c_str(), &status) == 0;
  }
  /// Permission bits.
  [[nodiscard]] unsigned mode(const std::string& relative) const {
    struct stat status {};
    if (::lstat(path(relative).c_str(), &status) != 0)
      throw std::runtime_error("cannot stat " + path(relative));
    return status.st_mode & 07777U;
  }

 private:
  std::string m_path;
};

}  // namespace reelkeep::testing
