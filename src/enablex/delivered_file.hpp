#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/event.hpp"

namespace reelkeep::enablex {

/// Where the provider pushes to, as told in a file_transfer; each may be empty.
struct Destination {
  std::string name;     ///< awss3, ftp, sftp, ssh, or anything
  std::string host;     ///< of FTP, SFTP and SCP; may be a URL with user info
  std::string account;  ///< the bucket, for S3
};

/// Where a pushed file is. `told` is a URL or, at S3, FTP, SFTP and SCP destinations, a bare path.
/// The location is s3://bucket/key (raw), ftp://host/path or sftp://host/path (percent-encoded
/// where a URL needs it), else the URL as told without user info and signing parameters.
/// Errc::invalid says what is wrong with it. Pure; any thread.
[[nodiscard]] Result<DeliveredFile> delivered_file(std::string_view told,
                                                   const Destination& destination,
                                                   std::span<const std::string> volatile_query);

/// A host without the user info that it may have been written with.
[[nodiscard]] std::string without_user_info(std::string_view host);

}  // namespace reelkeep::enablex
