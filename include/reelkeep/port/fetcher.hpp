#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/url.hpp"
#include "reelkeep/port/staging.hpp"

namespace reelkeep {

/// Where a request from the network may go. `hosts` are sent the pair, `redirect_hosts` never.
struct HostRules {
  std::vector<HostPattern> hosts;
  std::vector<HostPattern> redirect_hosts;
  bool allow_plain_http = false;
  bool allow_private_addresses = false;
};

struct FetchRequest {
  std::uint64_t ticket = 0;  ///< chosen by the caller, unique among running ones
  Url url;
  std::optional<Credential> credential;
  HostRules rules;
  std::unique_ptr<StagingFile> file;
  std::optional<ResumePoint> resume;  ///< what `file` starts from
  /// At most this many at once. More than one is used where a single one is slow and the server
  /// has proven that it can send parts of one version.
  std::size_t connections = 1;
  /// A complete body of at most this length is not synced: whoever takes it further does that.
  ByteCount unsynced_up_to;
};

/// After an fdatasync: what the catalog may vouch for.
struct Checkpoint {
  std::uint64_t ticket = 0;
  ResumePoint resume;  ///< boot_id is left to the receiver
};

/// The one completion of a submit.
struct Fetched {
  std::uint64_t ticket = 0;
  /// Success: complete body in `file`, as long as the server said. Errors as in Errc:
  /// not_found only for 404/410; unauthorized only for 401/403 from a host that the pair was sent
  /// to.
  Status status;
  std::unique_ptr<StagingFile> file;
  /// All bytes of `file`, where they are still in memory: only while fetched() runs.
  std::span<const std::byte> body;
  std::optional<Digest> digest;       ///< with success
  bool is_synced = true;              ///< false: see FetchRequest::unsynced_up_to
  ByteCount received;                 ///< bytes in `file`
  ByteCount from_network;             ///< bytes of this attempt
  std::optional<ResumePoint> resume;  ///< what is left can be continued from here (synced)
  std::optional<ByteCount> length;    ///< that the server declared
  /// False: the answer ended with its connection, which proves nothing.
  bool tells_end = true;
  std::string content_type;
  int http_status = 0;               ///< 0: no answer
  bool credential_accepted = false;  ///< a success from a host that the pair was sent to
};

/// Both are called on the fetcher's threads, outside any lock; they may look at the file and must
/// wait for nothing else.
class FetchSink {
 public:
  virtual ~FetchSink() = default;
  virtual void checkpointed(Checkpoint checkpoint) = 0;
  /// Exactly once for each submit(), also at shutdown (Errc::cancelled).
  virtual void fetched(Fetched fetched) = 0;
};

struct FetchLimits {
  std::uint64_t bytes_per_second = 0;  ///< all transfers together; 0: none
  Duration connect_timeout{10'000};
  Duration stall_timeout{60'000};  ///< under 1 KiB/s for this long
  std::string ca_file;             ///< empty: the system's
  std::string proxy;               ///< empty: none, whatever the environment says
};

/// Brings sources into staging. Any thread; never blocks.
class Fetcher {
 public:
  virtual ~Fetcher() = default;  ///< cancels and completes all that runs
  virtual void submit(FetchRequest request) = 0;
  /// Ends a transfer early; its completion says cancelled and keeps what was received.
  virtual void cancel(std::uint64_t ticket) = 0;
  /// Changes FetchRequest::connections of what runs; what is now too much is closed before later
  /// submits open theirs.
  virtual void grant(std::uint64_t ticket, std::size_t connections) = 0;
  virtual void set_limits(const FetchLimits& limits) = 0;
  /// Body bytes received in all, for metrics.
  [[nodiscard]] virtual std::uint64_t received_bytes() const = 0;
  /// Age of the oldest loop turn, for the watchdog: a loop that hangs grows old.
  [[nodiscard]] virtual Duration longest_turn() const = 0;
};

}  // namespace reelkeep
