#pragma once

#include <string>
#include <string_view>

#include "curl/destination.hpp"

namespace reelkeep::curl {

/// "SHA256:<base64>" of a host key as it goes over the wire, the way that ssh-keygen -l writes it.
std::string fingerprint_of(std::string_view key);

}  // namespace reelkeep::curl
