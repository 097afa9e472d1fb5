#include "contract/store_contract.hpp"

#include <doctest/doctest.h>
#include <set>
#include <thread>
#include <vector>

#include "crypto/sha256.hpp"

namespace reelkeep::contract {
namespace {

constexpr const char* k_path = "room/conf/recording/file.mp4";
constexpr const char* k_folder = "room/conf";
constexpr const char* k_beside = "room/conf/recording/file~abc123.mp4";

PutRequest request(StorePlace& place, const std::string& path, const std::string& bytes,
                   Staged disposition = Staged::take) {
  return PutRequest{.staged = place.stage(bytes),
                    .path = path,
                    .manifest_dir = k_folder,
                    .suffix = "~abc123",
                    .size = ByteCount(bytes.size()),
                    .digest = sha256(bytes),
                    .disposition = disposition};
}

Result<Placed> put(Store& store, const PutRequest& wanted) {
  std::vector<Result<Placed>> results = store.put(std::span(&wanted, 1));
  REQUIRE(results.size() == 1);
  return results.front();
}

Inspection::Found found(Store& store, const std::string& path, const std::string& bytes,
                        Depth depth) {
  const auto seen = store.inspect(path, ByteCount(bytes.size()), sha256(bytes), depth);
  REQUIRE(seen);
  if (seen->found != Inspection::Found::good) CHECK_FALSE(seen->cause.empty());
  return seen->found;
}

/// Who asked knows which store it is, and says so.
bool names_itself(const Store& store, const Error& error) {
  return error.message.find("store " + store.id().get()) != std::string::npos ||
         error.message.find("store \"") != std::string::npos;
}

std::unique_ptr<Store> opened(StorePlace& place) {
  auto store = place.make();
  REQUIRE(store->open(""));
  return store;
}

void check_root(StorePlace& place) {
  SUBCASE("a store that was not opened refuses everything") {
    const auto store = place.make();
    CHECK(store->ready().error().code == Errc::unavailable);
    CHECK(put(*store, request(place, k_path, "x")).error().code == Errc::unavailable);
    CHECK_FALSE(place.stored(k_path));
    CHECK_FALSE(names_itself(*store, store->ready().error()));
    CHECK_FALSE(names_itself(*store, store->attach("").error()));
  }
  SUBCASE("the first opening gives the root an id that later ones confirm") {
    const auto id = place.make()->open("");
    REQUIRE(id);
    CHECK_FALSE(id->empty());
    const auto again = place.make();
    CHECK(again->open("").value() == *id);
    CHECK(again->open(*id).value() == *id);
    CHECK(again->ready());
  }
  SUBCASE("another id than the expected one is unavailable, names both, and stays closed") {
    const std::string id = place.make()->open("").value();
    const auto store = place.make();
    const auto refused = store->open("another-archive");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().message.find("another-archive") != std::string::npos);
    CHECK(refused.error().message.find(id) != std::string::npos);
    CHECK_FALSE(names_itself(*store, refused.error()));
    CHECK_FALSE(names_itself(*store, store->attach("another-archive").error()));
    CHECK_FALSE(store->ready());
  }
  SUBCASE("an expected id in a place that was never used is unavailable") {
    CHECK(place.make()->open("some-archive").error().code == Errc::unavailable);
  }
  SUBCASE("a place that goes away is unavailable, says nothing of its files, and comes back") {
    const auto store = opened(place);
    const std::string root = store->open("").value();
    REQUIRE(put(*store, request(place, k_path, "bytes")));
    place.go_away();
    CHECK(store->ready().error().code == Errc::unavailable);
    CHECK_FALSE(names_itself(*store, store->ready().error()));
    CHECK(store->inspect(k_path, ByteCount(5), sha256("bytes"), Depth::quick).error().code ==
          Errc::unavailable);
    const PutRequest late = request(place, "room/conf/late.mp4", "late");
    CHECK(put(*store, late).error().code == Errc::unavailable);
    CHECK(place.is_staged(late.staged));
    CHECK(place.make()->open(root).error().code == Errc::unavailable);
    place.come_back();
    REQUIRE(store->open(root));
    CHECK(put(*store, late));
    CHECK(found(*store, k_path, "bytes", Depth::full) == Inspection::Found::good);
  }
}

void check_put(StorePlace& place) {
  const auto store = opened(place);
  SUBCASE("a put file is there, whole, at the place that was told") {
    const auto placed = put(*store, request(place, k_path, "the bytes"));
    REQUIRE(placed);
    CHECK(placed->path == k_path);
    CHECK(placed->location == store->location(k_path));
    CHECK_FALSE(placed->was_there);
    CHECK(place.stored(k_path) == "the bytes");
  }
  SUBCASE("take uses up the staging file, keep leaves it as it was") {
    const PutRequest taken = request(place, "room/conf/a", "aaa", Staged::take);
    const PutRequest kept = request(place, "room/conf/b", "bbb", Staged::keep);
    REQUIRE(put(*store, taken));
    REQUIRE(put(*store, kept));
    CHECK_FALSE(place.is_staged(taken.staged));
    CHECK(place.is_staged(kept.staged));
    REQUIRE(put(*store, PutRequest{kept}));
  }
  SUBCASE("an empty file is a file") {
    REQUIRE(put(*store, request(place, "room/conf/chat.txt", "")));
    CHECK(place.stored("room/conf/chat.txt") == "");
  }
  SUBCASE("putting the same bytes again is a success that says so, also after a restart") {
    REQUIRE(put(*store, request(place, k_path, "same")));
    const auto restarted = opened(place);
    for (const Staged disposition : {Staged::keep, Staged::take}) {
      const PutRequest again = request(place, k_path, "same", disposition);
      const auto placed = put(*restarted, again);
      REQUIRE(placed);
      CHECK(placed->was_there);
      CHECK(placed->path == k_path);
      CHECK(place.is_staged(again.staged) == (disposition == Staged::keep));
    }
  }
  SUBCASE("a run that was killed after taking the staging file ends well") {
    const PutRequest first = request(place, k_path, "taken");
    REQUIRE(put(*store, first));
    const auto placed = put(*store, first);
    REQUIRE(placed);
    CHECK(placed->was_there);
  }
  SUBCASE("other bytes at the path are never overwritten: names beside it are taken") {
    REQUIRE(put(*store, request(place, k_path, "first")));
    CHECK(put(*store, request(place, k_path, "other"))->path == k_beside);
    const auto third = put(*store, request(place, k_path, "third", Staged::keep));
    REQUIRE(third);
    CHECK(third->path == "room/conf/recording/file~abc123-2.mp4");
    CHECK(put(*store, request(place, k_path, "other"))->was_there);
    CHECK(place.stored(k_path) == "first");
    CHECK(place.stored(k_beside) == "other");
    CHECK(place.stored(third->path) == "third");
  }
  SUBCASE("bytes of the same length that differ are other bytes") {
    place.store_directly(k_path, "AAAA");
    CHECK(put(*store, request(place, k_path, "BBBB"))->path == k_beside);
    CHECK(place.stored(k_path) == "AAAA");
  }
  SUBCASE("a staging file of another length is corrupt and is not published") {
    PutRequest wrong = request(place, k_path, "short");
    wrong.size = ByteCount(6);
    CHECK(put(*store, wrong).error().code == Errc::corrupt);
    CHECK_FALSE(place.stored(k_path));
  }
  SUBCASE("a copy of bytes that are not the received ones is corrupt and is not published") {
    PutRequest wrong = request(place, k_path, "rotten", Staged::keep);
    wrong.digest = sha256("ripe!!");
    CHECK(put(*store, wrong).error().code == Errc::corrupt);
    CHECK_FALSE(place.stored(k_path));
  }
  SUBCASE("a staging file that is gone is corrupt, never not found: it has to be fetched again") {
    PutRequest gone = request(place, k_path, "gone");
    gone.staged += "-elsewhere";
    CHECK(put(*store, gone).error().code == Errc::corrupt);
  }
  SUBCASE("paths that leave the place are invalid") {
    for (const char* path : {"../x", "a/../../x", "/etc/x", "", "a//x", "./x", "a/.", "a/"}) {
      CAPTURE(path);
      PutRequest bad = request(place, path, "x");
      bad.manifest_dir.clear();
      CHECK(put(*store, bad).error().code == Errc::invalid);
      CHECK(place.is_staged(bad.staged));
    }
  }
}

void check_batch(StorePlace& place) {
  const auto store = opened(place);
  SUBCASE("each file of a batch has its own result") {
    std::vector<PutRequest> batch{
        request(place, "room/conf/a.mp4", "a"), request(place, "../b.mp4", "b"),
        request(place, "room/conf/c.mp4", "c"), request(place, "room/conf/a.mp4", "other")};
    batch[2].size = ByteCount(99);
    const auto results = store->put(batch);
    REQUIRE(results.size() == 4);
    CHECK(results[0]->path == "room/conf/a.mp4");
    CHECK(results[1].error().code == Errc::invalid);
    CHECK(results[2].error().code == Errc::corrupt);
    CHECK(results[3]->path == "room/conf/a~abc123.mp4");
  }
  SUBCASE("an empty batch has no results") {
    CHECK(store->put({}).empty());
  }
  SUBCASE("a large batch arrives whole") {
    std::vector<PutRequest> batch;
    for (int i = 0; i < 150; ++i)
      batch.push_back(request(place, "room/conf/file" + std::to_string(i), std::to_string(i)));
    const auto results = store->put(batch);
    REQUIRE(results.size() == batch.size());
    for (int i = 0; i < 150; ++i)
      CHECK(place.stored("room/conf/file" + std::to_string(i)) == std::to_string(i));
  }
  SUBCASE("workers that publish into one session at a time lose nothing") {
    constexpr int k_workers = 4;
    constexpr int k_files = 12;
    std::vector<std::vector<PutRequest>> work(k_workers);
    for (int w = 0; w < k_workers; ++w)
      for (int i = 0; i < k_files; ++i)
        work[static_cast<std::size_t>(w)].push_back(
            request(place, "room/conf/same" + std::to_string(i),
                    "worker " + std::to_string(w) + " file " + std::to_string(i)));
    std::vector<std::vector<Result<Placed>>> results(k_workers);
    {
      std::vector<std::jthread> workers;
      for (std::size_t w = 0; w < k_workers; ++w)
        workers.emplace_back([&, w] {
          for (const PutRequest& one : work[w]) results[w].push_back(store->put({&one, 1}).front());
        });
    }
    std::set<std::string> paths;
    for (std::size_t w = 0; w < k_workers; ++w)
      for (std::size_t i = 0; i < k_files; ++i) {
        const auto& result = results[w][i];
        REQUIRE(result);
        CHECK(paths.insert(result->path).second);
        const auto bytes = place.stored(result->path);
        REQUIRE(bytes);
        CHECK(sha256(*bytes) == work[w][i].digest);
      }
  }
}

void check_inspect_and_remove(StorePlace& place) {
  using Found = Inspection::Found;
  const auto store = opened(place);
  REQUIRE(put(*store, request(place, k_path, "good bytes")));
  SUBCASE("what was put is good at both depths") {
    CHECK(found(*store, k_path, "good bytes", Depth::quick) == Found::good);
    CHECK(found(*store, k_path, "good bytes", Depth::full) == Found::good);
  }
  SUBCASE("a lost file is missing") {
    place.lose(k_path);
    CHECK(found(*store, k_path, "good bytes", Depth::quick) == Found::missing);
    CHECK(found(*store, k_path, "good bytes", Depth::full) == Found::missing);
    CHECK(found(*store, "no/such/folder/file", "x", Depth::quick) == Found::missing);
  }
  SUBCASE("another size is corrupt already at a quick look") {
    place.lose(k_path);
    place.store_directly(k_path, "good byte");
    CHECK(found(*store, k_path, "good bytes", Depth::quick) == Found::corrupt);
  }
  SUBCASE("changed bytes of the same size are found by a full look") {
    place.lose(k_path);
    place.store_directly(k_path, "good bytez");
    CHECK(found(*store, k_path, "good bytes", Depth::quick) == Found::good);
    CHECK(found(*store, k_path, "good bytes", Depth::full) == Found::corrupt);
  }
  SUBCASE("removing takes one file and no other, twice is once") {
    REQUIRE(put(*store, request(place, "room/conf/stays", "stays")));
    REQUIRE(store->remove(k_path));
    CHECK_FALSE(place.stored(k_path));
    CHECK(place.stored("room/conf/stays") == "stays");
    CHECK(store->remove(k_path));
    CHECK(store->remove("never/was/there"));
  }
  SUBCASE("a removed file can be put again") {
    REQUIRE(store->remove(k_path));
    const auto placed = put(*store, request(place, k_path, "newer bytes"));
    CHECK(placed->path == k_path);
    CHECK_FALSE(placed->was_there);
  }
  SUBCASE("its bytes can be read, and the reader may say enough") {
    std::string bytes;
    REQUIRE(store->read(k_path, [&](std::span<const std::byte> some) -> Status {
      bytes.append(reinterpret_cast<const char*>(some.data()), some.size());
      return {};
    }));
    CHECK(bytes == "good bytes");
    const auto enough = [](std::span<const std::byte>) {
      return Status(Error{Errc::cancelled, "enough"});
    };
    CHECK(store->read(k_path, enough).error().code == Errc::cancelled);
    CHECK(store->inspect(k_path, ByteCount(10), sha256("good bytes"), Depth::full, enough)
              .error()
              .code == Errc::cancelled);
    place.lose(k_path);
    CHECK(store->read(k_path, [](auto) { return Status(); }).error().code == Errc::corrupt);
    place.go_away();
    CHECK(store->read(k_path, [](auto) { return Status(); }).error().code == Errc::unavailable);
  }
  SUBCASE("who only reads attaches to the archive that is expected, and to no other") {
    const std::string root = store->open("").value();
    const auto reader = place.make();
    REQUIRE(reader->attach(root));
    CHECK(found(*reader, k_path, "good bytes", Depth::full) == Found::good);
    CHECK(place.make()->attach("another-archive").error().code == Errc::unavailable);
    CHECK(place.make()->attach("").error().code == Errc::unavailable);
  }
  SUBCASE("there is room") {
    CHECK(store->free_space().value() > ByteCount(0));
  }
}

}  // namespace

void check_store_contract(const std::function<std::unique_ptr<StorePlace>()>& make_place) {
  const auto place = make_place();
  SUBCASE("root") {
    check_root(*place);
  }
  SUBCASE("put") {
    check_put(*place);
  }
  SUBCASE("batch") {
    check_batch(*place);
  }
  SUBCASE("inspect and remove") {
    check_inspect_and_remove(*place);
  }
}

}  // namespace reelkeep::contract
