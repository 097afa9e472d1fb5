#include "cli/table.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "support/temp_dir.hpp"

namespace reelkeep::cli {
namespace {

std::string printed(const Table& table, Output::Look look) {
  const testing::TempDir folder;
  const std::string path = folder.write("out", "");
  const UniqueFd file(::open(path.c_str(), O_WRONLY));
  {
    Output output(file.get(), look);
    table.print(output);
  }
  return folder.read("out");
}

TEST_CASE("numbers stand at the right, text at the left, and no line ends in spaces") {
  Table table({{"NAME"}, {"SIZE", Column::Side::right}, {"STATE"}});
  table.add({{"a"}, {"12 MiB"}, {"ok"}});
  table.add({{"longer"}, {"3 B"}, {""}});
  CHECK(printed(table, {}) ==
        "NAME      SIZE  STATE\n"
        "a       12 MiB  ok\n"
        "longer     3 B\n");
}

TEST_CASE("wide characters count as the columns that they take") {
  Table table({{"NAME"}, {"N"}});
  table.add({{"会議"}, {"1"}});
  table.add({{"ab"}, {"2"}});
  CHECK(printed(table, {}) == "NAME  N\n会議  1\nab    2\n");
}

TEST_CASE("a terminal that is too narrow cuts only columns that give way") {
  Table table({{"ID"}, {"NAME", Column::Side::left, Column::Narrow::cut}});
  table.add({{"3fa9c1d20b7e"}, {"a name that goes on and on.mov"}});
  CHECK(printed(table, {.terminal = true, .width = 30}) ==
        "ID            NAME\n3fa9c1d20b7e  a name that goe…\n");
  CHECK(printed(table, {}) == "ID            NAME\n3fa9c1d20b7e  a name that goes on and on.mov\n");
}

TEST_CASE("what has to be copied is never cut: on a narrow terminal it gets a line of its own") {
  Table table({{"SESSION", Column::Side::left, Column::Narrow::own_line},
               {"ROOM", Column::Side::left, Column::Narrow::cut},
               {"N", Column::Side::right}});
  table.add({{"65f0-a-long-number-0001"}, {"room-with-a-name"}, {"12"}});
  table.add({{"c2"}, {""}, {"3"}});
  CHECK(printed(table, {.terminal = true, .width = 45}) ==
        "SESSION                  ROOM               N\n"
        "65f0-a-long-number-0001  room-with-a-name  12\n"
        "c2                                          3\n");
  CHECK(printed(table, {.terminal = true, .width = 30}) ==
        "SESSION\n  ROOM               N\n"
        "65f0-a-long-number-0001\n  room-with-a-name  12\n"
        "c2\n                     3\n");
  CHECK(printed(table, {.terminal = true, .width = 16}) ==
        "SESSION\n  ROOM         N\n"
        "65f0-a-long-number-0001\n  room-with…  12\n"
        "c2\n               3\n");
}

TEST_CASE(
    "where cutting is not enough columns go, then the first gets a line, then what is cut goes") {
  Table table({{"ID"},
               {"STAGE", Column::Side::left, Column::Narrow::left_out},
               {"NAME", Column::Side::left, Column::Narrow::cut},
               {"STATE"},
               {"TRIES", Column::Side::right, Column::Narrow::left_out}});
  table.add({{"3fa9c1d20b7e"}, {"1"}, {"a-long-name.mov"}, {"archived"}, {"3"}});
  const auto at = [&](std::size_t width) {
    return printed(table, {.terminal = true, .width = width});
  };
  CHECK(at(46) ==
        "ID            STAGE  NAME      STATE     TRIES\n"
        "3fa9c1d20b7e  1      a-long-…  archived      3\n");
  CHECK(at(45) ==
        "ID            STAGE  NAME            STATE\n"
        "3fa9c1d20b7e  1      a-long-name.m…  archived\n");
  CHECK(at(34) ==
        "ID            NAME        STATE\n"
        "3fa9c1d20b7e  a-long-na…  archived\n");
  CHECK(at(22) == "ID\n  NAME        STATE\n3fa9c1d20b7e\n  a-long-na…  archived\n");
  CHECK(at(14) == "ID\n  STATE\n3fa9c1d20b7e\n  archived\n");
}

TEST_CASE("a column without any text is left out") {
  Table table({{"A"}, {"B"}, {"C"}});
  table.add({{"1"}, {""}, {"3"}});
  CHECK(printed(table, {}) == "A  C\n1  3\n");
}

TEST_CASE("notes stand below their row and are never cut") {
  Table table({{"A", Column::Side::left, Column::Narrow::cut}});
  table.add({{"1"}});
  table.note("/a/very/long/location/that/is/longer/than/the/terminal.mov");
  CHECK(printed(table, {.terminal = true, .width = 20}) ==
        "A\n1\n    /a/very/long/location/that/is/longer/than/the/terminal.mov\n");
}

TEST_CASE("colours do not change where columns stand") {
  Table table({{"STATE"}, {"N"}});
  table.add({{"bad", Tone::bad}, {"1"}});
  const std::string text = printed(table, {.terminal = true, .colours = true, .width = 80});
  CHECK(text.find("\x1b[31mbad\x1b[0m    1\n") != std::string::npos);
}

TEST_CASE("cutting never splits a character and never exceeds the width") {
  for (std::size_t width = 1; width < 8; ++width) {
    const std::string kept = cut("äöüß会議", width);
    CHECK(text::is_valid_utf8(kept));
    CHECK(text::display_width(kept) <= width);
  }
  CHECK(cut("abc", 3) == "abc");
}

}  // namespace
}  // namespace reelkeep::cli
