#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>
#include <span>

#include "crypto/sha256.hpp"
#include "fs/file_io.hpp"
#include "fs/process.hpp"
#include "fs/staging.hpp"
#include "fs/staging_house.hpp"
#include "fs/store_places.hpp"
#include "fs/syscalls.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

PutRequest request(LocalPlace& place, const std::string& path, const std::string& bytes,
                   Staged disposition) {
  return PutRequest{.staged = place.stage(bytes),
                    .path = path,
                    .manifest_dir = "room/conf",
                    .suffix = "~abc123",
                    .size = ByteCount(bytes.size()),
                    .digest = sha256(bytes),
                    .disposition = disposition};
}

Result<Placed> put(Store& store, const PutRequest& wanted) {
  return store.put({&wanted, 1}).front();
}

/// Calls without our root's path, temporary names as "TEMP".
std::vector<std::string> plain(const std::vector<std::string>& calls, const LocalPlace& place) {
  std::vector<std::string> out;
  for (std::string call : calls) {
    for (std::size_t at = call.find(place.dir().path()); at != std::string::npos;
         at = call.find(place.dir().path()))
      call.erase(at, place.dir().path().size());
    const std::size_t temp = call.find(".reelkeep-tmp-");
    if (temp != std::string::npos)
      call.replace(temp, std::min(call.find(' ', temp), call.size()) - temp, "TEMP");
    out.push_back(call);
  }
  return out;
}

std::size_t count(const std::vector<std::string>& calls, const std::string& call) {
  return static_cast<std::size_t>(std::count(calls.begin(), calls.end(), call));
}

}  // namespace

TEST_CASE("of what is written, no more than two MiB are on their way to the medium") {
  constexpr std::size_t k_mib = std::size_t{1} << 20U;
  const StagingHouse house;
  const auto file = house.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  const std::string block(k_mib, 'x');
  const Syscalls calls;
  for (std::size_t written = 1; written <= 6; ++written) {
    REQUIRE(file->append(bytes_of(block)));
    const auto waits = calls.seen();
    if (written <= 2)
      CHECK(waits.empty());
    else
      CHECK(waits.back() == "wait " + std::to_string((written - 2) * k_mib) + " " + file->path());
  }
}

TEST_CASE("bytes that were lost on their way to the medium spoil the file") {
  const StagingHouse house;
  const auto file = house.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  const std::string block(std::size_t{1} << 20U, 'x');
  Syscalls calls;
  Status lost;
  SUBCASE("when they are started") {
    calls.fail("start 0 ", EIO);
    lost = file->append(bytes_of(block));
  }
  SUBCASE("while they are waited for") {
    calls.fail("wait ", EIO);
    for (int i = 0; i < 2; ++i) REQUIRE(file->append(bytes_of(block)));
    lost = file->append(bytes_of(block));
  }
  SUBCASE("ahead of others") {
    calls.fail("start ", EIO);
    REQUIRE(file->spread());
    lost = file->write_ahead(ByteCount(5), bytes_of(block));
  }
  REQUIRE_FALSE(lost);
  CHECK(lost.error().message.find("cannot write " + file->path()) != std::string::npos);
  CHECK_FALSE(file->sync());
}

TEST_CASE("bytes that are lost while a store takes them are not archived") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/a.mp4", "bytes", Staged::take);
  Syscalls calls;
  calls.fail("start ", EIO);
  const auto placed = put(*store, wanted);
  REQUIRE_FALSE(placed);
  CHECK(placed.error().code == Errc::corrupt);
  CHECK(placed.error().message.find("fetched again") != std::string::npos);
}

TEST_CASE("publishing keeps its order: mode, fsync, rename, fsync of every folder, manifest") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/kind/a.mp4", "a", Staged::take);
  Syscalls calls;
  REQUIRE(put(*store, wanted));
  std::vector<std::string> seen = plain(calls.seen(), place);
  // Setting the modes of new folders is no step of publishing.
  std::erase_if(seen,
                [](const std::string& call) { return call.starts_with("fchmod /archive/room"); });
  CHECK(seen == std::vector<std::string>{
                    "fchmod /staging/0.part",
                    "fsync /staging/0.part",
                    "renameat2 /staging/0.part /archive/room/conf/kind/a.mp4",
                    "fsync /archive/room/conf/kind",
                    "fsync /archive/room/conf",
                    "fsync /archive/room",
                    "fsync /archive",
                    "fchmod /archive/.staging/TEMP",
                    "fsync /archive/.staging/TEMP",
                    "renameat /archive/.staging/TEMP /archive/room/conf/manifest-sha256.txt",
                    "fsync /archive/room/conf",
                });
}

TEST_CASE("a copy is synced under its temporary name before it gets its own") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest first = request(place, "room/conf/a.mp4", "a", Staged::take);
  const PutRequest second = request(place, "room/conf/b.mp4", "b", Staged::keep);
  REQUIRE(put(*store, first));
  Syscalls calls;
  REQUIRE(put(*store, second));
  CHECK(plain(calls.seen(), place) ==
        std::vector<std::string>{
            "fchmod /archive/.staging/TEMP",
            "fsync /archive/.staging/TEMP",
            "renameat2 /archive/.staging/TEMP /archive/room/conf/b.mp4",
            "fsync /archive/room/conf",
            "fsync /archive/room/conf/manifest-sha256.txt",
        });
}

TEST_CASE("files of a batch share the syncs of their folders and their manifest") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  std::vector<PutRequest> batch;
  for (int i = 0; i < 20; ++i)
    batch.push_back(
        request(place, "room/conf/kind/" + std::to_string(i), std::to_string(i), Staged::take));
  Syscalls calls;
  for (const auto& result : store->put(batch)) REQUIRE(result);
  const auto seen = plain(calls.seen(), place);
  CHECK(count(seen, "fsync /archive/room/conf/kind") == 1);
  CHECK(count(seen, "fsync /archive") == 1);
  CHECK(count(seen, "fsync /archive/.staging/TEMP") == 1);
  const auto is_rename = [](const std::string& call) { return call.starts_with("renameat2"); };
  const auto first_rename = std::find_if(seen.begin(), seen.end(), is_rename);
  CHECK(std::count_if(seen.begin(), first_rename, [](const std::string& call) {
          return call.starts_with("fsync /staging/");
        }) == 20);
}

TEST_CASE("what an earlier run put in place without syncing is synced before it counts") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  place.store_directly("room/conf/a.mp4", "a");
  const PutRequest wanted = request(place, "room/conf/a.mp4", "a", Staged::keep);
  Syscalls calls;
  REQUIRE(put(*store, wanted));
  const auto seen = plain(calls.seen(), place);
  CHECK(count(seen, "fsync /archive/room/conf/a.mp4") == 1);
  CHECK(count(seen, "fsync /archive/room") == 1);
  CHECK(count(seen, "fsync /archive") == 1);
}

TEST_CASE("taken bytes whose sync failed are not published and have to be fetched again") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/a.mp4", "a", Staged::take);
  Syscalls calls;
  calls.fail("fsync " + wanted.staged, EIO);
  CHECK(put(*store, wanted).error().code == Errc::corrupt);
  CHECK_FALSE(place.stored("room/conf/a.mp4"));
}

TEST_CASE("a copy whose sync failed is dropped and can be made again") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/a.mp4", "a", Staged::keep);
  Syscalls calls;
  calls.fail("fsync " + place.root() + "/.staging/", EIO);
  CHECK(put(*store, wanted).error().code == Errc::unavailable);
  CHECK_FALSE(place.stored("room/conf/a.mp4"));
  CHECK(put(*store, wanted));
}

TEST_CASE("without the folder's sync there is no manifest line and no success") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/a.mp4", "a", Staged::take);
  Syscalls calls;
  calls.fail("fsync " + place.root() + "/room", EIO);
  CHECK_FALSE(put(*store, wanted));
  CHECK_FALSE(place.dir().exists("archive/room/conf/manifest-sha256.txt"));
  const auto again = put(*store, wanted);
  REQUIRE(again);
  CHECK(again->was_there);
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
}

TEST_CASE("a filesystem without RENAME_NOREPLACE is noticed and linked on") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  place.store_directly("room/conf/a.mp4", "theirs");
  Syscalls calls;
  calls.fail("renameat2", EINVAL);
  const auto placed = put(*store, request(place, "room/conf/b.mp4", "ours", Staged::take));
  REQUIRE(placed);
  CHECK(place.stored("room/conf/b.mp4") == "ours");
  calls.fail("renameat2", EINVAL);
  const auto beside = put(*store, request(place, "room/conf/a.mp4", "ours", Staged::take));
  REQUIRE(beside);
  CHECK(place.stored("room/conf/a.mp4") == "theirs");
}

TEST_CASE("removing takes the line off the medium before the file") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  REQUIRE(put(*store, request(place, "room/conf/a.mp4", "a", Staged::take)));
  REQUIRE(put(*store, request(place, "room/conf/b.mp4", "b", Staged::take)));
  Syscalls calls;
  REQUIRE(store->remove("room/conf/a.mp4"));
  const auto seen = plain(calls.seen(), place);
  const auto line =
      std::find(seen.begin(), seen.end(),
                "renameat /archive/.staging/TEMP /archive/room/conf/manifest-sha256.txt");
  REQUIRE(line != seen.end());
  CHECK(*(line - 1) == "fsync /archive/.staging/TEMP");
  CHECK(std::vector<std::string>(line + 1, seen.end()) ==
        std::vector<std::string>{"fsync /archive/room/conf", "unlinkat /archive/room/conf/a.mp4",
                                 "fsync /archive/room/conf"});
}

TEST_CASE("a part whose sync failed is spoilt, empty, and never trusted again") {
  const TempDir dir;
  const auto staging = fs::make_staging(dir.path("staging"), {.boot_id = "this boot"});
  REQUIRE(staging);
  const auto file = (*staging)->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  REQUIRE(file->append(std::as_bytes(std::span(std::string_view("0123456789")))));
  {
    Syscalls calls;
    calls.fail("fdatasync", EIO);
    CHECK_FALSE(file->sync());
    CHECK_FALSE(file->sync());
    CHECK(calls.seen().size() == 1);
  }
  CHECK_FALSE(file->append(std::as_bytes(std::span(std::string_view("x")))));
  CHECK_FALSE(file->digest());
  CHECK(dir.read("staging/abc.part").empty());
  const auto next = (*staging)->open(
      "abc", ResumePoint{.offset = ByteCount(4), .validator = "v", .boot_id = "this boot"});
  REQUIRE(next->prepare());
  CHECK(next->size() == ByteCount(0));
}

TEST_CASE(
    "the first checkpoint puts the part's name on the medium too, later ones only its bytes") {
  const TempDir dir;
  const auto staging = fs::make_staging(dir.path("staging"), {.boot_id = "this boot"});
  const auto file = (*staging)->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  Syscalls calls;
  REQUIRE(file->sync());
  REQUIRE(file->sync());
  CHECK(calls.seen() == std::vector<std::string>{"fdatasync " + dir.path("staging/abc.part"),
                                                 "fsync " + dir.path("staging"),
                                                 "fdatasync " + dir.path("staging/abc.part")});
}

TEST_CASE("the name of a private directory is on the medium, also when an earlier run made it") {
  const TempDir dir;
  Syscalls calls;
  REQUIRE(fs::make_private_directory(dir.path("a/b/state")));
  CHECK(calls.seen() == std::vector<std::string>{"fsync " + dir.path(), "fsync " + dir.path("a"),
                                                 "fsync " + dir.path("a/b")});
  calls.forget();
  REQUIRE(fs::make_private_directory(dir.path("a/b/state")));
  CHECK(calls.seen() == std::vector<std::string>{"fsync " + dir.path("a/b")});
  calls.fail("fsync " + dir.path("a"), EIO);
  CHECK(fs::make_private_directory(dir.path("a/b/state")).error().code == Errc::unavailable);
}

TEST_CASE("the archive's own area is on the medium before anything is staged there") {
  LocalPlace place;
  const auto store = place.make();
  Syscalls calls;
  REQUIRE(store->open(""));
  const auto seen = plain(calls.seen(), place);
  const auto staged = std::find_if(seen.begin(), seen.end(), [](const std::string& call) {
    return call.find("/archive/.staging/") != std::string::npos;
  });
  CHECK(std::find(seen.begin(), staged, "fsync /archive") != staged);
}

TEST_CASE("a manifest line whose sync failed is not there, and is written again by the next try") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  REQUIRE(put(*store, request(place, "room/conf/a.mp4", "a", Staged::take)));
  const std::string before = place.dir().read("archive/room/conf/manifest-sha256.txt");
  const PutRequest wanted = request(place, "room/conf/b.mp4", "b", Staged::take);
  Syscalls calls;
  calls.fail("manifest-sha256.txt", EIO);
  CHECK(put(*store, wanted).error().code == Errc::unavailable);
  CHECK(place.dir().read("archive/room/conf/manifest-sha256.txt") == before);
  REQUIRE(put(*store, wanted));
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
}

TEST_CASE("manifest lines that are there already are written anew, not only synced") {
  LocalPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "room/conf/a.mp4", "a", Staged::keep);
  REQUIRE(put(*store, wanted));
  const std::string before = place.dir().read("archive/room/conf/manifest-sha256.txt");
  Syscalls calls;
  REQUIRE(put(*store, wanted));
  CHECK(count(plain(calls.seen(), place),
              "renameat /archive/.staging/TEMP /archive/room/conf/manifest-sha256.txt") == 1);
  CHECK(place.dir().read("archive/room/conf/manifest-sha256.txt") == before);
}
