// Short bodies past the kernel's cache, and when not.
#include "fs/direct_writing.hpp"

#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <span>
#include <unistd.h>

#include "crypto/sha256.hpp"
#include "fs/file_io.hpp"
#include "fs/staging_house.hpp"
#include "fs/syscalls.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("a short body goes past the kernel's cache where it can") {
  const StagingHouse house;
  const auto file = house.staging->open("abc", std::nullopt);
  REQUIRE(file->prepare());
  const int fd = ::open(file->path().c_str(), O_RDWR | O_CLOEXEC);
  const bool is_possible = fs::set_direct(fd, true);
  ::close(fd);
  const PageOfBytes body(100'000);
  Syscalls calls;
  const auto direct = [&] {
    return std::ranges::count(calls.seen(), "direct 98304 " + file->path());
  };
  SUBCASE("all whole pages of it") {
    REQUIRE(file->write_whole(body.bytes()));
    CHECK(direct() == (is_possible ? 1 : 0));
  }
  SUBCASE("not where it begins within a page") {
    REQUIRE(file->write_whole(body.bytes().subspan(1)));
    CHECK(calls.seen().empty());
  }
  SUBCASE("not where it is refused, and not soon again") {
    calls.fail("direct ", EINVAL);
    REQUIRE(file->write_whole(body.bytes()));
    REQUIRE(file->restart());
    REQUIRE(file->write_whole(body.bytes()));
    CHECK(direct() == (is_possible ? 1 : 0));
  }
  SUBCASE("not where it fails, which has lost nothing yet") {
    calls.fail("direct ", EIO);
    REQUIRE(file->write_whole(body.bytes()));
    CHECK(direct() == (is_possible ? 1 : 0));
  }
  SUBCASE("the rest of what was cut short goes through the cache") {
    calls.cut("direct ", 8192 + 512);
    REQUIRE(file->write_whole(body.bytes()));
  }
  SUBCASE("a full disk takes nothing and spoils nothing") {
    calls.fail("direct ", ENOSPC);
    const Status full = file->write_whole(body.bytes());
    REQUIRE(full.has_value() != is_possible);
    if (!full) {
      CHECK(full.error().code == Errc::no_space);
      CHECK(file->size() == ByteCount());
      REQUIRE(file->write_whole(body.bytes()));
    }
  }
  SUBCASE("a disk that is full behind its whole pages keeps these") {
    calls.fail("write ", ENOSPC);
    const Status full = file->write_whole(body.bytes());
    REQUIRE_FALSE(full);
    CHECK(full.error().code == Errc::no_space);
    const std::size_t size = is_possible ? 98'304 : 0;
    CHECK(file->size() == ByteCount(size));
    file->hash(body.bytes().first(size));
    CHECK(file->digest().value() == sha256(body.text().substr(0, size)));
    REQUIRE(file->append(body.bytes().subspan(size)));
  }
  // Whatever way it took, the next byte goes through the cache again and all are there.
  const std::size_t size = file->size().get();
  REQUIRE(file->append(bytes_of("the end")));
  std::string read(size + 7, ' ');
  CHECK(file->read_at({}, std::as_writable_bytes(std::span(read))).value() == size + 7);
  const std::string all = body.text();
  CHECK(read ==
        all.substr(all.size() - size) + "the end");  // one case begins behind the first byte
}

TEST_CASE("a medium that is slow is not waited for, for a while") {
  using namespace std::chrono_literals;
  constexpr std::size_t k_size = std::size_t{1} << 20U;
  fs::WritePace pace;
  CHECK(pace.is_good({}));
  fs::WritePace::Clock::time_point now{};
  const auto write = [&](std::chrono::nanoseconds time, int times) {
    int done = 0;
    for (; done < times && pace.is_good(now); ++done) pace.took(k_size, time, now += time);
    return done;
  };
  CHECK(write(2ms, 100) == 100);
  CHECK(write(90ms, 3) == 3);  // a moment
  CHECK(write(2ms, 100) == 100);
  const int borne = write(13ms, 100);  // 77 MiB/s
  CHECK(borne > 3);
  CHECK(borne < 50);
  CHECK_FALSE(pace.is_good(now + 9s));
  now += 10s;
  CHECK(write(13ms, 100) < borne);  // it was on trial
  now += 10s;
  CHECK(write(2ms, 1000) == 1000);
  CHECK(write(100ms, 10) == 1);  // longer than a moment
  CHECK_FALSE(pace.is_good(now + 9s));
}
