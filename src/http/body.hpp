#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.hpp"

namespace reelkeep::http {

enum class BodyProgress { more, complete, malformed, too_large };

/// Takes a request's body out of the bytes that arrive. The limit holds for what has arrived,
/// whatever the framing promises; the coding's own bytes (chunk extensions, trailers) are bounded
/// too.
class BodyReader {
 public:
  BodyReader() = default;
  BodyReader(Framing framing, std::uint64_t max_body) noexcept;

  /// Consumes from the front of `input`; appends to `sink`, or drops where it is null.
  BodyProgress consume(std::string_view& input, std::string* sink);

 private:
  enum class Part { size, extension, size_end, data, data_cr, data_lf, trailer, trailer_end };
  BodyProgress consume_chunked(std::string_view& input, std::string* sink);
  BodyProgress consume_coding_byte(char byte);
  void take(std::string_view& input, std::string* sink);

  Framing m_framing;
  std::uint64_t m_max_body = 0;
  std::uint64_t m_remaining = 0;  ///< of the body, or of the chunk
  std::uint64_t m_received = 0;
  std::uint64_t m_coding_bytes = 0;  ///< extensions and trailers
  Part m_part = Part::size;
  int m_size_digits = 0;
  bool m_line_empty = true;  ///< the trailer line so far
};

}  // namespace reelkeep::http
