#include "sqlite/known_artifacts.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace reelkeep;
using sqlite::KnownArtifacts;

namespace {

constexpr std::int64_t k_many = 5000;  ///< more than are known

Artifact numbered(std::int64_t row, const std::string& stage = "") {
  Artifact artifact;
  artifact.row = ArtifactRow(row);
  artifact.identity = {{AppId("app"), ConfNum("conf")},
                       ArtifactKind::recording,
                       SourceKey("https://host/" + std::to_string(row)),
                       stage};
  return artifact;
}

}  // namespace

TEST_CASE("of a burst the first stay known") {
  KnownArtifacts known;
  for (std::int64_t row = 1; row <= k_many; ++row) known.remember_new(numbered(row));
  CHECK(known.find(ArtifactRow(1)) != nullptr);
  CHECK(known.find(numbered(1).identity) != nullptr);
  CHECK(known.find(ArtifactRow(k_many)) == nullptr);
  CHECK(known.find(numbered(k_many).identity) == nullptr);
}

TEST_CASE("what is read is known, whatever has to be forgotten for it") {
  KnownArtifacts known;
  for (std::int64_t row = 1; row <= k_many; ++row) known.remember_new(numbered(row));
  known.remember(numbered(k_many));
  REQUIRE(known.find(ArtifactRow(k_many)) != nullptr);
  CHECK(known.find(numbered(k_many).identity)->row == ArtifactRow(k_many));
}

TEST_CASE("what has nothing left to do makes room in its turn") {
  KnownArtifacts known;
  for (std::int64_t row = 1; row <= k_many; ++row) {
    known.remember_new(numbered(row));
    known.settled(ArtifactRow(row));
  }
  CHECK(known.find(ArtifactRow(k_many)) != nullptr);
  CHECK(known.find(ArtifactRow(1)) == nullptr);
}

TEST_CASE("stages of one source are told apart") {
  KnownArtifacts known;
  Artifact first = numbered(1, "a");
  Artifact second = numbered(1, "b");
  second.row = ArtifactRow(2);
  known.remember_new(first);
  known.remember_new(second);
  CHECK(known.find(first.identity)->row == ArtifactRow(1));
  CHECK(known.find(second.identity)->row == ArtifactRow(2));
}

TEST_CASE("an artifact with another identity is found by that one only") {
  KnownArtifacts known;
  const Artifact before = numbered(1);
  known.remember_new(before);
  Artifact after = before;
  after.identity.stage = "final";
  known.remember(after);
  CHECK(known.find(before.identity) == nullptr);
  REQUIRE(known.find(after.identity) != nullptr);
  CHECK(known.find(ArtifactRow(1))->identity == after.identity);
}

TEST_CASE("a row that was given to another artifact is that one's") {
  KnownArtifacts known;
  known.remember_new(numbered(1));
  Artifact other = numbered(2);
  other.row = ArtifactRow(1);
  known.remember_new(other);
  CHECK(known.find(numbered(1).identity) == nullptr);
  CHECK(known.find(other.identity)->row == ArtifactRow(1));
  // The one that lost its row comes again.
  Artifact again = numbered(1);
  again.row = ArtifactRow(3);
  known.remember_new(again);
  CHECK(known.find(again.identity)->row == ArtifactRow(3));
}

TEST_CASE("what is forgotten is forgotten under both names") {
  KnownArtifacts known;
  known.remember_new(numbered(1));
  known.remember_new(numbered(2));
  known.forget(ArtifactRow(1));
  CHECK(known.find(ArtifactRow(1)) == nullptr);
  CHECK(known.find(numbered(1).identity) == nullptr);
  known.forget_all();
  CHECK(known.find(numbered(2).identity) == nullptr);
}
