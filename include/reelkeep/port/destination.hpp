#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

namespace reelkeep {

/// What a destination says of a file that it holds.
struct DestinationFile {
  ByteCount size;
  std::optional<Digest> digest;  ///< that it vouches for; most keep none
  /// Changes with the bytes: an entity tag, or time and size. Empty: it cannot be told whether two
  /// reads see the same bytes.
  std::string version;
};

/// What a move left at its target.
struct MovedFile {
  DestinationFile file;
  /// Nothing was at the origin any more, and nothing but its size says that this came from there.
  bool is_doubtful = false;
};

/// The customer's storage that the provider pushes to. A location is what PushedFile says:
/// s3://bucket/key (raw), ftp://host/path or sftp://host/path (percent-encoded). Whatever host a
/// location names, requests and credentials go to the configured one. Any thread; blocking; nothing
/// is ever overwritten. Errors: not_found (proven absence of the file only), unauthorized (also a
/// host key that is not the configured one), unavailable, timeout, conflict, invalid, cancelled.
class Destination {
 public:
  virtual ~Destination() = default;
  [[nodiscard]] virtual const StoreId& id() const = 0;

  virtual Result<DestinationFile> stat(const std::string& location) = 0;

  using Sink = std::function<Status(std::span<const std::byte>)>;
  /// Gives the bytes from `offset` to the end; `offset` is less than the size. An Error of the sink
  /// ends it and is returned. After an error what the sink got is good, and can be gone on with;
  /// but after Errc::corrupt it is not: the server sent something else than was asked for.
  virtual Status read(const std::string& location, ByteCount offset, const Sink& sink) = 0;

  /// Location of a relative path ('/'-separated) of our layout at this destination.
  [[nodiscard]] virtual std::string location_of(const std::string& path) const = 0;
  /// Moves a file of `size` bytes within the destination. Nothing at `from` and a file of that size
  /// at `to` is what an earlier move may have left: where a copy can be marked (S3) it has to bear
  /// that mark, elsewhere it is doubtful. Errc::conflict: there is another file at `to`; both stay
  /// as they are. Killed at any point, at least one whole copy is left.
  virtual Result<MovedFile> move(const std::string& from, const std::string& to,
                                 ByteCount size) = 0;

  /// Any thread: what runs or is still to come ends soon with Errc::cancelled. For good.
  virtual void interrupt() noexcept = 0;
};

}  // namespace reelkeep
