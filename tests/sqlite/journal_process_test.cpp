#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "reelkeep/base/unique_fd.hpp"

#include "contract/journal_contract.hpp"
#include "raw.hpp"
#include "sqlite/journal.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Runs `body` in a process of its own, which ends with what it returns.
template <class Body>
pid_t in_child(Body body) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::_exit(body());
}

int exit_status_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Acknowledged {
  std::int64_t seq;
  std::int64_t row;
};

std::string body_of(int round, std::int64_t row) {
  return "round " + std::to_string(round) + " row " + std::to_string(row);
}

/// Appends without end and tells each answer through the pipe.
int append_for_ever(const std::string& path, int round, int out) {
  const auto writer = sqlite::open_journal_writer(path, {.known_in_memory = 16});
  if (!writer) return 1;
  for (std::int64_t row = 0;; ++row) {
    (*writer)->append(new_entry(EntryKind::delivery, body_of(round, row)),
                      [out, row](const Result<Appended>& appended) {
                        if (!appended) ::_exit(2);
                        const Acknowledged told{appended->seq.get(), row};
                        if (::write(out, &told, sizeof told) != sizeof told) ::_exit(3);
                      });
    // Some commits of many rows, some of one.
    if (row % 7 == 0 && !(*writer)->probe()) return 4;
  }
}

}  // namespace

TEST_CASE("two processes append to one chain") {
  constexpr int k_rows = 60;
  const TempDir dir;
  const std::string path = dir.path("journal.db");
  REQUIRE(sqlite::open_journal_writer(path, {}));
  std::vector<pid_t> children;
  for (int process = 0; process < 2; ++process) {
    children.push_back(in_child([&] {
      const auto writer = sqlite::open_journal_writer(
          path, {.known_in_memory = 5, .create = false, .migrate = false});
      if (!writer) return 1;
      for (int i = 0; i < k_rows; ++i) {
        // Every third body is the same in both.
        const auto body = (i % 3 == 0 ? "both " : std::to_string(process)) + std::to_string(i);
        if (!(*writer)->append_and_wait(new_entry(EntryKind::delivery, body))) return 2;
      }
      return 0;
    }));
  }
  for (const pid_t child : children) CHECK(exit_status_of(child) == 0);
  const auto reader = sqlite::open_journal_reader(path).value();
  const auto end = reader->end().value();
  CHECK(end.receipts == k_rows / 3);
  CHECK(end.cursor == Seq(2 * k_rows - k_rows / 3));
  CHECK(reader->verify_chain());
  CHECK(unknown_deliveries(path) == "0");
}

TEST_CASE("what was acknowledged is there after the process was killed") {
  const TempDir dir;
  const std::string path = dir.path("journal.db");
  for (int round = 0; round < 6; ++round) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    const pid_t child = in_child([&] { return append_for_ever(path, round, out.get()); });
    out.reset();

    std::vector<Acknowledged> acknowledged;
    Acknowledged told{};
    const std::size_t enough = 1U + static_cast<std::size_t>(round) * 40U;
    while (::read(in.get(), &told, sizeof told) == sizeof told) {
      acknowledged.push_back(told);
      if (acknowledged.size() == enough) ::kill(child, SIGKILL);
    }
    CHECK(exit_status_of(child) == -1);
    REQUIRE(acknowledged.size() >= enough);

    const auto reader = sqlite::open_journal_reader(path).value();
    for (const Acknowledged& row : acknowledged) {
      const auto entry = reader->find(Seq(row.seq)).value();
      REQUIRE(entry.has_value());
      CHECK(entry->body == body_of(round, row.row));
    }
    CHECK(reader->verify_chain());
    CHECK(unknown_deliveries(path) == "0");

    const auto writer = sqlite::open_journal_writer(path, {.known_in_memory = 16}).value();
    for (const Acknowledged& row : acknowledged) {
      const auto again =
          writer->append_and_wait(new_entry(EntryKind::delivery, body_of(round, row.row))).value();
      CHECK(again.duplicate);
      CHECK(again.seq == Seq(row.seq));
    }
  }
}
