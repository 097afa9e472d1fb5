#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/base/text.hpp"

using namespace reelkeep;

namespace {

const char* const k_default = "{room_id}/{conf_num}/{kind}/{name}";

LayoutValues values() {
  return {.app_id = "app1",
          .room_id = "r1",
          .conf_num = "c1",
          .kind = "recording",
          .stage = "",
          .id = "3fa9c1d20b7e",
          .name = "file1.mov",
          .date = *parse_rfc3339("2026-01-04T23:59:59Z")};
}

std::string expanded(const char* layout, const LayoutValues& with) {
  const auto path = expand_layout(layout, with);
  REQUIRE(path.has_value());
  return *path;
}

}  // namespace

TEST_CASE("every placeholder stands for its value") {
  CHECK(expanded(k_default, values()) == "r1/c1/recording/file1.mov");
  CHECK(expanded("{app_id}/{date}/{id}-{name}", values()) ==
        "app1/2026-01-04/3fa9c1d20b7e-file1.mov");
  CHECK(expanded("archive/{id}", values()) == "archive/3fa9c1d20b7e");
  CHECK(expanded("{kind}_{stage}/{name}", values()) == "recording__/file1.mov");
}

TEST_CASE("a hostile value stays one segment of its own") {
  LayoutValues hostile = values();
  hostile.room_id = "../../etc";
  hostile.conf_num = "a/b\\c";
  hostile.name = "/..";
  CHECK(expanded(k_default, hostile) == "_._.._etc/a_b_c/recording/_");
  hostile.room_id = "";
  hostile.conf_num = "..";
  hostile.name = ".reelkeep-archive";
  CHECK(expanded(k_default, hostile) == "_/_/recording/_reelkeep-archive");
  hostile.room_id = "{name}";
  hostile.conf_num = "Manifest-SHA256.txt";
  hostile.name = "CON";
  CHECK(expanded(k_default, hostile) == "{name}/_Manifest-SHA256.txt/recording/_CON");
}

TEST_CASE("a segment put together of safe parts is made safe as a whole") {
  LayoutValues parts = values();
  parts.room_id = "CO";
  parts.conf_num = "N";
  CHECK(expanded("{room_id}{conf_num}/{name}", parts) == "_CON/file1.mov");
  parts.room_id = std::string(200, 'r');
  parts.name = std::string(200, 'n') + ".mov";
  CHECK(expanded("{room_id}-{name}", parts) == std::string(196, 'r') + ".mov");
}

TEST_CASE("a path never exceeds its bound, its name keeps the extension") {
  LayoutValues longest;
  for (std::string* value : {&longest.app_id, &longest.room_id, &longest.conf_num, &longest.kind,
                             &longest.stage, &longest.id})
    *value = std::string(5000, 'x');
  longest.name = std::string(5000, 'x') + ".mov";
  const std::string path =
      expanded("{app_id}/{room_id}/{conf_num}/{kind}/{stage}/{id}/{date}/{name}", longest);
  CHECK(path.size() <= 900);
  CHECK(path.ends_with("x.mov"));
  const std::string usual = expanded(k_default, longest);
  CHECK(usual.size() == 803);
  CHECK(usual.ends_with("x.mov"));
}

TEST_CASE("layouts that name every artifact are accepted") {
  for (const char* layout :
       {k_default, "{name}", "{id}", "a/{id}.bin", "{app_id}/{room_id}/{stage}/{date}/{name}",
        "recordings of {date}/{name}"}) {
    CAPTURE(layout);
    CHECK(check_layout(layout).has_value());
  }
}

TEST_CASE("layouts that cannot work are refused with the reason") {
  const std::vector<std::pair<const char*, const char*>> table{
      {"", "empty"},
      {"/{name}", "relative"},
      {"{room_id}//{name}", "empty segment"},
      {"{name}/", "empty segment"},
      {"./{name}", "not safe"},
      {"../{name}", "not safe"},
      {"a/../{name}", "not safe"},
      {".staging/{name}", "not safe"},
      {".{name}", "not safe"},
      {"a\\{name}", "not safe"},
      {"a:{name}", "not safe"},
      {"con/{name}", "not safe"},
      {"{name}.", "not safe"},
      {"{kind}/manifest-sha256.txt/{name}", "not safe"},
      {"{room_id}/{conf_num}", "{name} or {id}"},
      {"name", "{name} or {id}"},
      {"{conf_nmu}/{name}", "did you mean {conf_num}?"},
      {"{}/{name}", "unknown placeholder"},
      {"{zebra}/{name}", "known are {app_id}"},
      {"{Name}", "did you mean {name}?"},
      {"{name", "brace"},
      {"name}", "brace"},
      {"{{name}}", "brace"},
      {"{na/me}", "brace"},
      {"a/b/c/d/e/f/g/h/{name}", "more than 8"},
  };
  for (const auto& [layout, reason] : table) {
    CAPTURE(layout);
    const Status status = check_layout(layout);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Errc::invalid);
    CAPTURE(status.error().message);
    CHECK(status.error().message.find(reason) != std::string::npos);
    CHECK(expand_layout(layout, values()).error().message == status.error().message);
  }
}
