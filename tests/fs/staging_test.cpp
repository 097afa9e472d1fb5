#include "fs/staging.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>

#include "crypto/sha256.hpp"
#include "fs/local_store.hpp"
#include "fs/process.hpp"
#include "fs/staging_house.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

using Place = StagingHouse;

ResumePoint synced(std::uint64_t offset, const std::string& boot) {
  return ResumePoint{
      .offset = ByteCount(offset), .validator = "\"etag\"", .length = {}, .boot_id = boot};
}

}  // namespace

TEST_CASE("staging is private to its owner") {
  const Place place;
  const auto file = place.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  CHECK(place.dir.mode("staging") == 0700);
  CHECK(place.dir.mode("staging/abc.part") == 0600);
  CHECK(file->path() == place.dir.path("staging/abc.part"));
  CHECK(place.staging->path_of("abc") == file->path());
}

TEST_CASE("opening touches nothing before it is prepared") {
  const Place place;
  const auto file = place.staging->open("abc", std::nullopt);
  CHECK_FALSE(place.dir.exists("staging/abc.part"));
  CHECK_FALSE(file->append(bytes_of("x")));
}

TEST_CASE("two files that are hashed at once have the digests of their own bytes") {
  const Place place;
  const auto one = place.staging->open("one", std::nullopt);
  const auto two = place.staging->open("two", std::nullopt);
  REQUIRE(one->prepare());
  REQUIRE(two->prepare());
  const std::string first(70'000, 'a');
  const std::string second(100'000, 'b');
  REQUIRE(one->append(bytes_of("begun ")));
  REQUIRE(one->write(bytes_of(first)));
  REQUIRE(two->write(bytes_of(second)));
  CHECK_FALSE(one->digest());  // it is owed some
  one->hash_beside(bytes_of(first), *two, bytes_of(second));
  CHECK(one->digest().value() == sha256("begun " + first));
  CHECK(two->digest().value() == sha256(second));
}

TEST_CASE("a whole body is in the file and in the digest, however long it is") {
  const Place place;
  for (const std::size_t size : {0U, 1U, 4096U, 65'535U, 65'536U, 200'001U, 1U << 20U}) {
    CAPTURE(size);
    const auto file = place.staging->open("abc", std::nullopt);
    REQUIRE(file->prepare());
    const PageOfBytes body(size);
    REQUIRE(file->write_whole(body.bytes()));
    file->hash(body.bytes());
    CHECK(file->size() == ByteCount(size));
    CHECK(file->digest().value() == sha256(body.text()));
    std::string read(size, ' ');
    CHECK(file->read_at({}, std::as_writable_bytes(std::span(read))).value() == size);
    CHECK(read == body.text());
    REQUIRE(file->sync());
    CHECK(place.dir.read("staging/abc.part") == body.text());
    if (size > 0) CHECK_FALSE(file->write_whole(body.bytes()));
    REQUIRE(file->restart());
    REQUIRE(file->write_whole(body.bytes()));
  }
}

TEST_CASE("appended bytes are in the file and in the digest") {
  const Place place;
  const auto file = place.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  CHECK(file->digest().value() == sha256(""));
  REQUIRE(file->append(bytes_of("hello ")));
  CHECK(file->digest().value() == sha256("hello "));
  REQUIRE(file->append(bytes_of("world")));
  REQUIRE(file->sync());
  CHECK(file->size() == ByteCount(11));
  CHECK(file->digest().value() == sha256("hello world"));
  CHECK(place.dir.read("staging/abc.part") == "hello world");
  std::vector<std::byte> read(8);
  CHECK(file->read_at(ByteCount(6), read).value() == 5);
  CHECK(static_cast<char>(read[0]) == 'w');
  CHECK(file->read_at(ByteCount(11), read).value() == 0);
}

TEST_CASE("restarting goes back to zero bytes") {
  const Place place;
  const auto file = place.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  REQUIRE(file->append(bytes_of("wrong")));
  REQUIRE(file->restart());
  CHECK(file->size() == ByteCount(0));
  REQUIRE(file->append(bytes_of("new")));
  CHECK(file->digest().value() == sha256("new"));
  CHECK(place.dir.read("staging/abc.part") == "new");
}

TEST_CASE("after a kill in the same boot the whole file counts") {
  const Place place;
  place.leave("abc", "0123456789");
  const auto file = place.staging->open("abc", synced(4, "this boot"));
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(10));
  REQUIRE(file->append(bytes_of("ab")));
  CHECK(file->digest().value() == sha256("0123456789ab"));
}

TEST_CASE("after another boot only what was synced counts, the rest is cut off") {
  const Place place;
  place.leave("abc", std::string("0123") + std::string(6, '\0'));
  const auto file = place.staging->open("abc", synced(4, "an earlier boot"));
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(4));
  CHECK(place.dir.read("staging/abc.part") == "0123");
  CHECK(file->digest().value() == sha256("0123"));
}

TEST_CASE("without a resume point, or without a validator, the file starts at zero") {
  const Place place;
  place.leave("abc", "0123456789");
  REQUIRE(place.staging->open("abc", std::nullopt)->prepare());
  CHECK(place.dir.read("staging/abc.part").empty());
  place.leave("abc", "0123456789");
  ResumePoint point = synced(4, "this boot");
  point.validator.clear();
  const auto file = place.staging->open("abc", point);
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(0));
}

TEST_CASE("a file shorter than what was synced is not trusted at all") {
  const Place place;
  place.leave("abc", "012");
  const auto file = place.staging->open("abc", synced(4, "this boot"));
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(0));
  CHECK(file->digest().value() == sha256(""));
}

TEST_CASE("more bytes than the source has are cut to what was synced") {
  const Place place;
  place.leave("abc", "0123456789");
  ResumePoint point = synced(4, "this boot");
  point.length = ByteCount(8);
  const auto file = place.staging->open("abc", point);
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(4));
}

TEST_CASE("an interrupted reading back leaves the bytes as they were") {
  const Place place;
  place.leave("abc", "0123456789");
  const auto file = place.staging->open("abc", synced(4, "an earlier boot"));
  file->interrupt();
  CHECK(file->prepare().error().code == Errc::cancelled);
  CHECK_FALSE(file->append(bytes_of("x")));
  CHECK(place.dir.read("staging/abc.part") == "0123456789");
}

TEST_CASE("a part that a killed process had made read-only is continued") {
  const Place place;
  place.leave("abc", "0123");
  ::chmod(place.dir.path("staging/abc.part").c_str(), 0440);
  const auto file = place.staging->open("abc", synced(4, "this boot"));
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(4));
  CHECK(place.dir.mode("staging/abc.part") == 0600);
}

TEST_CASE("a part that has a second name in the archive is left there untouched") {
  const Place place;
  place.leave("abc", "published");
  stdfs::create_hard_link(place.dir.path("staging/abc.part"), place.dir.path("published.mp4"));
  const auto file = place.staging->open("abc", synced(4, "this boot"));
  REQUIRE(file->prepare());
  CHECK(file->size() == ByteCount(0));
  REQUIRE(file->append(bytes_of("other")));
  CHECK(place.dir.read("published.mp4") == "published");
}

TEST_CASE("bytes written ahead count once they are taken in, in the order of the file") {
  const Place place;
  const auto file = place.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  REQUIRE(file->append(bytes_of("01")));
  CHECK(file->write_ahead(ByteCount(4), bytes_of("45")).error().code == Errc::internal);
  REQUIRE(file->spread());
  CHECK(file->write_ahead(ByteCount(2), bytes_of("23")).error().code == Errc::internal);
  REQUIRE(file->write_ahead(ByteCount(6), bytes_of("67")));
  REQUIRE(file->write_ahead(ByteCount(4), bytes_of("45")));
  CHECK(file->size() == ByteCount(2));
  CHECK(file->digest().value() == sha256("01"));
  REQUIRE(file->append(bytes_of("23")));
  REQUIRE(file->take_in(ByteCount(6)));
  CHECK(file->size() == ByteCount(6));
  CHECK(file->digest().value() == sha256("012345"));
  SUBCASE("the rest is cut off at the end") {
    REQUIRE(file->gather());
    CHECK(place.dir.read("staging/abc.part") == "012345");
  }
  SUBCASE("or taken in") {
    REQUIRE(file->take_in(ByteCount(8)));
    REQUIRE(file->gather());
    CHECK(file->digest().value() == sha256("01234567"));
    CHECK(place.dir.read("staging/abc.part") == "01234567");
  }
  SUBCASE("or goes with all else") {
    REQUIRE(file->restart());
    CHECK(place.dir.read("staging/abc.part").empty());
    CHECK(file->write_ahead(ByteCount(4), bytes_of("45")).error().code == Errc::internal);
  }
  CHECK(place.dir.mode("staging/abc.part") == 0600);
}

TEST_CASE("a process that dies while bytes lie ahead leaves no length to be trusted") {
  const Place place;
  {
    const auto file = place.staging->open("abc", std::nullopt);
    REQUIRE(file->prepare());
    REQUIRE(file->append(bytes_of("0123")));
    REQUIRE(file->spread());
    REQUIRE(file->write_ahead(ByteCount(8), bytes_of("89")));
    REQUIRE(file->append(bytes_of("45")));
  }
  REQUIRE(place.dir.read("staging/abc.part") == std::string("012345\0\00089", 10));
  SUBCASE("the last checkpoint is what counts, also within the same boot") {
    const auto file = place.staging->open("abc", synced(4, "this boot"));
    REQUIRE(file->prepare());
    CHECK(file->size() == ByteCount(4));
    CHECK(file->digest().value() == sha256("0123"));
    CHECK(place.dir.read("staging/abc.part") == "0123");
    CHECK(place.dir.mode("staging/abc.part") == 0600);
  }
  SUBCASE("an opening that is interrupted leaves it untrusted") {
    const auto interrupted = place.staging->open("abc", synced(4, "this boot"));
    interrupted->interrupt();
    CHECK(interrupted->prepare().error().code == Errc::cancelled);
    const auto file = place.staging->open("abc", synced(4, "this boot"));
    REQUIRE(file->prepare());
    CHECK(file->size() == ByteCount(4));
  }
  SUBCASE("without one it starts at zero") {
    const auto file = place.staging->open("abc", std::nullopt);
    REQUIRE(file->prepare());
    CHECK(file->size() == ByteCount());
    CHECK(place.dir.read("staging/abc.part").empty());
  }
}

TEST_CASE("bad bodies are kept apart, the newest only, and taken back") {
  const Place place;
  CHECK_FALSE(place.staging->set_aside("abc"));
  place.leave("abc", "first");
  REQUIRE(place.staging->set_aside("abc"));
  place.leave("abc", "second");
  REQUIRE(place.staging->set_aside("abc"));
  CHECK_FALSE(place.staging->stat("abc").value());
  CHECK(place.dir.read("staging/abc.bad") == "second");
  REQUIRE(place.staging->take_back("abc"));
  CHECK(place.dir.read("staging/abc.part") == "second");
  REQUIRE(place.staging->set_aside("abc"));
  REQUIRE(place.staging->discard_aside("abc"));
  CHECK(place.staging->discard_aside("abc"));
  CHECK(place.staging->list()->empty());
}

TEST_CASE("listing names each artifact once and nothing else") {
  const Place place;
  place.leave("both", "x");
  REQUIRE(place.staging->set_aside("both"));
  place.leave("both", "y");
  place.leave("part", "z");
  place.dir.write("staging/.reelkeep-tmp-1-2-3", "");
  place.dir.write("staging/notes.txt", "");
  CHECK(place.staging->list().value() == std::vector<std::string>{"both", "part"});
  CHECK(place.staging->stat("part").value() == ByteCount(1));
  REQUIRE(place.staging->remove("part"));
  CHECK(place.staging->remove("part"));
}

TEST_CASE("a name that would leave staging is refused") {
  const Place place;
  place.dir.write("victim.part", "x");
  for (const std::string name : {"../victim", "", ".hidden", "a/b"}) {
    CAPTURE(name);
    CHECK(place.staging->open(name, std::nullopt)->prepare().error().code == Errc::invalid);
    CHECK(place.staging->remove(name).error().code == Errc::invalid);
    CHECK(place.staging->set_aside(name).error().code == Errc::invalid);
  }
  CHECK(place.dir.exists("victim.part"));
}

TEST_CASE("staging under a root that is not there is unavailable and does not make the root") {
  const TempDir dir;
  const auto refused = fs::make_staging(dir.path("unmounted/.staging"), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK_FALSE(dir.exists("unmounted"));
}

TEST_CASE("the boot's id is that of the machine") {
  const TempDir dir;
  const auto staging = fs::make_staging(dir.path("staging"), {});
  REQUIRE(staging);
  CHECK((*staging)->boot_id().size() == 36);
  CHECK((*staging)->free_space().value() > ByteCount(0));
}

TEST_CASE("a complete part inside the archive's own staging is renamed into place") {
  const TempDir dir;
  const auto store = fs::make_local_store(StoreId("local"), dir.path("archive"), {});
  REQUIRE(store->open(""));
  auto staging = fs::make_staging(dir.path("archive/.staging"), {});
  REQUIRE(staging);
  const auto file = (*staging)->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  REQUIRE(file->append(bytes_of("whole")));
  REQUIRE(file->sync());
  struct stat before {};
  REQUIRE(::stat(file->path().c_str(), &before) == 0);
  const PutRequest request{.staged = file->path(),
                           .path = "room/conf/a.mp4",
                           .manifest_dir = "room/conf",
                           .suffix = "~abc",
                           .size = file->size(),
                           .digest = file->digest().value(),
                           .disposition = Staged::take};
  REQUIRE(store->put({&request, 1}).front());
  struct stat after {};
  REQUIRE(::stat(dir.path("archive/room/conf/a.mp4").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK((*staging)->list()->empty());
}
