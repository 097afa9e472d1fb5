#pragma once

#include <functional>
#include <memory>
#include <string>

#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/http_client.hpp"
#include "reelkeep/port/store.hpp"

#include "s3/client.hpp"
#include "s3/upload.hpp"

namespace reelkeep::s3 {

struct S3StoreOptions {
  BucketPlace bucket;
  std::string prefix;  ///< of all keys; empty, or ends with '/'
  ObjectOptions objects;
  /// Asked for each request.
  std::function<AccessKey()> access;
};

/// An archive in a bucket of any S3 server. Objects are never overwritten; each carries its SHA-256
/// as metadata. `<prefix>.reelkeep-archive` holds the archive's id; all below the prefix is ours:
/// unfinished uploads there that nobody went on with for a week are aborted when it is opened.
/// Store's contract; any thread. `http` and `clock` are borrowed.
std::unique_ptr<Store> make_s3_store(StoreId id, HttpClient& http, const Clock& clock,
                                     S3StoreOptions options);

}  // namespace reelkeep::s3
