#include "reelkeep/base/unique_fd.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <utility>

using reelkeep::UniqueFd;

namespace {
bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}
int opened() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}
}  // namespace

TEST_CASE("a descriptor is closed with its owner and by a reset") {
  int number = -1;
  {
    const UniqueFd fd(opened());
    number = fd.get();
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
  UniqueFd fd(opened());
  number = fd.get();
  fd.reset();
  CHECK_FALSE(is_open(number));
  CHECK_FALSE(static_cast<bool>(fd));
}

TEST_CASE("a descriptor changes its owner and is closed once") {
  UniqueFd first(opened());
  const int number = first.get();
  UniqueFd second(std::move(first));
  CHECK(second.get() == number);
  CHECK(first.get() == -1);
  const int released = second.release();
  CHECK(released == number);
  CHECK(is_open(released));
  second.reset(released);
}
