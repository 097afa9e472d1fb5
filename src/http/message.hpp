#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reelkeep::http {

/// In the order sent. Names of a request are lower case; those of a response are sent as written.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request as the handler sees it: framing is gone, the body is byte for byte what was sent
/// (chunked coding apart): never decoded, never taken for a form.
struct Request {
  std::string method;  ///< as sent: "POST"
  std::string target;  ///< as sent, without scheme and authority: "/a%20b?x=1"
  std::string path;    ///< percent-decoded, without the query: "/a b"
  std::string query;   ///< as sent, without '?'
  Headers headers;
  std::string body;
  std::string remote;  ///< peer "address:port", IPv6 in brackets

  /// The first header of that (lower-case) name; null: none.
  [[nodiscard]] const std::string* header(std::string_view lower_name) const noexcept;
};

/// What becomes of the connection where a cut body ends.
enum class AtCut { close, stall };

/// A body that is produced while it is sent: memory does not depend on its length.
struct BodyStream {
  std::uint64_t length = 0;  ///< sent as Content-Length
  /// Writes bytes from `offset` on into the buffer and returns how many (at least one; 0 breaks
  /// the connection off). Called on the server thread: must be quick and must not block.
  std::function<std::size_t(std::uint64_t offset, std::span<char> buffer)> fill;
  /// For failure drills: after so many bytes no more are sent.
  std::uint64_t cut_after = std::numeric_limits<std::uint64_t>::max();
  AtCut at_cut = AtCut::close;         ///< stall: the connection stays open until the peer leaves
  std::uint64_t bytes_per_second = 0;  ///< for drills of slow sources; 0: as fast as the peer reads
};

enum class KeepAlive { yes, no };

/// An answer. Content-Length, Connection and Keep-Alive are the server's business; an answer to
/// HEAD keeps its body's length and loses its body.
struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
  std::optional<BodyStream> stream = std::nullopt;  ///< instead of `body`
  KeepAlive keep_alive = KeepAlive::yes;
};

/// A short text answer: content type text/plain, one newline added.
Response text_response(int status, std::string_view text);

/// Bytes [first, last] of a body.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};
enum class RangeKind {
  whole,  ///< no Range header, or one to be ignored (another unit, several ranges, malformed)
  part,   ///< answer 206 with `bytes`
  unsatisfiable,  ///< answer 416
};
struct RequestedRange {
  RangeKind kind = RangeKind::whole;
  ByteRange bytes = {};
};
/// Value of a Range header against a body of `size` bytes.
RequestedRange parse_range(std::string_view value, std::uint64_t size) noexcept;

}  // namespace reelkeep::http
