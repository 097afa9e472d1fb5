#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace reelkeep {

/// The closed table of failures. The adapter classifies (one place maps errno, one maps HTTP
/// status, one maps SQLite codes), core decides what is next. The numbers behind them are the exit
/// statuses.
enum class Errc {
  invalid,       ///< usage or configuration: trying again unchanged cannot help
  not_found,     ///< proven absence only: HTTP 404/410, ENOENT, no such session
  unauthorized,  ///< HTTP 401/403 from a host that the pair was sent to, or no permission
  conflict,      ///< port taken, second agent, ambiguous name, other schema, path already in use
  unavailable,   ///< the other side does not work now
  timeout,       ///< no answer, or too slow
  no_space,      ///< disk full, quota, free-space guard
  corrupt,       ///< bytes are not what they have to be
  internal,      ///< a defect of ours
  cancelled,     ///< stopped on purpose
};

/// Name as in tables and JSON ("no_space").
std::string_view to_string(Errc code) noexcept;
/// Inverse of to_string.
std::optional<Errc> parse_errc(std::string_view text) noexcept;
/// Process exit status of a command that failed with this code.
int exit_status(Errc code) noexcept;

/// What happened, to what, and what to do: outermost first, lower case, no full stop.
/// Never holds a secret, user info or the query of a URL.
struct Error {
  Errc code = Errc::internal;
  std::string message;
  /// The other side's own wish (`Retry-After`), already bounded to one hour.
  std::optional<std::chrono::seconds> retry_after = std::nullopt;

  friend bool operator==(const Error&, const Error&) = default;

  /// The same failure seen from further out: "context: message".
  [[nodiscard]] Error within(std::string_view context) const;
  /// The one place that maps errno; `what` names the action and its object.
  static Error from_errno(int error_number, std::string_view what);
};

/// A broken invariant: says so on stderr and aborts, in release builds too.
[[noreturn]] void abort_broken_invariant(std::string_view what) noexcept;

}  // namespace reelkeep
