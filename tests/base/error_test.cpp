#include "reelkeep/base/error.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace reelkeep;

TEST_CASE("every failure has a name, read back to itself, and the documented exit status") {
  const std::vector<std::pair<Errc, int>> table{
      {Errc::invalid, 2},     {Errc::not_found, 4},  {Errc::unauthorized, 5}, {Errc::conflict, 6},
      {Errc::unavailable, 7}, {Errc::timeout, 7},    {Errc::no_space, 8},     {Errc::corrupt, 9},
      {Errc::internal, 70},   {Errc::cancelled, 130}};
  std::set<std::string_view> names;
  for (const auto& [code, status] : table) {
    CHECK(parse_errc(to_string(code)) == code);
    CHECK(exit_status(code) == status);
    names.insert(to_string(code));
  }
  CHECK(names.size() == table.size());
  CHECK(parse_errc("") == std::nullopt);
  CHECK(parse_errc("Invalid") == std::nullopt);
}

TEST_CASE("errno becomes the failure that it means") {
  const std::vector<std::pair<int, Errc>> table{
      {ENOENT, Errc::not_found},    {EACCES, Errc::unauthorized},     {EROFS, Errc::unauthorized},
      {ENOSPC, Errc::no_space},     {EDQUOT, Errc::no_space},         {EEXIST, Errc::conflict},
      {EADDRINUSE, Errc::conflict}, {ETIMEDOUT, Errc::timeout},       {ENAMETOOLONG, Errc::invalid},
      {EIO, Errc::unavailable},     {ECONNREFUSED, Errc::unavailable}};
  for (const auto& [number, code] : table) {
    CAPTURE(number);
    CHECK(Error::from_errno(number, "opening /x").code == code);
  }
}

TEST_CASE("an errno message says what was done first and ends in a small letter's sentence") {
  CHECK(Error::from_errno(ENOENT, "opening /x").message == "opening /x: no such file or directory");
}

TEST_CASE("a context is put in front and keeps code and wish") {
  const Error inner{Errc::unavailable, "busy", std::chrono::seconds(3)};
  const Error outer = inner.within("storing a.mov");
  CHECK(outer.message == "storing a.mov: busy");
  CHECK(outer.code == Errc::unavailable);
  CHECK(outer.retry_after == std::chrono::seconds(3));
}
