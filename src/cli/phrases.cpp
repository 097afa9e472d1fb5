#include "cli/phrases.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

namespace reelkeep::cli {
namespace {

struct Counts {
  std::size_t counted = 0;
  std::size_t archived = 0;
  std::size_t given_up = 0;
  std::size_t cancelled = 0;
  std::size_t disputed = 0;
  std::size_t stuck = 0;
};

bool has_good_copy(const ArtifactView& view) {
  return std::ranges::any_of(view.replicas, [](const Replica& replica) {
    return replica.state == ReplicaState::verified;
  });
}

Counts counts_of(const SessionView& view) {
  Counts counts;
  for (const ArtifactView& one : view.artifacts) {
    if (one.artifact.disputed) ++counts.disputed;
    if (is_stuck(one)) ++counts.stuck;
    switch (one.artifact.state) {
      case ArtifactState::cancelled:
        ++counts.cancelled;
        continue;
      case ArtifactState::delivered:
        continue;
      case ArtifactState::archived:
        ++counts.archived;
        break;
      case ArtifactState::expired:
      case ArtifactState::quarantined:
        if (!has_good_copy(one)) ++counts.given_up;
        break;
      case ArtifactState::planned:
      case ArtifactState::running:
      case ArtifactState::verifying:
      case ArtifactState::waiting:
        break;
    }
    ++counts.counted;
  }
  return counts;
}

std::string way_out(const ArtifactView& view) {
  const Artifact& artifact = view.artifact;
  if (artifact.state == ArtifactState::cancelled || artifact.state == ArtifactState::delivered)
    return "";
  const std::string conf_num = text::printable(artifact.identity.session.conf_num.get());
  if (artifact.bad_digest && artifact.state != ArtifactState::archived)
    return "to keep those bytes as they are: reelkeep accept --artifact " + artifact.id.get();
  if (artifact.state == ArtifactState::expired || artifact.state == ArtifactState::quarantined)
    return "to try once more: reelkeep redownload " + conf_num + " --artifact " +
           artifact.id.get() + " --wait";
  if (artifact.state == ArtifactState::archived) return "what is archived stays as it is";
  if (is_stuck(view)) return "";  // its error says it
  // What the error says is the store's then, and no pair of the provider is at fault.
  if (artifact.state == ArtifactState::verifying)
    return "its bytes are kept; it goes on by itself when the store takes them";
  switch (artifact.error->code) {
    case Errc::unauthorized:
      return "compare the pair of its [[project]] with the provider's portal";
    case Errc::no_space:
      return "make space; it goes on by itself";
    case Errc::not_found:
      return "it is tried again by itself; if it stays away, ask the provider for the file";
    case Errc::corrupt:
      return "it is fetched again by itself; if it stays so, ask the provider for a whole file";
    case Errc::unavailable:
    case Errc::timeout:
      return "it is tried again by itself";
    case Errc::invalid:
    case Errc::conflict:
    case Errc::internal:
    case Errc::cancelled:
      break;
  }
  return "";
}

}  // namespace

Tone tone_of(SessionState state) {
  switch (state) {
    case SessionState::lost:
    case SessionState::overdue:
      return Tone::bad;
    case SessionState::waiting:
    case SessionState::open:
      return Tone::busy;
    case SessionState::complete:
      return Tone::good;
  }
  return Tone::plain;
}

Tone tone_of(ArtifactState state) {
  switch (state) {
    case ArtifactState::planned:
    case ArtifactState::running:
    case ArtifactState::verifying:
    case ArtifactState::waiting:
      return Tone::busy;
    case ArtifactState::archived:
    case ArtifactState::delivered:
      return Tone::good;
    case ArtifactState::quarantined:
    case ArtifactState::expired:
      return Tone::bad;
    case ArtifactState::cancelled:
      return Tone::faint;
  }
  return Tone::plain;
}

Tone tone_of(DeliveryState state) {
  switch (state) {
    case DeliveryState::pending:
      return Tone::busy;
    case DeliveryState::applied:
      return Tone::good;
    case DeliveryState::ignored:
      return Tone::faint;
    case DeliveryState::quarantined:
      return Tone::bad;
  }
  return Tone::plain;
}

Tone tone_of(const Replica& replica) {
  switch (replica.state) {
    case ReplicaState::verified:
    case ReplicaState::delivered:
      return replica.cause.empty() ? Tone::plain : Tone::bad;
    case ReplicaState::superseded:
      return Tone::faint;
    case ReplicaState::missing:
    case ReplicaState::corrupt:
      return Tone::bad;
  }
  return Tone::plain;
}

std::string count(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

namespace {

/// What the state does not say by itself, because it counts for nothing or as archived.
std::string besides(const Counts& counts) {
  std::string words;
  if (counts.cancelled > 0) words += "; " + std::to_string(counts.cancelled) + " cancelled";
  if (counts.disputed > 0)
    words += "; " + std::to_string(counts.disputed) +
             " disputed (another size was declared, or it was accepted as it is)";
  return words;
}

/// `lost`: nothing, where it is not known how many are.
std::string why(SessionState state, std::optional<Timestamp> deadline, Timestamp now,
                std::size_t counted, std::size_t archived, std::size_t stuck,
                std::optional<std::size_t> lost) {
  const bool only_stuck = stuck > 0 && stuck == counted - archived;
  const std::string first =
      deadline && !only_stuck ? ", first deadline " + relative(*deadline, now) : std::string();
  const std::string not_archived =
      std::to_string(counted - archived) + " of " + count(counted, "artifact") + " not archived" +
      (stuck > 0 ? ", " + std::to_string(stuck) + " stuck because a copy is missing or differs"
                 : "");
  std::string word(to_string(state));
  switch (state) {
    case SessionState::lost:
      return word + ": " +
             (lost ? std::to_string(*lost) + " of " + count(counted, "artifact")
                   : std::string("something was")) +
             " given up without a good copy";
    case SessionState::overdue:
    case SessionState::waiting:
      return word + ": " + not_archived + first;
    case SessionState::open:
      return word + ": " +
             (counted == 0 ? "nothing to archive is known yet"
                           : "no session_stop has come yet; " + count(archived, "artifact") +
                                 " archived so far");
    case SessionState::complete:
      return word + ": " + count(archived, "artifact") + " archived";
  }
  return word;
}

}  // namespace

std::string describe(const SessionView& view, SessionState state, Timestamp now) {
  const Counts counts = counts_of(view);
  return why(state, session_deadline(view), now, counts.counted, counts.archived, counts.stuck,
             counts.given_up) +
         besides(counts);
}

std::string describe(const SessionSummary& summary, Timestamp now) {
  return why(summary.state, summary.deadline, now, static_cast<std::size_t>(summary.artifacts),
             static_cast<std::size_t>(summary.archived), static_cast<std::size_t>(summary.stuck),
             std::nullopt);
}

std::string describe(const Replica& replica) {
  std::string said =
      replica.state == ReplicaState::verified ? "" : std::string(to_string(replica.state));
  if (!replica.cause.empty()) said += (said.empty() ? "" : ": ") + text::printable(replica.cause);
  return text::printable(replica.location) + (said.empty() ? "" : " (" + said + ")");
}

std::string describe_error(const ArtifactView& view) {
  const Artifact& artifact = view.artifact;
  if (!artifact.error) return "";
  const std::string way = way_out(view);
  const std::string code = std::string(to_string(artifact.error->code)) + ": ";
  const std::string message = text::printable(artifact.error->message);
  return (message.starts_with(code) ? "" : code) + message + (way.empty() ? "" : "; " + way);
}

std::string describe_way_out(const ArtifactView& view) {
  return view.artifact.error ? way_out(view) : "";
}

std::string title(const Artifact& artifact) {
  std::string title(to_string(artifact.identity.kind));
  if (!artifact.identity.stage.empty())
    title += " (" + text::printable(artifact.identity.stage) + ")";
  return title + " " + text::printable(artifact.name);
}

}  // namespace reelkeep::cli
