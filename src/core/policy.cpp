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

const DestinationRule* Policy::destination_of(std::string_view name,
                                              const std::string& location) const {
  const auto found = std::ranges::find_if(destinations, [&](const DestinationRule& rule) {
    return rule.matches(name, location) && rule.refuses(location).empty();
  });
  return found == destinations.end() ? nullptr : &*found;
}

std::string Policy::refusal_of(std::string_view name, const std::string& location) const {
  if (destination_of(name, location) != nullptr) return "";
  const auto found = std::ranges::find_if(
      destinations, [&](const DestinationRule& rule) { return rule.matches(name, location); });
  return found == destinations.end() ? "" : found->refuses(location);
}

const DestinationRule* Policy::destination(const StoreId& id) const noexcept {
  const auto found = std::ranges::find(destinations, id, &DestinationRule::id);
  return found == destinations.end() ? nullptr : &*found;
}

std::string Policy::destinations_text() const {
  std::string text;
  for (const DestinationRule& rule : destinations)
    text += rule.id.get() + " " + rule.name + " " + rule.account + " " + rule.host + ":" +
            std::to_string(rule.port) + " " + std::string(to_string(rule.action)) + " " +
            rule.source_prefix + " " + rule.layout_prefix + "\n";
  for (const ProjectPolicy& project : projects)
    for (const StoreId& store : project.stores)
      if (destination(store) != nullptr) text += project.app_id.get() + ": " + store.get() + "\n";
  return text;
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
