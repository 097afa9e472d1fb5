#pragma once

#include <functional>
#include <memory>
#include <string>

#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/destination.hpp"
#include "reelkeep/port/http_client.hpp"

#include "s3/client.hpp"
#include "s3/copy.hpp"

namespace reelkeep::s3 {

struct S3DestinationOptions {
  BucketPlace bucket;
  std::string prefix;  ///< of our layout; empty, or ends with '/'
  /// Asked for each request.
  std::function<AccessKey()> access;
  ByteCount copy_in_parts_above = k_largest_single_copy;
  ByteCount copy_part = 1_GiB;
};

/// A bucket that the provider pushes to, at any S3 server. The digest is the object's SHA-256
/// checksum where the server keeps one of the whole object, else the one in its metadata that
/// reelkeep itself writes. A move is a copy at the server, a comparison, and only then a deletion.
/// Destination's contract; any thread. `http` and `clock` are borrowed.
std::unique_ptr<Destination> make_s3_destination(StoreId id, HttpClient& http, const Clock& clock,
                                                 S3DestinationOptions options);

}  // namespace reelkeep::s3
