#include "simulate/plan.hpp"

#include <doctest/doctest.h>
#include <set>

#include "crypto/sha256.hpp"

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

const Timestamp k_now{std::chrono::seconds(1'767'520'800)};  // 2026-01-04T10:00:00Z

}  // namespace

TEST_CASE("the same options give the same sessions and bytes, another seed gives others") {
  const Plan one(StandInOptions{.sessions = 3}, k_now);
  const Plan again(StandInOptions{.sessions = 3}, k_now);
  const Plan other(StandInOptions{.seed = "other", .sessions = 3}, k_now);
  REQUIRE(one.sessions().size() == 3);
  for (std::size_t at = 0; at < 3; ++at) {
    CHECK(one.sessions()[at].conf_num == again.sessions()[at].conf_num);
    CHECK(one.sessions()[at].conf_num != other.sessions()[at].conf_num);
    CHECK(one.sessions()[at].files[0].digest() == again.sessions()[at].files[0].digest());
    CHECK(one.sessions()[at].files[0].digest() != other.sessions()[at].files[0].digest());
  }
}

TEST_CASE("no two files of a plan share a path or their bytes") {
  const Plan plan(StandInOptions{.sessions = 4, .recordings = 5, .stages = 2, .size = 2_KiB},
                  k_now);
  std::set<std::string> paths;
  std::set<std::string> digests;
  std::size_t count = 0;
  for (const SimulatedSession& session : plan.sessions())
    for (const SimulatedFile& file : session.files) {
      ++count;
      paths.insert(file.path);
      digests.insert(file.digest().hex());
      CHECK(plan.find(file.path) == &file);
    }
  CHECK(count == 4 * (5 + 2 + 4));
  CHECK(paths.size() == count);
  CHECK(digests.size() == count);
  CHECK(plan.find("/files/x/y") == nullptr);
}

TEST_CASE("a plan offers only the kinds asked for") {
  const Plan plan(StandInOptions{.kinds = {ArtifactKind::chatdata}}, k_now);
  REQUIRE(plan.sessions()[0].files.size() == 1);
  CHECK(plan.sessions()[0].files[0].name == "chat.json");
}

TEST_CASE("the digest of a file is that of its bytes") {
  const Plan plan(StandInOptions{.size = ByteCount(700'001)}, k_now);
  const SimulatedFile& file = plan.sessions()[0].files[0];
  std::vector<std::byte> bytes(700'001);
  CHECK(file.media().fill(ByteCount(), bytes) == bytes.size());
  CHECK(file.digest() == sha256(bytes));
}

TEST_CASE("a wrong size is declared, not served") {
  const Plan plan(StandInOptions{.failures = {*parse_failure("wrong-size@transcoded")}}, k_now);
  for (const SimulatedFile& file : plan.sessions()[0].files)
    CHECK((file.declared_size() == file.size) == (file.kind != ArtifactKind::transcoded));
}
