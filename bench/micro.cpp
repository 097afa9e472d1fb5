// The hot paths one by one, so that a regression shows where it is:
//   cmake --preset release -DREELKEEP_BENCHMARKS=ON && ninja -C build/release bench_micro
//   build/release/bench/bench_micro --benchmark_filter=claim
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "crypto/sha256.hpp"
#include "enablex/payload.hpp"
#include "fs/staging.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"

using namespace reelkeep;

namespace {

constexpr std::size_t k_block = std::size_t{1} << 20U;

/// In $TMPDIR, so that the medium is the caller's choice.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "reelkeep-micro-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    m_path = path;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (m_path / name).string(); }

 private:
  std::filesystem::path m_path;
};

std::string event(int number) {
  const std::string id = std::to_string(number);
  return R"({"type":"recording","trans_date":1767520800,"app_id":"a1","room_id":"r1","conf_num":"c)" +
         id + R"(","recording":["https://portal.enablex.io/path/)" + id +
         R"(-1.mov","https://portal.enablex.io/path/)" + id + R"(-2.mov"]})";
}

Timestamp now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

void decode(benchmark::State& state) {
  const auto provider = enablex::make_provider({});
  const std::string body = event(1);
  for (auto _ : state) benchmark::DoNotOptimize(provider->decode(body, now()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(decode);

/// Rows of one commit: with one, the commit is what costs; with many, the row.
void append(benchmark::State& state) {
  const Folder folder;
  const auto journal = sqlite::open_journal_writer(folder.path("journal.db"), {}).value();
  int number = 0;
  for (auto _ : state) {
    std::vector<NewEntry> entries;
    for (std::int64_t i = 0; i < state.range(0); ++i)
      entries.push_back({.received_at = now(), .body = event(++number)});
    if (!journal->append_all(std::move(entries))) state.SkipWithError("the journal refused");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append)->Arg(1)->Arg(64)->UseRealTime();

/// The next of a queue whose first files belong to a project that may not work.
void claim(benchmark::State& state) {
  const Folder folder;
  const auto catalog = sqlite::open_catalog(folder.path("catalog.db")).value();
  const Status filled = catalog->transact([&]() -> Status {
    Session session;
    session.key = {AppId("paused"), ConfNum("c1")};
    REELKEEP_ASSIGN(session, catalog->put_session(std::move(session)));
    for (std::int64_t i = 0; i <= state.range(0); ++i) {
      Artifact artifact;
      artifact.session_row = session.row;
      artifact.identity.session = session.key;
      artifact.identity.kind = ArtifactKind::recording;
      artifact.identity.source_key = SourceKey(std::to_string(i));
      artifact.id = ArtifactId(std::to_string(i));
      artifact.host = i == state.range(0) ? "free" : "full";
      artifact.deadline = Timestamp(Duration(i));
      artifact.state = ArtifactState::planned;
      artifact.staging_name = std::to_string(i);
      artifact.path = std::to_string(i);
      REELKEEP_TRY(catalog->put_artifact(std::move(artifact)));
    }
    return {};
  });
  if (!filled) return state.SkipWithError(filled.error().message.c_str());
  for (auto _ : state) {
    const auto lanes = catalog->lanes();
    benchmark::DoNotOptimize(lanes);
    if (!lanes || lanes->size() != 2) state.SkipWithError("not the lanes that were made");
    for (const Lane& lane : *lanes)
      if (lane.host == "free") benchmark::DoNotOptimize(catalog->claimable(lane, 40));
  }
}
BENCHMARK(claim)->Arg(100)->Arg(20000);

void hash(benchmark::State& state) {
  const std::vector<std::byte> block(k_block);
  Sha256 sum;
  for (auto _ : state) sum.update(block);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(k_block));
}
BENCHMARK(hash);

/// Two files at once.
void hash_both(benchmark::State& state) {
  const std::vector<std::byte> block(k_block);
  Sha256 one;
  Sha256 two;
  for (auto _ : state) Sha256::update_both(one, block, two, block);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * k_block));
}
BENCHMARK(hash_both);

/// What a writer does with a buffer: into staging, and into the digest.
void write(benchmark::State& state) {
  const Folder folder;
  const auto staging = fs::make_staging(folder.path("staging"), {}).value();
  const auto file = staging->open("micro", std::nullopt);
  const std::vector<std::byte> block(k_block);
  if (!file->prepare()) return state.SkipWithError("no staging file");
  for (auto _ : state) {
    if (file->size() >= 1_GiB && !file->restart()) state.SkipWithError("cannot restart");
    if (!file->append(block)) state.SkipWithError("cannot append");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(k_block));
}
BENCHMARK(write);

}  // namespace

BENCHMARK_MAIN();
