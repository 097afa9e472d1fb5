// Claims the next files of a catalog, as the agent does, and tells what each time took, the choice
// and its commit:
//   bench_claim CATALOG
#include <chrono>
#include <cstdio>
#include <set>
#include <string>

#include "sqlite/catalog.hpp"

using namespace reelkeep;

namespace {

constexpr int k_rounds = 100;
/// As many as the agent asks for with eight free slots.
constexpr std::size_t k_candidates = 40;

using Moment = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;
struct Cost {
  Milliseconds choice;
  Milliseconds commit;
};

/// The lane of the one project that may work; what is paused is not asked for.
Result<Cost> claim_once(Catalog& catalog) {
  const Moment begin = std::chrono::steady_clock::now();
  REELKEEP_ASSIGN(const std::vector<Lane> lanes, catalog.lanes());
  std::vector<Artifact> found;
  for (const Lane& lane : lanes) {
    if (lane.app_id.get() == "paused") continue;
    REELKEEP_ASSIGN(found, catalog.claimable(lane, k_candidates));
  }
  const Moment chosen = std::chrono::steady_clock::now();
  if (found.empty()) return Error{Errc::not_found, "nothing can be claimed"};
  found.front().in_hand = true;
  found.front().state = ArtifactState::running;
  REELKEEP_TRY(catalog.transact([&] { return catalog.put_progress(found.front()); }));
  return Cost{chosen - begin, std::chrono::steady_clock::now() - chosen};
}

Status measure(const std::string& path) {
  REELKEEP_ASSIGN(const auto catalog, sqlite::open_catalog(path));
  std::printf("[");
  for (int i = 0; i < k_rounds; ++i) {
    REELKEEP_ASSIGN(const Cost cost, claim_once(*catalog));
    std::printf("%s{\"claim_ms\": %.4f, \"commit_ms\": %.4f}", i == 0 ? "" : ", ",
                cost.choice.count(), cost.commit.count());
  }
  std::printf("]\n");
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: bench_claim CATALOG\n", stderr);
    return 2;
  }
  const Status status = measure(arguments[1]);
  if (status) return 0;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return 1;
}
