// What staging takes, and what it refuses because there is no room.
#include <csignal>
#include <doctest/doctest.h>
#include <limits>
#include <sys/resource.h>

#include "crypto/sha256.hpp"
#include "fs/process.hpp"
#include "fs/staging_house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {
using Place = StagingHouse;
}  // namespace

TEST_CASE("the guard stops before the filesystem is full and spoils nothing") {
  const Place place;
  const auto greedy = place.make("this boot", ByteCount(std::uint64_t{1} << 62U));
  const auto file = greedy->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  const Status refused = file->append(bytes_of("x"));
  CHECK(refused.error().code == Errc::no_space);
  CHECK(refused.error().message.find("minimum_free_space") != std::string::npos);
  CHECK(file->sync());
  CHECK(file->size() == ByteCount(0));
}

TEST_CASE("a disk that is full keeps what was written, and appending goes on when there is room") {
  const Place place;
  const int status = in_child([&] {
    const auto file = place.staging->open("abc", std::nullopt);
    if (!file->prepare()) return 1;
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{6, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const Status refused = file->append(bytes_of("0123456789"));
    if (refused || refused.error().code != Errc::no_space) return 3;
    if (file->size() != ByteCount(6) || file->digest().value() != sha256("012345")) return 4;
    limit.rlim_cur = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;
    if (!file->append(bytes_of("6789")) || !file->sync()) return 6;
    return file->digest().value() == sha256("0123456789") ? 0 : 7;
  });
  CHECK(status == 0);
  CHECK(place.dir.read("staging/abc.part") == "0123456789");
}

TEST_CASE("a length that does not fit is refused before its first byte") {
  const Place place;
  const auto staging = place.make("this boot", ByteCount(0));
  const auto file = staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  for (const unsigned bits : {60U, 62U, 63U}) {
    const Status refused = file->expect(ByteCount(std::uint64_t{1} << bits));
    CHECK(refused.error().code == Errc::no_space);
    CHECK(refused.error().message.find("there is room for") != std::string::npos);
  }
  CHECK(file->expect(ByteCount(std::numeric_limits<std::uint64_t>::max())).error().code ==
        Errc::no_space);
  // A refusal promises nothing.
  CHECK(file->append(bytes_of("x")));
  CHECK(file->sync());
}

TEST_CASE("what one file was promised no other takes, until it is there or given up") {
  const Place place;
  const auto look = place.make("this boot", ByteCount(0));
  const ByteCount free = look->free_space().value();
  // Far from all of it, since the machine's other files move meanwhile.
  const auto staging = place.make("this boot", ByteCount(0));
  auto first = staging->open("first", std::nullopt);
  const auto second = staging->open("second", std::nullopt);
  REQUIRE(first->prepare());
  REQUIRE(second->prepare());
  const ByteCount most(free.get() / 4 * 3);
  REQUIRE(first->expect(most));
  CHECK(second->expect(most).error().code == Errc::no_space);
  REQUIRE(first->expect(ByteCount(3)));  // said anew: the earlier promise is taken back
  CHECK(second->expect(most));
  CHECK(first->expect(most).error().code == Errc::no_space);
  REQUIRE(second->append(bytes_of("bytes")));
  CHECK(second->expect(ByteCount(5)));  // all of it is there
  CHECK(first->expect(most));
  first.reset();
  CHECK(second->expect(most));
}

TEST_CASE("the guard of free space refuses bytes ahead as well, without harm") {
  const Place place;
  const auto staging =
      place.make("this boot", ByteCount(std::numeric_limits<std::uint64_t>::max()));
  const auto file = staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  REQUIRE(file->spread());
  CHECK(file->write_ahead(ByteCount(4), bytes_of("45")).error().code == Errc::no_space);
  REQUIRE(file->gather());
  CHECK(file->size() == ByteCount());
}
