#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace reelkeep::testing {

/// Every folder below tests/cases/<suite>, sorted.
inline std::vector<std::filesystem::path> case_folders(const std::string& suite) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(REELKEEP_SOURCE_DIR) / "tests/cases" / suite))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace reelkeep::testing
