#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <set>

#include "crypto/sha256.hpp"
#include "fs/crash_point.hpp"
#include "fs/process.hpp"
#include "fs/store_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

const std::vector<std::string> k_bytes{"first artifact", "second artifact", "third artifact"};

std::string path_of(std::size_t i) {
  return "room/conf/kind" + std::to_string(i) + "/file.mp4";
}

std::vector<PutRequest> requests(LocalPlace& place, Staged disposition) {
  std::vector<PutRequest> batch;
  for (std::size_t i = 0; i < k_bytes.size(); ++i)
    batch.push_back(PutRequest{.staged = place.stage(k_bytes[i]),
                               .path = path_of(i),
                               .manifest_dir = "room/conf",
                               .suffix = "~abc123",
                               .size = ByteCount(k_bytes[i].size()),
                               .digest = sha256(k_bytes[i]),
                               .disposition = disposition});
  return batch;
}

/// Every file with a published name, relative to the root; the manifest and our own area apart.
std::set<std::string> published(const LocalPlace& place) {
  std::set<std::string> paths;
  for (const auto& entry : stdfs::recursive_directory_iterator(place.root())) {
    const std::string path = stdfs::relative(entry.path(), place.root()).string();
    if (entry.is_regular_file() && !path.starts_with(".") &&
        entry.path().filename() != "manifest-sha256.txt")
      paths.insert(path);
  }
  return paths;
}

/// Nothing half-done may be seen under a published name.
void check_archive_is_sound(LocalPlace& place) {
  for (std::size_t i = 0; i < k_bytes.size(); ++i) {
    const auto bytes = place.stored(path_of(i));
    if (bytes) CHECK(*bytes == k_bytes[i]);
    if (bytes) CHECK(place.dir().mode("archive/" + path_of(i)) == 0440);
  }
  if (place.dir().exists("archive/room/conf/manifest-sha256.txt"))
    CHECK(sha256sum_accepts(place.root() + "/room/conf"));
}

void kill_and_go_on(const std::string& point, fs::PlaceBy place_by, Staged disposition,
                    bool one_archived_before) {
  LocalPlace place(fs::LocalStoreOptions{.place_by = place_by});
  const std::string root = place.make()->open("").value();
  const std::vector<PutRequest> batch = requests(place, disposition);
  if (one_archived_before) {
    const auto store = place.make();
    REQUIRE(store->open(root));
    REQUIRE(store->put(std::span(batch).first(1)).front());
  }
  const int status = in_child([&] {
    ::setenv("REELKEEP_CRASH_AT", point.c_str(), 1);
    const auto store = place.make();
    if (!store->open(root)) return 1;
    (void)store->put(batch);
    return 2;
  });
  REQUIRE(status == fs::k_crash_status);
  check_archive_is_sound(place);

  const auto store = place.make();
  REQUIRE(store->open(root));
  for (const auto& result : store->put(batch)) {
    REQUIRE(result);
    CHECK(place.stored(result->path));
  }
  check_archive_is_sound(place);
  CHECK(published(place) == std::set<std::string>{path_of(0), path_of(1), path_of(2)});
  const std::string manifest = place.dir().read("archive/room/conf/manifest-sha256.txt");
  CHECK(std::count(manifest.begin(), manifest.end(), '\n') == 3);
  CHECK(stdfs::is_empty(place.root() + "/.staging"));
  for (const PutRequest& one : batch)
    CHECK(place.is_staged(one.staged) == (disposition == Staged::keep));
}

}  // namespace

TEST_CASE(
    "a process killed between any two steps of publishing leaves a sound archive and the "
    "next run ends the work") {
  for (const char* point :
       {"publish.after_filesync", "publish.before_rename", "publish.after_rename",
        "publish.after_dirsync", "publish.before_manifest", "publish.after_manifest"})
    for (const Staged disposition : {Staged::take, Staged::keep})
      for (const bool before : {false, true}) {
        CAPTURE(point);
        CAPTURE(before);
        CAPTURE((disposition == Staged::take));
        kill_and_go_on(point, fs::PlaceBy::rename, disposition, before);
      }
}

TEST_CASE("a process killed before it replaces the manifest leaves the old one") {
  kill_and_go_on("manifest.before_rename", fs::PlaceBy::rename, Staged::take, false);
}

TEST_CASE("a process killed between link and unlink leaves two names that become one") {
  for (const Staged disposition : {Staged::take, Staged::keep})
    kill_and_go_on("publish.after_link", fs::PlaceBy::link, disposition, false);
}
