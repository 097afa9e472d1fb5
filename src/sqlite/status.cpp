#include "sqlite/status.hpp"

#include <SQLiteCpp/Exception.h>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <sqlite3.h>

namespace reelkeep::sqlite {

namespace {

bool is_full(int system_error) noexcept {
  return system_error == ENOSPC || system_error == EDQUOT;
}

Errc errc_of_open(int system_error) noexcept {
  // A file that cannot be created is opened once more without creating: absence is not the cause.
  if (system_error == 0 || system_error == ENOENT) return Errc::unavailable;
  return Error::from_errno(system_error, "").code;
}

std::string_view hint(Errc code) noexcept {
  switch (code) {
    case Errc::no_space:
      return "; free some space on its filesystem";
    case Errc::timeout:
      return "; another process holds it locked";
    case Errc::unauthorized:
      return "; run as the owner of the state directory";
    case Errc::corrupt:
      return "; the file is damaged or is no SQLite file";
    case Errc::unavailable:
      return "; see the kernel's log for the disk";
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::internal:
    case Errc::cancelled:
      break;
  }
  return "";
}

}  // namespace

Errc errc_of(int code, int system_error) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Errc::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::timeout;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Errc::corrupt;
    case SQLITE_CANTOPEN:
      return is_full(system_error) ? Errc::no_space : errc_of_open(system_error);
    case SQLITE_CONSTRAINT:
      return Errc::conflict;
    case SQLITE_IOERR:
      if (is_full(system_error)) return Errc::no_space;
      return code == SQLITE_IOERR_CORRUPTFS ? Errc::corrupt : Errc::unavailable;
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return Errc::unavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Errc::unauthorized;
    case SQLITE_TOOBIG:
      return Errc::invalid;
    case SQLITE_INTERRUPT:
      return Errc::cancelled;
    default:
      return Errc::internal;
  }
}

Error to_error(const SQLite::Exception& exception, int system_error, std::string_view what) {
  const int primary = exception.getErrorCode() & 0xff;
  // errno is old news for anything but these.
  const bool from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const bool is_misleading = primary == SQLITE_CANTOPEN && system_error == ENOENT;
  const int number = from_system && !is_misleading ? system_error : 0;
  const int extended = exception.getExtendedErrorCode();
  const Errc code = errc_of(extended > 0 ? extended : exception.getErrorCode(), number);
  std::string message = fmt::format("{}: {}", what, exception.what());
  if (number != 0) message += fmt::format(" ({})", std::strerror(number));
  message += hint(code);
  return Error{code, std::move(message)};
}

}  // namespace reelkeep::sqlite
