#include "daemon/operator_orders.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

namespace reelkeep::daemon {
namespace {

std::string name_of(const SessionView& session) {
  return "session " + text::printable(session.session.key.conf_num.get());
}

/// The artifact that the id or its prefix names.
Result<const ArtifactView*> named(const SessionView& session, const std::string& prefix) {
  const ArtifactView* found = nullptr;
  const std::string low = text::lower(prefix);
  for (const ArtifactView& view : session.artifacts) {
    if (low.empty() || !view.artifact.id.get().starts_with(low)) continue;
    if (found != nullptr)
      return Error{Errc::conflict, "more than one artifact id of " + name_of(session) +
                                       " begins with " + text::printable(prefix) +
                                       "; give more digits of it"};
    found = &view;
  }
  if (found != nullptr) return found;
  return Error{Errc::not_found, name_of(session) + " has no artifact " + text::printable(prefix) +
                                    "; list them with: reelkeep show " +
                                    text::printable(session.session.key.conf_num.get())};
}

/// In the session's order, each once.
Result<std::vector<const ArtifactView*>> matching(const SessionView& session,
                                                  const Choice& choice) {
  std::vector<const ArtifactView*> wanted;
  for (const std::string& prefix : choice.artifacts) {
    REELKEEP_ASSIGN(const ArtifactView* view, named(session, prefix));
    wanted.push_back(view);
  }
  std::vector<const ArtifactView*> found;
  for (const ArtifactView& view : session.artifacts) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), &view) == wanted.end()) continue;
    if (!choice.kinds.empty() && std::find(choice.kinds.begin(), choice.kinds.end(),
                                           view.artifact.identity.kind) == choice.kinds.end())
      continue;
    found.push_back(&view);
  }
  if (!found.empty()) return found;
  if (session.artifacts.empty())
    return Error{Errc::not_found, name_of(session) +
                                      " has no artifact yet: the provider has "
                                      "offered nothing"};
  std::string kinds;
  for (const ArtifactView& view : session.artifacts) {
    const std::string kind(to_string(view.artifact.identity.kind));
    if (kinds.find(kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + kind;
  }
  return Error{Errc::not_found,
               "nothing of " + name_of(session) + " matches; it has artifacts of kind " + kinds};
}

}  // namespace

bool has_failed(const ArtifactView& view) {
  const Artifact& artifact = view.artifact;
  if (artifact.state == ArtifactState::expired || artifact.state == ArtifactState::quarantined)
    return true;
  if (artifact.state == ArtifactState::cancelled || artifact.state == ArtifactState::delivered)
    return false;
  // Also while the next attempt is in hand: it has not come through yet.
  const bool to_fetch = artifact.state == ArtifactState::waiting ||
                        artifact.state == ArtifactState::planned ||
                        artifact.state == ArtifactState::running;
  if (to_fetch && artifact.error) return true;
  return std::any_of(view.replicas.begin(), view.replicas.end(), [](const Replica& replica) {
    return replica.state == ReplicaState::missing || replica.state == ReplicaState::corrupt;
  });
}

Result<Selection> choose_to_fetch(const SessionView& session, const Choice& choice) {
  REELKEEP_ASSIGN(const std::vector<const ArtifactView*> found, matching(session, choice));
  Selection selection;
  for (const ArtifactView* view : found) {
    const Artifact& artifact = view->artifact;
    if (artifact.state == ArtifactState::cancelled) {
      if (!choice.artifacts.empty())
        return Error{Errc::conflict, "artifact " + artifact.id.get() +
                                         " is cancelled: cancelled artifacts are never fetched "
                                         "again"};
      if (!choice.failed)
        selection.skipped.push_back({artifact.id, "cancelled: never fetched again"});
    } else if (artifact.state == ArtifactState::delivered) {
      if (!choice.failed)
        selection.skipped.push_back(
            {artifact.id, "delivered: the provider put it at a destination and offers no file"});
    } else if (!choice.failed || has_failed(*view)) {
      selection.chosen.push_back(*view);
    }
  }
  if (!selection.chosen.empty() || choice.failed) return selection;
  return Error{Errc::not_found, "nothing of " + name_of(session) +
                                    " can be fetched: " + selection.skipped.front().id.get() +
                                    " is " + selection.skipped.front().reason +
                                    (selection.skipped.size() > 1 ? ", and so on" : "")};
}

Result<Selection> choose_to_cancel(const SessionView& session, const Choice& choice) {
  REELKEEP_ASSIGN(const std::vector<const ArtifactView*> found, matching(session, choice));
  Selection selection;
  for (const ArtifactView* view : found) {
    const Artifact& artifact = view->artifact;
    if (artifact.state == ArtifactState::cancelled) {
      selection.skipped.push_back({artifact.id, "cancelled already"});
    } else if (artifact.state == ArtifactState::delivered) {
      selection.skipped.push_back({artifact.id, "delivered: nothing is fetched"});
    } else if (artifact.state == ArtifactState::archived && !artifact.refetch) {
      selection.skipped.push_back({artifact.id, "archived: nothing is to be fetched"});
    } else {
      selection.chosen.push_back(*view);
    }
  }
  if (!selection.chosen.empty()) return selection;
  const Skipped& first = selection.skipped.front();
  return Error{Errc::conflict,
               "nothing of " + name_of(session) + " is left to give up: " + first.id.get() +
                   " is " + first.reason + (selection.skipped.size() > 1 ? ", and so on" : "")};
}

Status check_acceptable(const ArtifactView& view) {
  const Artifact& artifact = view.artifact;
  const std::string name = "artifact " + artifact.id.get();
  const bool quiet = artifact.state == ArtifactState::quarantined ||
                     artifact.state == ArtifactState::waiting ||
                     artifact.state == ArtifactState::planned;
  if (artifact.bad_digest && quiet && !artifact.in_hand) return {};
  if (artifact.bad_digest && !artifact.refetch)
    return Error{Errc::conflict, name + " is " + std::string(to_string(artifact.state)) +
                                     ": it is worked on just now; try again in a moment"};
  return Error{Errc::conflict, name + " is " + std::string(to_string(artifact.state)) +
                                   ": no bytes are quarantined or set aside that could be "
                                   "accepted"};
}

}  // namespace reelkeep::daemon
