#pragma once

#include <optional>
#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/error.hpp"
#include "reelkeep/base/time.hpp"

#include "curl/answer_head.hpp"

namespace reelkeep::curl {

/// What was asked for, as far as it decides what an answer means.
struct Asked {
  std::string host;                 ///< for messages
  bool pair_sent = false;           ///< credentials went along
  ByteCount offset;                 ///< first byte asked for; zero: no range
  std::string validator;            ///< sent as If-Range; with a range only
  std::optional<ByteCount> end;     ///< first byte not asked for; nothing: all the rest
  std::optional<ByteCount> length;  ///< full length that an earlier answer declared
  bool may_ask_again = true;        ///< false: this is already the second try from zero
};

/// What an answer means, decided from its head alone.
struct Judgement {
  enum class Kind {
    whole,     ///< 200: the body is the file from its first byte
    rest,      ///< 206: the body is exactly what was asked for, from Asked::offset on
    redirect,  ///< go to `location` instead
    again,     ///< the range is of no use: ask once more for all
    refused,   ///< `error`; its body reaches no file
  };
  Kind kind = Kind::refused;
  std::optional<Error> error;
  std::string location;
  std::optional<ByteCount> body_length;  ///< bytes of this body
  std::optional<ByteCount> length;       ///< bytes of the whole file
  /// A length or chunks tell where the body ends; else the end of the connection does, and that may
  /// be anywhere.
  bool tells_end = true;
  std::string validator;      ///< strong: an If-Range to continue with; empty: none
  bool takes_ranges = false;  ///< the server says so, or has just shown it
  std::string content_type;
};

/// Pure. Errc: not_found only for 404/410; unauthorized only for 401/403 where the pair was sent;
/// corrupt for an encoding or framing that cannot be the file; else unavailable. Any `Retry-After`
/// is passed on, at most an hour.
Judgement judge(const AnswerHead& head, const Asked& asked, Timestamp now);

}  // namespace reelkeep::curl
