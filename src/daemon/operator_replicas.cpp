// A quick look at what lies in local stores.
#include <cerrno>
#include <sys/stat.h>

#include "daemon/operator.hpp"
#include "fs/archive_root.hpp"

namespace reelkeep::daemon {
namespace {

/// The root carries its mark: what is not there is really not there.
bool is_mounted(const StoreConfig& store) {
  struct stat status {};
  return ::stat((store.path + "/" + std::string(fs::k_marker_name)).c_str(), &status) == 0;
}

}  // namespace

void Operator::look_at_replicas(SessionView& view) const {
  for (ArtifactView& one : view.artifacts) {
    for (Replica& replica : one.replicas) {
      const StoreConfig* store = replica.store ? m_config.store_of(*replica.store) : nullptr;
      if (store == nullptr || store->type != StoreConfig::Type::local || replica.path.empty() ||
          replica.state != ReplicaState::verified || !is_mounted(*store))
        continue;
      struct stat status {};
      if (::lstat((store->path + "/" + replica.path).c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) replica.state = ReplicaState::missing;
      } else if (!S_ISREG(status.st_mode) ||
                 static_cast<std::uint64_t>(status.st_size) != replica.size.get()) {
        replica.state = ReplicaState::corrupt;
      }
    }
  }
}

}  // namespace reelkeep::daemon
