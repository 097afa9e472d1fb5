#include "daemon/s3_places.hpp"

namespace reelkeep::daemon {

s3::BucketPlace bucket_of(const StoreConfig& store) {
  auto endpoint = Url::parse(store.endpoint);
  if (!endpoint) abort_broken_invariant("a checked endpoint is no URL");
  return {*std::move(endpoint), store.region, store.bucket, store.path_style};
}

s3::AccessKey access_of(const StoreConfig& store) {
  return {store.access_key_id, store.secret_access_key, store.session_token};
}

}  // namespace reelkeep::daemon
