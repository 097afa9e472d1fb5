#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "reelkeep/base/error.hpp"

namespace SQLite {
class Exception;
}

namespace reelkeep::sqlite {

/// A row holds a word or a length that this program never wrote: the file is damaged.
class UnreadableRow : public std::runtime_error {
 public:
  explicit UnreadableRow(const std::string& what) : std::runtime_error(what) {}
};

/// The one place that maps SQLite codes. `code` may be extended; `system_error` is errno as SQLite
/// saw it (0: none), which tells a full disk from a failing one.
Errc errc_of(int code, int system_error) noexcept;

/// `what` names the file; the message says what to do where there is something.
Error to_error(const SQLite::Exception& exception, int system_error, std::string_view what);

}  // namespace reelkeep::sqlite
