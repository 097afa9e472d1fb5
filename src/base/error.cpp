#include "reelkeep/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace reelkeep {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  int status;
};

constexpr std::array k_table{
    Row{Errc::invalid, "invalid", 2},           Row{Errc::not_found, "not_found", 4},
    Row{Errc::unauthorized, "unauthorized", 5}, Row{Errc::conflict, "conflict", 6},
    Row{Errc::unavailable, "unavailable", 7},   Row{Errc::timeout, "timeout", 7},
    Row{Errc::no_space, "no_space", 8},         Row{Errc::corrupt, "corrupt", 9},
    Row{Errc::internal, "internal", 70},        Row{Errc::cancelled, "cancelled", 130},
};

const Row& row(Errc code) noexcept {
  for (const Row& candidate : k_table)
    if (candidate.code == code) return candidate;
  abort_broken_invariant("an Errc outside its table");
}

Errc classify(int error_number) noexcept {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::unauthorized;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Errc::no_space;
    case EEXIST:
    case EADDRINUSE:
    case ENOTEMPTY:
    case EBUSY:
      return Errc::conflict;
    case ETIMEDOUT:
      return Errc::timeout;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
      return Errc::invalid;
    default:
      return Errc::unavailable;
  }
}

}  // namespace

std::string_view to_string(Errc code) noexcept {
  return row(code).name;
}

std::optional<Errc> parse_errc(std::string_view text) noexcept {
  for (const Row& candidate : k_table)
    if (candidate.name == text) return candidate.code;
  return std::nullopt;
}

int exit_status(Errc code) noexcept {
  return row(code).status;
}

Error Error::within(std::string_view context) const {
  Error outer = *this;
  outer.message = std::string(context) + ": " + message;
  return outer;
}

Error Error::from_errno(int error_number, std::string_view what) {
  std::array<char, 128> buffer{};
  const char* text = strerror_r(error_number, buffer.data(), buffer.size());
  std::string message(what);
  message += ": ";
  for (const char* c = text; *c != '\0'; ++c)
    message += (c == text && *c >= 'A' && *c <= 'Z') ? static_cast<char>(*c - 'A' + 'a') : *c;
  return Error{classify(error_number), std::move(message)};
}

void abort_broken_invariant(std::string_view what) noexcept {
  std::fprintf(stderr, "reelkeep: broken invariant: %.*s\n", static_cast<int>(what.size()),
               what.data());
  std::abort();
}

}  // namespace reelkeep
