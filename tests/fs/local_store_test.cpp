#include "fs/local_store.hpp"

#include <algorithm>
#include <atomic>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>

#include "crypto/sha256.hpp"
#include "fs/process.hpp"
#include "fs/store_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

PutRequest request(LocalPlace& place, const std::string& path, const std::string& bytes,
                   const std::string& manifest_dir = "room/conf", Staged staged = Staged::take) {
  return PutRequest{.staged = place.stage(bytes),
                    .path = path,
                    .manifest_dir = manifest_dir,
                    .suffix = "~abc123",
                    .size = ByteCount(bytes.size()),
                    .digest = sha256(bytes),
                    .disposition = staged};
}

Result<Placed> put(Store& store, const PutRequest& wanted) {
  return store.put({&wanted, 1}).front();
}

std::unique_ptr<Store> opened(LocalPlace& place) {
  auto store = place.make();
  REQUIRE(store->open(""));
  return store;
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("published files are read-only, folders closed to others, whatever the umask") {
  LocalPlace place;
  const mode_t before = ::umask(0077);
  const auto store = opened(place);
  const auto placed = put(*store, request(place, "room/conf/recording/a.mp4", "a"));
  const auto copied =
      put(*store, request(place, "room/conf/recording/b.mp4", "b", "room/conf", Staged::keep));
  ::umask(before);
  REQUIRE(placed);
  REQUIRE(copied);
  CHECK(place.dir().mode("archive/room/conf/recording/a.mp4") == 0440);
  CHECK(place.dir().mode("archive/room/conf/recording/b.mp4") == 0440);
  CHECK(place.dir().mode("archive/room") == 0750);
  CHECK(place.dir().mode("archive/room/conf/recording") == 0750);
  CHECK(place.dir().mode("archive/room/conf/manifest-sha256.txt") == 0640);
  CHECK(place.dir().mode("archive/.staging") == 0700);
  CHECK(place.dir().mode("archive/.reelkeep-archive") == 0440);
}

TEST_CASE("a put file has its manifest line in the session's folder, once") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/recording/a.mp4", "a")));
  CHECK(place.dir().read("archive/room/conf/manifest-sha256.txt") ==
        sha256("a").hex() + "  recording/a.mp4\n");
  REQUIRE(put(*store, request(place, "room/conf/recording/a.mp4", "a")));
  REQUIRE(put(*store, request(place, "room/conf/chat.txt", "")));
  CHECK(lines_in(place.dir().read("archive/room/conf/manifest-sha256.txt")) == 2);
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
  REQUIRE(put(*store, request(place, "top.mp4", "t", "")));
  CHECK(sha256sum_accepts(place.root()));
}

TEST_CASE("names that need escaping are accepted by sha256sum") {
  LocalPlace place;
  const auto store = opened(place);
  for (const char* name : {"back\\slash", "new\nline", "return\r", "-", " space ", "*star", "#hash",
                           "--help", "\xf0\x9f\x8e\xa5.mp4", "\\\\n"}) {
    CAPTURE(name);
    REQUIRE(put(*store, request(place, "room/conf/" + std::string(name), name)));
    CHECK(sha256sum_accepts(place.root() + "/room/conf"));
  }
}

TEST_CASE("sha256sum accepts the manifest at any moment while files are published and retried") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/first", "first")));
  std::vector<PutRequest> work;
  for (int i = 0; i < 150; ++i)
    work.push_back(request(place, "room/conf/a-rather-long-name-" + std::to_string(i),
                           "bytes " + std::to_string(i)));
  std::atomic<bool> done = false;
  std::atomic<bool> failed = false;
  std::jthread publisher([&] {
    for (const PutRequest& one : work)
      if (!put(*store, one)) failed = true;
    done = true;
  });
  int rounds = 0;
  do {
    REQUIRE(sha256sum_accepts(place.root() + "/room/conf"));
    ++rounds;
  } while (!done);
  publisher.join();
  CHECK_FALSE(failed);
  CHECK(rounds > 0);
  CHECK(lines_in(place.dir().read("archive/room/conf/manifest-sha256.txt")) == 151);
}

TEST_CASE("removing takes the manifest line, and the manifest with its last one") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/recording/a.mp4", "a")));
  REQUIRE(put(*store, request(place, "room/conf/recording/b.mp4", "b")));
  REQUIRE(store->remove("room/conf/recording/a.mp4"));
  CHECK(place.dir().read("archive/room/conf/manifest-sha256.txt") ==
        sha256("b").hex() + "  recording/b.mp4\n");
  CHECK(place.dir().mode("archive/room/conf/manifest-sha256.txt") == 0640);
  REQUIRE(store->remove("room/conf/recording/b.mp4"));
  CHECK_FALSE(place.dir().exists("archive/room/conf/manifest-sha256.txt"));
  CHECK(store->remove("room/conf/manifest-sha256.txt").error().code == Errc::invalid);
  CHECK(store->remove(".reelkeep-archive").error().code == Errc::invalid);
}

TEST_CASE("a file that was lost and is archived anew replaces its stale line") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/a.mp4", "old")));
  REQUIRE(put(*store, request(place, "room/conf/b.mp4", "b")));
  place.lose("room/conf/a.mp4");
  REQUIRE(put(*store, request(place, "room/conf/a.mp4", "new")));
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
  CHECK(lines_in(place.dir().read("archive/room/conf/manifest-sha256.txt")) == 2);
}

TEST_CASE("a file that went bad has no line any more once its bytes are archived beside it") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/b.mp4", "b")));
  std::string rotten = "rotted";
  SUBCASE("of the same length") {}
  SUBCASE("of another length") {
    rotten += "!";
  }
  for (const std::string& bytes : {std::string("whole!"), std::string("whole?")}) {
    const auto placed = put(*store, request(place, "room/conf/a.mp4", bytes));
    REQUIRE(placed);
    CHECK(sha256sum_accepts(place.root() + "/room/conf"));
    place.lose(placed->path);
    place.dir().write("archive/" + placed->path, rotten);
    CHECK_FALSE(sha256sum_accepts(place.root() + "/room/conf"));
    const auto again = put(*store, request(place, "room/conf/a.mp4", bytes));
    REQUIRE(again);
    CHECK(again->path != placed->path);
    CHECK(place.dir().read("archive/" + placed->path) == rotten);
    CHECK(sha256sum_accepts(place.root() + "/room/conf"));
  }
  CHECK(lines_in(place.dir().read("archive/room/conf/manifest-sha256.txt")) == 3);
}

TEST_CASE("names that the archive keeps for itself are not given away") {
  LocalPlace place(fs::LocalStoreOptions{.staging_dir = {}});
  const auto store = opened(place);
  CHECK(put(*store, request(place, "room/conf/Manifest-SHA256.txt", "x"))->path ==
        "room/conf/Manifest-SHA256~abc123.txt");
  CHECK(put(*store, request(place, ".staging/x", "x", "")).error().code == Errc::invalid);
  CHECK(put(*store, request(place, ".Reelkeep-Archive", "x", "")).error().code == Errc::invalid);
  CHECK(put(*store, request(place, "room/conf/x", "x", "room/other")).error().code ==
        Errc::invalid);
}

TEST_CASE("symbolic links in the archive are never followed when writing") {
  LocalPlace place;
  const auto store = opened(place);
  place.dir().write("outside/victim", "untouched");
  stdfs::create_directories(place.root() + "/room/conf");
  SUBCASE("a folder") {
    stdfs::create_directory_symlink(place.dir().path("outside"), place.root() + "/room/conf/kind");
    const PutRequest wanted = request(place, "room/conf/kind/new", "x");
    CHECK(put(*store, wanted).error().code == Errc::conflict);
    CHECK_FALSE(place.dir().exists("outside/new"));
    CHECK(place.is_staged(wanted.staged));
    CHECK(store->inspect("room/conf/kind/victim", ByteCount(9), sha256("untouched"), Depth::full)
              ->found == Inspection::Found::corrupt);
    CHECK(store->remove("room/conf/kind/victim").error().code == Errc::conflict);
  }
  SUBCASE("the file's own name") {
    stdfs::create_symlink(place.dir().path("outside/victim"), place.root() + "/room/conf/a.mp4");
    stdfs::create_symlink(place.dir().path("nowhere"), place.root() + "/room/conf/b.mp4");
    CHECK(put(*store, request(place, "room/conf/a.mp4", "untouched"))->path ==
          "room/conf/a~abc123.mp4");
    CHECK(put(*store, request(place, "room/conf/b.mp4", "x"))->path == "room/conf/b~abc123.mp4");
    CHECK_FALSE(place.dir().exists("nowhere"));
    CHECK(
        store->inspect("room/conf/a.mp4", ByteCount(9), sha256("untouched"), Depth::full)->found ==
        Inspection::Found::corrupt);
  }
  SUBCASE("the manifest") {
    stdfs::create_symlink(place.dir().path("outside/victim"),
                          place.root() + "/room/conf/manifest-sha256.txt");
    CHECK(put(*store, request(place, "room/conf/a.mp4", "x")).error().code == Errc::conflict);
  }
  SUBCASE("the staged file") {
    PutRequest wanted = request(place, "room/conf/a.mp4", "untouched");
    stdfs::remove(wanted.staged);
    stdfs::create_symlink(place.dir().path("outside/victim"), wanted.staged);
    CHECK_FALSE(put(*store, wanted));
    CHECK_FALSE(place.stored("room/conf/a.mp4"));
  }
  CHECK(place.dir().read("outside/victim") == "untouched");
  CHECK(place.dir().mode("outside/victim") != 0440);
}

TEST_CASE("a file in the way of a folder is a conflict, never an absence") {
  LocalPlace place;
  const auto store = opened(place);
  place.store_directly("room", "a file");
  CHECK(put(*store, request(place, "room/conf/a.mp4", "x")).error().code == Errc::conflict);
  CHECK(place.stored("room") == "a file");
}

TEST_CASE("only a new, empty or known directory becomes an archive") {
  LocalPlace place(fs::LocalStoreOptions{.staging_dir = {}});
  SUBCASE("a directory with foreign files is refused and left alone") {
    place.store_directly("someone/else", "x");
    const auto refused = place.make()->open("");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().message.find("someone") != std::string::npos);
    CHECK_FALSE(place.dir().exists("archive/.reelkeep-archive"));
    CHECK_FALSE(place.dir().exists("archive/.staging"));
  }
  SUBCASE("lost+found and staging do not count") {
    stdfs::create_directories(place.root() + "/lost+found");
    place.store_directly(".staging/x.part", "x");
    CHECK(place.make()->open(""));
    CHECK(place.dir().exists("archive/.staging/x.part"));
  }
  SUBCASE("a staging directory of another name does not count and is not archived into") {
    const auto store =
        fs::make_local_store(StoreId("local"), place.root(),
                             fs::LocalStoreOptions{.staging_dir = place.root() + "/in/coming"});
    place.store_directly("in/coming/x.part", "x");
    REQUIRE(store->open(""));
    CHECK(put(*store, request(place, "in/x", "x", "")).error().code == Errc::invalid);
  }
  SUBCASE("a damaged marker is not overwritten") {
    place.store_directly(".reelkeep-archive", "");
    CHECK(place.make()->open("").error().code == Errc::unavailable);
    CHECK(place.stored(".reelkeep-archive") == "");
  }
  SUBCASE("a missing root that should be there is not created") {
    CHECK(place.make()->open("known").error().message.find("mounted") != std::string::npos);
    CHECK_FALSE(place.dir().exists("archive"));
  }
}

TEST_CASE("a root that is exchanged under the store is noticed and not written to") {
  LocalPlace place;
  const auto store = opened(place);
  const PutRequest wanted = request(place, "room/conf/a.mp4", "x");
  SUBCASE("another directory") {
    place.go_away();
    stdfs::create_directory(place.root());
  }
  SUBCASE("another archive") {
    place.go_away();
    REQUIRE(place.make()->open(""));
  }
  SUBCASE("the marker is gone") {
    stdfs::remove(place.root() + "/.reelkeep-archive");
  }
  SUBCASE("the marker says something else") {
    stdfs::remove(place.root() + "/.reelkeep-archive");
    place.store_directly(".reelkeep-archive", "another\n");
  }
  CHECK(store->ready().error().code == Errc::unavailable);
  CHECK(put(*store, wanted).error().code == Errc::unavailable);
  CHECK_FALSE(place.stored("room/conf/a.mp4"));
  CHECK(place.is_staged(wanted.staged));
}

TEST_CASE("opening clears what killed processes left, and nothing else") {
  LocalPlace place;
  (void)opened(place);
  place.store_directly(".staging/.reelkeep-tmp-00-0", "left");
  place.store_directly(".staging/0123456789ab.part", "bytes");
  (void)opened(place);
  CHECK_FALSE(place.dir().exists("archive/.staging/.reelkeep-tmp-00-0"));
  CHECK(place.dir().exists("archive/.staging/0123456789ab.part"));
}

TEST_CASE("a large file of an odd length is read back whole past the cache") {
  LocalPlace place;
  const auto store = opened(place);
  std::string bytes((std::size_t{3} << 20U) + 123, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  REQUIRE(put(*store, request(place, "room/conf/big", bytes, "room/conf", Staged::keep)));
  const auto look = [&] {
    return store->inspect("room/conf/big", ByteCount(bytes.size()), sha256(bytes), Depth::full)
        ->found;
  };
  CHECK(look() == Inspection::Found::good);
  bytes.back() = 'x';
  CHECK(look() == Inspection::Found::corrupt);
}

TEST_CASE("bytes staged on another filesystem are copied, checked, and the staging file goes") {
  LocalPlace place;
  const auto store = opened(place);
  PutRequest wanted = request(place, "room/conf/a.mp4", "from afar");
  const std::string far = "/dev/shm/reelkeep-test-" + std::to_string(::getpid());
  stdfs::copy_file(wanted.staged, far, stdfs::copy_options::overwrite_existing);
  wanted.staged = far;
  const auto placed = put(*store, wanted);
  CHECK_FALSE(stdfs::exists(far));
  stdfs::remove(far);
  REQUIRE(placed);
  CHECK(place.stored("room/conf/a.mp4") == "from afar");
  CHECK(place.dir().mode("archive/room/conf/a.mp4") == 0440);
}

TEST_CASE("names that differ only in case are two files, or two names where the disk folds case") {
  LocalPlace place;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, "room/conf/File.mp4", "upper")));
  const auto lower = put(*store, request(place, "room/conf/file.mp4", "lower"));
  REQUIRE(lower);
  CHECK(place.stored("room/conf/File.mp4") == "upper");
  CHECK(place.stored(lower->path) == "lower");
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
}
