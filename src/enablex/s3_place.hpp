#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/url.hpp"

namespace reelkeep::enablex {

/// An object in a bucket; the key is raw, not percent-encoded.
struct S3Place {
  std::string bucket;
  std::string key;
};

/// What an http(s) URL names at Amazon S3 (virtual-hosted or path style; regional, dual-stack,
/// FIPS, accelerated and website endpoints), or at any S3-compatible service when the bucket is
/// known and is the host's first part or the path's first segment. Nothing for everything else,
/// and for a key that could not be shown on one line. Pure; any thread.
[[nodiscard]] std::optional<S3Place> s3_place(const Url& url, std::string_view bucket);

/// s3://bucket/key, where the key is raw already.
[[nodiscard]] std::optional<S3Place> s3_place_of_location(std::string_view location);

}  // namespace reelkeep::enablex
