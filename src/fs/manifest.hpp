#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/result.hpp"

// manifest-sha256.txt: the format of `sha256sum`, so that an auditor needs nothing else. Rules that
// make `sha256sum -c` accept it at any moment, also after a power cut:
// - a line comes after its file is in place, and goes before its file does;
// - a manifest comes into being with its first line, by a rename, and goes with its last one;
// - lines are appended with one write where that write stays inside one page (readers and power
// cuts
//   then see all or nothing of it); otherwise, and for every other change, the file is replaced.
// One thread at a time for each folder; the folder's descriptor is borrowed, and so is that of a
// place for temporary files.
namespace reelkeep::fs {

inline constexpr std::string_view k_manifest_name = "manifest-sha256.txt";

struct ManifestLine {
  std::string path;  ///< relative to the manifest's folder
  Digest digest;
};

/// Each path has its line, once, and on the medium; a line with another digest of the same path is
/// replaced; what a power cut left torn is dropped, and so are the lines in `untrue`: those paths
/// were seen to hold other bytes.
Status add_to_manifest(int folder, int temp_folder, std::span<const ManifestLine> lines,
                       std::span<const ManifestLine> untrue);
/// The path has no line any more. No manifest is success.
Status remove_from_manifest(int folder, int temp_folder, const std::string& path);

/// "<64 hex>  name\n"; a name with backslash, newline or carriage return is escaped and the line
/// begins with a backslash, as `sha256sum` does.
std::string manifest_text(const ManifestLine& line);

}  // namespace reelkeep::fs
