#include "cli/output.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::cli {
namespace {

TEST_CASE("a reader that went away is no error, and is noticed") {
  (void)std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  const UniqueFd writing(ends[1]);
  Output output(writing.get(), {});
  output.line("text");
  CHECK(output.flush());
  CHECK(output.closed());
}

TEST_CASE("a full disk behind standard output is an error that stays") {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  REQUIRE(full);
  Output output(full.get(), {});
  output.line("text");
  CHECK(output.flush().error().code == Errc::no_space);
  CHECK(output.flush().error().code == Errc::no_space);
}

TEST_CASE("without colours text is as it is") {
  const Output plain(1, {});
  CHECK(plain.toned("x", Tone::bad) == "x");
  const Output coloured(1, {.terminal = true, .colours = true, .width = 80});
  CHECK(coloured.toned("x", Tone::bad) == "\x1b[31mx\x1b[0m");
  CHECK(coloured.toned("x", Tone::plain) == "x");
}

}  // namespace
}  // namespace reelkeep::cli
