#pragma once

#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"

#include "curl/destination.hpp"

namespace reelkeep::curl {

/// The path of a location at its server, decoded: absolute with a leading '/', else below the login
/// directory. Errc::invalid for what a provider has no business to name: "..", control characters.
Result<std::string> path_at_server(const std::string& location, const ServerAccess& access);

/// The location of a path of our layout.
std::string location_at_server(const std::string& path, const ServerAccess& access);

/// For CURLOPT_URL: no user info, everything encoded.
std::string url_at_server(std::string_view scheme, const std::string& path,
                          const ServerAccess& access);

/// Folders above a path, outermost first.
std::vector<std::string> folders_of(const std::string& path);

/// An argument of a quoted SFTP command.
std::string quoted_for_sftp(const std::string& path);

}  // namespace reelkeep::curl
