#pragma once

#include "core/house.hpp"
#include "support/memory_destination.hpp"

namespace reelkeep::testing {

inline const std::string k_pushed = "s3://bucket/r1/c1/f.mov";

inline std::string push(const std::string& url = k_pushed, const std::string& conf = "c1") {
  return body("file_transfer",
              R"(,"destination":{"name":"awss3","host":"","account":"bucket"},"files":[{"url":")" +
                  url + "\"}]",
              conf);
}

/// A house whose provider also pushes into a bucket.
struct PushedHouse : House {
  explicit PushedHouse(DestinationAction action) {
    policy->destinations.push_back(
        {.id = StoreId("there"), .name = "awss3", .account = "bucket", .action = action});
    destinations = {&there};
  }
  ~PushedHouse() { stop(); }
  void restart() {
    stop();
    there.restart();
    start();
  }
  MemoryDestination there{StoreId("there")};
};

inline const Replica* at(const ArtifactView& view, const std::string& store) {
  const auto found = std::ranges::find_if(
      view.replicas, [&](const Replica& r) { return r.store == StoreId(store); });
  return found == view.replicas.end() ? nullptr : &*found;
}

inline auto replica_is(ReplicaState state, const std::string& store = "there") {
  return [state, store](const SessionView& view) {
    return view.artifacts.size() == 1 && at(view.artifacts[0], store) != nullptr &&
           at(view.artifacts[0], store)->state == state;
  };
}

inline auto is_archived_with(ReplicaState state) {
  return [state](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::archived &&
           replica_is(state)(view);
  };
}

/// Looked at once, whatever the moment.
template <class Holds>
bool holds_now(const House& house, Holds holds) {
  auto reader = sqlite::open_catalog_reader(house.dir.path("catalog.db"));
  if (!reader) return false;
  const auto found = (*reader)->find(ConfNum("c1"), {});
  return found && !found->empty() && holds(found->front());
}

}  // namespace reelkeep::testing
