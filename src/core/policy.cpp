#include "core/policy.hpp"

#include <algorithm>

namespace reelkeep::core {

const ProjectPolicy* Policy::project(const AppId& app_id) const noexcept {
  const ProjectPolicy* fallback = nullptr;
  for (const ProjectPolicy& candidate : projects) {
    if (candidate.app_id == app_id) return &candidate;
    if (candidate.app_id.get() == "*") fallback = &candidate;
  }
  return fallback;
}

Duration Policy::offered_for(const AppId& app_id) const noexcept {
  const ProjectPolicy* found = project(app_id);
  return found != nullptr ? found->offered_for : ProjectPolicy{}.offered_for;
}

bool Policy::may_speak(const std::string& user, const std::string& app_id) const noexcept {
  const auto found = users.find(user);
  if (found == users.end()) return true;
  return std::ranges::any_of(found->second, [&](const std::string& allowed) {
    return allowed == "*" || allowed == app_id;
  });
}

}  // namespace reelkeep::core
