#pragma once

#include <string>

namespace reelkeep::core {

/// The folder of `path` that holds all of its session and nothing of another: as many leading
/// segments as the layout fixes by session alone. Its manifest lists the file. "" is the root.
std::string session_folder(const std::string& layout, const std::string& path);

}  // namespace reelkeep::core
