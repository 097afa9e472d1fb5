#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/unique_fd.hpp"
#include "reelkeep/port/store.hpp"

namespace reelkeep::fs {

inline constexpr std::string_view k_marker_name = k_archive_marker;
/// Our own area in the root: temporary files, and staging by default.
inline constexpr std::string_view k_private_area = ".staging";

/// "a/b/c.mp4" -> "a/b" and "c.mp4"; no folder: "".
std::string folder_of(std::string_view path);
std::string leaf_of(std::string_view path);
/// Errc::invalid unless `path` is relative, without empty, "." and ".." parts, and not too long.
Status check_relative(std::string_view path);

/// The directory that an archive lives in, held open, so that a file system that goes away or comes
/// instead is never written to by mistake. Directories below are opened without following a
/// symbolic link and without leaving the root. Immutable after open(): any thread.
class ArchiveRoot {
 public:
  /// `expected`: the id that the root has to have; empty: a new or empty directory becomes an
  /// archive, a directory that is one is taken. `private_names` (first parts) may be there already.
  /// Errc::unavailable: not there, not ours, or not writable; the message says what was expected
  /// and what was found. Nothing is written to a directory that is not ours.
  static Result<std::shared_ptr<const ArchiveRoot>> open(
      const std::string& path, const std::string& expected,
      const std::vector<std::string>& private_names);

  /// An archive with that id as it is: nothing is written, nothing becomes one.
  static Result<std::shared_ptr<const ArchiveRoot>> attach(const std::string& path,
                                                           const std::string& expected);

  [[nodiscard]] const std::string& id() const noexcept { return m_id; }
  [[nodiscard]] int fd() const noexcept { return m_directory.get(); }
  /// The path still leads to this directory, its marker still says the same, and, unless attached,
  /// it can still be written.
  Status ready() const;

  /// An existing directory; empty: the root. Errc::not_found, Errc::conflict (a symbolic link or a
  /// file is in the way).
  Result<UniqueFd> open_folder(const std::string& relative) const;
  /// The same, made with all its parents (0750, set-group-id kept) where missing. `created` gets
  /// those that were made.
  Result<UniqueFd> make_folder(const std::string& relative,
                               std::vector<std::string>& created) const;
  /// `.staging`, 0700, made if missing.
  Result<UniqueFd> private_area() const;

 private:
  ArchiveRoot(std::string path, UniqueFd directory);
  Status adopt(const std::string& expected, const std::vector<std::string>& private_names);
  Status claim(const std::vector<std::string>& private_names) const;
  Status try_writing() const;

  std::string m_path;
  UniqueFd m_directory;
  std::string m_id;
  bool m_writes = false;  ///< opened, not attached
};

}  // namespace reelkeep::fs
