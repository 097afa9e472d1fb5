#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <string>

#include "crypto/sha256.hpp"
#include "fs/intake_reserve.hpp"
#include "fs/local_store.hpp"
#include "fs/process.hpp"
#include "fs/staging.hpp"
#include "fs/store_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

PutRequest request(const std::string& staged, const std::string& path, const std::string& bytes,
                   Staged disposition) {
  return PutRequest{.staged = staged,
                    .path = path,
                    .manifest_dir = "room/conf",
                    .suffix = "~abc123",
                    .size = ByteCount(bytes.size()),
                    .digest = sha256(bytes),
                    .disposition = disposition};
}

/// Runs `body` on a small filesystem of its own. Where mounting is not permitted the tests with
/// limited file sizes above have shown the same decisions; that is said aloud.
void on_small_filesystem(const std::string& options,
                         const std::function<int(const std::string& root)>& body) {
  const TempDir dir;
  const int status = in_child([&] {
    if (!enter_private_mounts() || !mount_tmpfs(dir.path(), options)) return k_cannot_mount;
    return body(dir.path());
  });
  if (status == k_cannot_mount)
    MESSAGE("mounting is not permitted here: only limited file sizes stood in for a full disk");
  else
    CHECK(status == 0);
}

void fill(const std::string& root) {
  const UniqueFd file(::open((root + "/ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(4096, 'x');
  while (::write(file.get(), block.data(), block.size()) > 0) continue;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE(
    "a copy that does not fit publishes nothing, leaves nothing, and keeps the staging file") {
  LocalPlace place;
  REQUIRE(place.make()->open(""));
  const std::string bytes(100'000, 'b');
  const PutRequest wanted = request(place.stage(bytes), "room/conf/a.mp4", bytes, Staged::keep);
  const int status = in_child([&] {
    const auto store = place.make();
    if (!store->open("")) return 1;
    limit_file_size(50'000);
    const auto placed = store->put({&wanted, 1}).front();
    return !placed && placed.error().code == Errc::no_space ? 0 : 2;
  });
  CHECK(status == 0);
  CHECK_FALSE(place.stored("room/conf/a.mp4"));
  CHECK(place.is_staged(wanted.staged));
  CHECK(stdfs::is_empty(place.root() + "/.staging"));
}

TEST_CASE("a file whose manifest line does not fit is no success, and becomes one later") {
  LocalPlace place;
  const std::string bytes = "bytes";
  const PutRequest wanted = request(place.stage(bytes), "room/conf/a.mp4", bytes, Staged::take);
  REQUIRE(place.make()->open(""));
  const int status = in_child([&] {
    const auto store = place.make();
    if (!store->open("")) return 1;
    limit_file_size(60);
    const auto placed = store->put({&wanted, 1}).front();
    return !placed && placed.error().code == Errc::no_space ? 0 : 2;
  });
  CHECK(status == 0);
  CHECK_FALSE(place.dir().exists("archive/room/conf/manifest-sha256.txt"));
  const auto store = place.make();
  REQUIRE(store->open(""));
  const auto placed = store->put({&wanted, 1}).front();
  REQUIRE(placed);
  CHECK(placed->path == "room/conf/a.mp4");
  CHECK(sha256sum_accepts(place.root() + "/room/conf"));
}

TEST_CASE("on a full filesystem nothing is half published, and all goes on when there is room") {
  on_small_filesystem("size=1m", [](const std::string& root) {
    const auto store = fs::make_local_store(StoreId("local"), root + "/archive", {});
    if (!store->open("")) return 1;
    auto staging = fs::make_staging(root + "/archive/.staging", {});
    if (!staging) return 2;
    const std::string bytes(200'000, 'b');
    const auto file = (*staging)->open("abc", std::nullopt);
    if (!file->prepare() || !file->append(std::as_bytes(std::span(bytes)))) return 3;
    fill(root);
    if (file->append(std::as_bytes(std::span(bytes))).error().code != Errc::no_space) return 4;
    if (file->size() < ByteCount(bytes.size()) || !file->sync()) return 5;
    stdfs::resize_file(file->path(), bytes.size());
    fill(root);
    const PutRequest kept = request(file->path(), "room/conf/a.mp4", bytes, Staged::keep);
    if (store->put({&kept, 1}).front().error().code != Errc::no_space) return 6;
    if (stdfs::exists(root + "/archive/room/conf/a.mp4")) return 7;
    stdfs::remove(root + "/ballast");
    if (!store->put({&kept, 1}).front()) return 8;
    return sha256sum_accepts(root + "/archive/room/conf") ? 0 : 9;
  });
}

TEST_CASE("the reserve makes room on a full filesystem, and waits until there is room again") {
  on_small_filesystem("size=1m", [](const std::string& root) {
    fs::IntakeReserve reserve(root, 256_KiB);
    if (!reserve.ensure()) return 1;
    fill(root);
    if (!reserve.release()) return 2;
    write_file(root + "/journal", std::string(100'000, 'j'));
    if (stdfs::file_size(root + "/journal") != 100'000) return 3;
    if (reserve.ensure().error().code != Errc::no_space || reserve.held()) return 4;
    stdfs::remove(root + "/ballast");
    return reserve.ensure() && reserve.held() ? 0 : 5;
  });
}

TEST_CASE("a folder of the archive that is a mount of its own is published into by a copy") {
  const TempDir dir;
  const int status = in_child([&] {
    if (!enter_private_mounts()) return k_cannot_mount;
    const auto store = fs::make_local_store(StoreId("local"), dir.path("archive"), {});
    if (!store->open("")) return 1;
    stdfs::create_directories(dir.path("archive/room"));
    if (!mount_tmpfs(dir.path("archive/room"), "size=1m")) return k_cannot_mount;
    const std::string bytes = "bytes";
    for (const Staged disposition : {Staged::keep, Staged::take}) {
      const std::string name = disposition == Staged::keep ? "keep" : "take";
      const PutRequest wanted = request(dir.write("staging/" + name, bytes),
                                        "room/conf/" + name + ".mp4", bytes, disposition);
      if (!store->put({&wanted, 1}).front()) return 2;
      if (dir.exists("staging/" + name) != (disposition == Staged::keep)) return 3;
    }
    const auto entries = std::distance(stdfs::directory_iterator(dir.path("archive/room/conf")),
                                       stdfs::directory_iterator());
    if (entries != 3) return 4;
    return sha256sum_accepts(dir.path("archive/room/conf")) ? 0 : 5;
  });
  if (status == k_cannot_mount)
    MESSAGE("mounting is not permitted here: a mount inside the archive was not tried");
  else
    CHECK(status == 0);
}
