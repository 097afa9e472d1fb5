#pragma once

#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/port/store.hpp"

namespace reelkeep::s3 {

inline constexpr std::string_view k_marker_name = k_archive_marker;

/// A path that the archive may hold, the same as in a directory: relative, no empty segment, no
/// dots.
Status check_path(std::string_view path);

/// wanted, wanted~suffix, wanted~suffix-2, ...
std::string candidate(const PutRequest& request, int number);

}  // namespace reelkeep::s3
