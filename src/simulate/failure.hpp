#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/model/words.hpp"

namespace reelkeep::simulate {

/// One way in which a file server fails its clients. Several on one file work together.
struct Failure {
  enum class Kind {
    status,        ///< an answer of that HTTP status; 429 and 503 with Retry-After
    truncate,      ///< the connection closes after a share of the body
    slow,          ///< the body comes at a rate
    stall,         ///< the body stops after a share of it; the connection stays open
    shorten,       ///< the body is a share of the file, with a Content-Length that fits it
    html,          ///< 200 with a sign-in page
    json,          ///< 200 with an error in JSON
    empty,         ///< 200 with an empty body
    gzip,          ///< 200 with a Content-Encoding
    redirect,      ///< 302 to another host, which refuses a request with Authorization
    changed,       ///< other bytes under another ETag, as if the file was replaced later
    no_ranges,     ///< Range is ignored
    no_validator,  ///< neither ETag nor Last-Modified
    weak_etag,     ///< the only validator is a weak ETag
    wrong_size,    ///< the event's file_size is not the file's size
  };
  Kind kind = Kind::status;
  int status = 503;
  double share = 0.5;                   ///< of the body, for truncate, stall, shorten
  std::optional<std::uint64_t> times;   ///< the first so many requests; nothing: all
  ByteCount rate = 64_KiB;              ///< bytes per second, for slow
  std::chrono::seconds retry_after{1};  ///< for 429 and 503

  /// Whether the request number `earlier` + 1 of a file meets this failure.
  [[nodiscard]] bool applies(std::uint64_t earlier) const noexcept {
    return !times || earlier < *times;
  }
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// Which files a failure is for; without a share, kind and name: every file.
struct FailureTarget {
  std::optional<double> share;  ///< of the files, spread evenly
  std::optional<ArtifactKind> kind;
  std::string name;  ///< part of the file name

  /// `index`: the file's number among all files, from 0.
  [[nodiscard]] bool matches(std::size_t index, ArtifactKind file_kind,
                             std::string_view file_name) const;
  friend bool operator==(const FailureTarget&, const FailureTarget&) = default;
};

struct FailureRule {
  Failure failure;
  FailureTarget target;
  friend bool operator==(const FailureRule&, const FailureRule&) = default;
};

/// FAILURE[@TARGET]. FAILURE: STATUS[:TIMES[:RETRY_AFTER]] ("403", "404:2", "503:5:30"),
/// truncate|stall|short[:SHARE[:TIMES]] ("truncate:0.5"), slow[:RATE[:TIMES]] ("slow:64KiB" a
/// second), html|json|empty|gzip|redirect|changed[:TIMES] (changed: once unless said otherwise),
/// no-ranges, no-validator, weak-etag, wrong-size. TARGET: "25%" of the files, a kind
/// ("recording"), or part of a file name. Errc::invalid says what is accepted.
Result<FailureRule> parse_failure(std::string_view text);
/// What parse_failure() reads back.
std::string to_string(const FailureRule& rule);
/// For `--help`: the accepted forms in one line each.
std::string_view failure_help() noexcept;

}  // namespace reelkeep::simulate
