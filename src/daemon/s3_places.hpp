#pragma once

#include "daemon/config.hpp"
#include "s3/s3_store.hpp"

/// What a [[store]] of type "s3" means to src/s3.
namespace reelkeep::daemon {

[[nodiscard]] s3::BucketPlace bucket_of(const StoreConfig& store);
[[nodiscard]] s3::AccessKey access_of(const StoreConfig& store);

}  // namespace reelkeep::daemon
