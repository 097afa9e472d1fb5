#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/url.hpp"

// Which file a URL names, however it is signed or spelled. All pure; any thread.
// What a key looks like never changes: artifact ids are made from it.
namespace reelkeep::enablex {

/// host[:port]/path[?query]: without scheme, user info, default port, fragment and parameters that
/// only sign or expire (without_signature); the host in lower case; of the percent-encoding,
/// unreserved characters are decoded and hex digits are in upper case; the parameters that are left
/// keep their order. `scheme://` before it gives a URL that may be shown.
[[nodiscard]] SourceKey source_key(const Url& url, std::span<const std::string> volatile_query);

/// The same for the location of a delivered file; the key of an s3:// location is raw.
[[nodiscard]] SourceKey location_key(std::string_view location,
                                     std::span<const std::string> volatile_query);

/// The URL without parameters that only sign or expire, by name, case-insensitively: those of S3,
/// Google Cloud Storage, CloudFront and Azure, `token`, and what `volatile_query` names.
[[nodiscard]] Url without_signature(const Url& url, std::span<const std::string> volatile_query);

}  // namespace reelkeep::enablex
