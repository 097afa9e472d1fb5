#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"

namespace reelkeep {

/// Lies in the root of every archive, whatever store it is in, and holds its id.
inline constexpr std::string_view k_archive_marker = ".reelkeep-archive";

/// What to do with the staging file once this store has the bytes.
enum class Staged {
  keep,  ///< another store still needs it
  take,  ///< this is the last one: it may be renamed into place
};

/// One complete file and where it is wanted.
struct PutRequest {
  std::string staged;  ///< absolute path of the complete, synced file
  std::string path;    ///< wanted relative path, safe, '/'-separated
  /// Relative path of the folder that holds all of the session (a leading part of `path`; empty:
  /// the root): its manifest-sha256.txt gets the line. A store without manifests ignores it.
  std::string manifest_dir;
  std::string suffix;  ///< put before the extension ("~3fa9c1") when other bytes are at `path`
  ByteCount size;
  Digest digest;
  Staged disposition = Staged::keep;
};

struct Placed {
  std::string path;        ///< relative path where it is now
  std::string location;    ///< as shown to users
  bool was_there = false;  ///< the same bytes were already at this path (an earlier run was killed)
};

enum class Depth { quick, full };

inline constexpr ByteCount k_no_known_limit = ByteCount(~std::uint64_t{0});

/// What a replica was found to be.
struct Inspection {
  enum class Found { good, missing, corrupt } found = Found::good;
  std::string cause;  ///< in words, when not good
};

/// Takes bytes as they are read back, in order; may hold the reader up (a budget). Its Error ends
/// the reading and becomes the result.
using ReadSink = std::function<Status(std::span<const std::byte> bytes)>;

/// Storage that we write to. Any worker thread; blocking. Errors: no_space, unauthorized,
/// unavailable (also a missing or foreign root id: nothing is written then). None of them names the
/// store: who tells of it knows which one it is.
class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual const StoreId& id() const = 0;
  /// The root is there, is ours and can be written. `expected_root`: the id that the catalog knows
  /// (empty: first use; the store may be initialised). Returns the root's id.
  virtual Result<std::string> open(const std::string& expected_root) = 0;
  /// The same for who only reads: an existing archive with that id, and nothing is written.
  virtual Status attach(const std::string& expected_root) = 0;
  /// Still the root that open() or attach() saw; cheap.
  virtual Status ready() = 0;
  /// Publishes each file in the order of the invariants, sharing syncs among them; one result each.
  /// Idempotent: the same bytes already in place are a success. Never overwrites.
  virtual std::vector<Result<Placed>> put(std::span<const PutRequest> requests) = 0;
  /// quick: presence and size. full: read from the medium and compared; `seen` (may be empty) is
  /// given what is read.
  virtual Result<Inspection> inspect(const std::string& path, ByteCount size, const Digest& digest,
                                     Depth depth, const ReadSink& seen) = 0;
  Result<Inspection> inspect(const std::string& path, ByteCount size, const Digest& digest,
                             Depth depth) {
    return inspect(path, size, digest, depth, {});
  }
  /// All bytes of a published file. Errc::corrupt: they are not there, or the medium does not give
  /// them back; what was given may be wrong in any case and is to be hashed.
  virtual Status read(const std::string& path, const ReadSink& sink) = 0;
  /// Removes a published file and its manifest line (a superseded one with --replace). Absent is
  /// success.
  virtual Status remove(const std::string& path) = 0;
  [[nodiscard]] virtual std::string location(const std::string& path) const = 0;
  /// Any thread: what runs or is still to come gives up soon with Errc::cancelled and can be gone
  /// on with later: a long upload must not hold up a shutdown. For good.
  virtual void interrupt() noexcept {}
  /// k_no_known_limit: nobody can tell.
  virtual Result<ByteCount> free_space() = 0;
};

}  // namespace reelkeep
