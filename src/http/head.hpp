#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "http/codec.hpp"
#include "http/message.hpp"

namespace reelkeep::http {

enum class BodyKind { none, length, chunked };

/// How the end of a body is found.
struct Framing {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  ///< for BodyKind::length
};

enum class Expects { nothing, go_ahead };

/// A request without its body, and what the server has to know to go on.
struct Head {
  Request request;
  Framing framing;
  KeepAlive keep_alive = KeepAlive::yes;
  Expects expects = Expects::nothing;
};

/// Why a head is not accepted.
struct Refusal {
  int status = 400;
  std::string_view reason;
};

enum class HeadProgress { incomplete, complete, malformed };
struct HeadScan {
  HeadProgress progress = HeadProgress::incomplete;
  std::size_t size = 0;  ///< bytes up to and including the empty line, when complete
};

/// Looks for the end of a head in what has arrived. Garbage is told as early as it can be seen: a
/// first byte that begins no method, a line that ends without CR. `scanned` is where the last call
/// for this head stopped (0 at first).
HeadScan scan_head(std::string_view input, std::size_t& scanned) noexcept;

/// Empty lines before a request line, which RFC 9112 2.2 asks to ignore.
std::size_t leading_empty_lines(std::string_view input) noexcept;

/// `text` as scan_head() measured it. Refuses whatever two programs could read in two ways: see
/// RFC 9112, sections 5.1, 5.2, 6.1, 6.3 and 11.2.
std::variant<Head, Refusal> parse_head(std::string_view text, Codec& codec);

}  // namespace reelkeep::http
