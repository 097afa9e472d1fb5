#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/file_io.hpp"
#include "fs/intake_reserve.hpp"
#include "fs/owner.hpp"
#include "fs/process.hpp"
#include "fs/space.hpp"
#include "fs/state_lock.hpp"
#include "fs/watch.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

bool is_readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1;
}

}  // namespace

TEST_CASE("the state directory is made private, with its parents") {
  const TempDir dir;
  REQUIRE(fs::StateLock::acquire(dir.path("deep/er/state")));
  CHECK(dir.mode("deep/er/state") == 0700);
}

TEST_CASE("a second agent on one state directory is a conflict that names the first") {
  const TempDir dir;
  const auto first = fs::StateLock::acquire(dir.path("state"));
  REQUIRE(first);
  const auto second = fs::StateLock::acquire(dir.path("state"));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::conflict);
  CHECK(second.error().message.find("pid " + std::to_string(::getpid())) != std::string::npos);
  CHECK(fs::StateLock::holder(dir.path("state")).value() == ::getpid());
}

TEST_CASE("the lock ends with its holder, however that ends") {
  const TempDir dir;
  CHECK_FALSE(fs::StateLock::holder(dir.path("state")).value());
  REQUIRE(in_child([&]() -> int {
            auto lock = fs::StateLock::acquire(dir.path("state"));
            ::_exit(lock ? 0 : 1);
          }) == 0);
  CHECK_FALSE(dir.read("state/lock").empty());
  CHECK_FALSE(fs::StateLock::holder(dir.path("state")).value());
  REQUIRE(fs::StateLock::acquire(dir.path("state")));
  CHECK_FALSE(fs::StateLock::holder(dir.path("state")).value());
  CHECK(fs::StateLock::acquire(dir.path("state")));
}

TEST_CASE("a file in the way of the state directory is a conflict") {
  const TempDir dir;
  dir.write("state", "x");
  CHECK(fs::StateLock::acquire(dir.path("state")).error().code == Errc::conflict);
}

TEST_CASE("filesystems of other machines are known by their numbers") {
  CHECK(fs::network_filesystem_name(0x6969, "") == "nfs");
  CHECK(fs::network_filesystem_name(0xFF534D42, "") == "cifs");
  CHECK(fs::network_filesystem_name(0xFE534D42, "") == "smb2");
  CHECK(fs::network_filesystem_name(0x65735546, "fuse.sshfs") == "fuse.sshfs");
  CHECK(fs::network_filesystem_name(0x65735546, "fuseblk").empty());
  CHECK(fs::network_filesystem_name(0xEF53, "").empty());
  CHECK(fs::network_filesystem_name(0x01021994, "").empty());
  const TempDir dir;
  CHECK(fs::network_filesystem(dir.path()).value().empty());
  CHECK_FALSE(fs::network_filesystem(dir.path("nowhere")));
}

TEST_CASE("free space is told for a path and for a descriptor") {
  const TempDir dir;
  CHECK(fs::free_bytes(dir.path()).value() > ByteCount(0));
  CHECK(fs::free_bytes(dir.path("nowhere")).error().code == Errc::not_found);
}

TEST_CASE("the reserve takes space, gives it up, and is taken again") {
  const TempDir dir;
  fs::IntakeReserve reserve(dir.path(), 1_MiB);
  CHECK_FALSE(reserve.held());
  CHECK_FALSE(reserve.release());
  REQUIRE(reserve.ensure());
  CHECK(reserve.held());
  struct stat status {};
  REQUIRE(::stat(dir.path("intake-reserve").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 >= (1 << 20));
  REQUIRE(reserve.ensure());
  CHECK(reserve.release());
  CHECK_FALSE(reserve.held());
  REQUIRE(reserve.ensure());
  CHECK(reserve.held());
}

TEST_CASE("a reserve of another size is taken anew, one of zero is none") {
  const TempDir dir;
  REQUIRE(fs::IntakeReserve(dir.path(), 1_MiB).ensure());
  fs::IntakeReserve larger(dir.path(), 2_MiB);
  CHECK_FALSE(larger.held());
  REQUIRE(larger.ensure());
  CHECK(stdfs::file_size(dir.path("intake-reserve")) == (2U << 20U));
  REQUIRE(fs::IntakeReserve(dir.path(), ByteCount(0)).ensure());
  CHECK_FALSE(dir.exists("intake-reserve"));
}

TEST_CASE("a reserve that does not fit is given back whole") {
  const TempDir dir;
  const int status = in_child([&] {
    limit_file_size(4096);
    fs::IntakeReserve reserve(dir.path(), 1_MiB);
    const Status refused = reserve.ensure();
    return !refused && refused.error().code == Errc::no_space && !reserve.held() ? 0 : 1;
  });
  CHECK(status == 0);
  CHECK(stdfs::is_empty(dir.path()));
}

TEST_CASE("a watch wakes for the journal's files and not for others") {
  const TempDir dir;
  dir.write("journal.db", "");
  auto watch = fs::FolderWatch::open(dir.path(), "journal.db");
  REQUIRE(watch);
  CHECK_FALSE(is_readable(watch->fd()));
  CHECK_FALSE(watch->drain());
  dir.write("journal.db-wal", "x");
  CHECK(is_readable(watch->fd()));
  CHECK(watch->drain());
  CHECK_FALSE(is_readable(watch->fd()));
  dir.write("catalog.db-wal", "x");
  CHECK_FALSE(watch->drain());
  dir.write("catalog.db-wal", "y");
  dir.write("journal.db", "y");
  CHECK(watch->drain());
}

TEST_CASE("who nudges makes a watch look without changing a byte") {
  const TempDir dir;
  dir.write("journal.db", "y");
  auto watch = fs::FolderWatch::open(dir.path(), "journal.db");
  REQUIRE(watch);
  REQUIRE(fs::nudge_watchers(dir.path("journal.db")));
  CHECK(is_readable(watch->fd()));
  CHECK(watch->drain());
  CHECK(dir.read("journal.db") == "y");
  CHECK_FALSE(fs::nudge_watchers(dir.path("nowhere")));
}

TEST_CASE("a watch for nudges is not woken by writes") {
  const TempDir dir;
  dir.write("journal.db", "y");
  auto watch = fs::FolderWatch::open(dir.path(), "journal.db", fs::FolderWatch::Changes::nudges);
  REQUIRE(watch);
  dir.write("journal.db", "z");
  dir.write("journal.db-wal", "x");
  CHECK_FALSE(is_readable(watch->fd()));
  REQUIRE(fs::nudge_watchers(dir.path("journal.db")));
  CHECK(is_readable(watch->fd()));
  CHECK(watch->drain());
}

TEST_CASE("a watch on what is no folder says so") {
  const TempDir dir;
  CHECK_FALSE(fs::FolderWatch::open(dir.path("nowhere"), ""));
}

TEST_CASE("as root a command becomes the owner of the state directory, with only its groups") {
  if (::geteuid() != 0) {
    CHECK(fs::act_as_owner_of("/"));
    return;
  }
  const TempDir dir;
  stdfs::permissions(dir.path(), stdfs::perms(0755));
  dir.write("state/x", "");
  REQUIRE(::chown(dir.path("state").c_str(), 4321, 4322) == 0);
  const int status = in_child([&] {
    if (!fs::act_as_owner_of(dir.path("state"))) return 1;
    gid_t group = 0;
    if (::geteuid() != 4321 || ::getegid() != 4322) return 2;
    if (::getgroups(1, &group) != 1 || group != 4322) return 3;
    dir.write("state/new", "x");
    struct stat made {};
    if (::stat(dir.path("state/new").c_str(), &made) != 0) return 4;
    return made.st_uid == 4321 && made.st_gid == 4322 ? 0 : 5;
  });
  CHECK(status == 0);
}

TEST_CASE("a state directory that is root's, or not there yet, changes nobody") {
  const TempDir dir;
  CHECK(fs::act_as_owner_of(dir.path("nowhere")));
  CHECK(fs::act_as_owner_of("/"));
  CHECK(::geteuid() == ::getuid());
}

TEST_CASE("a directory that may not be written is unavailable, with what helps") {
  const TempDir dir;
  const std::string path = dir.path("held");
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  const int held = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(held >= 0);
  CHECK(fs::check_writable(held, path));
  REQUIRE(::fchmod(held, 0500) == 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root) REQUIRE(::seteuid(65534) == 0);
  const Status refused = fs::check_writable(held, path);
  if (is_root) REQUIRE(::seteuid(0) == 0);
  ::close(held);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK(refused.error().message.find("belong to the user") != std::string::npos);
}
