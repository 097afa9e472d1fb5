#include "core/layout.hpp"

#include <doctest/doctest.h>

using reelkeep::core::session_folder;

TEST_CASE("the session's folder is what the layout fixes by session alone") {
  CHECK(session_folder("{room_id}/{conf_num}/{kind}/{name}", "r/c/recording/f.mov") == "r/c");
  CHECK(session_folder("{app_id}/x/{conf_num}-{room_id}/{name}", "a/x/c-r/f") == "a/x/c-r");
  CHECK(session_folder("{date}/{conf_num}/{name}", "2026-01-04/c/f").empty());
  CHECK(session_folder("{name}", "f").empty());
  CHECK(session_folder("{conf_num}/{stage}/{id}", "c/_/3f") == "c");
}
