#include "simulate/options.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep::simulate {
namespace {

/// Enough for every drill, few enough to be held in memory.
constexpr std::size_t k_most_files = 1'000'000;

Error bad(std::string message) {
  return Error{Errc::invalid, std::move(message)};
}

}  // namespace

std::vector<ArtifactKind> StandInOptions::every_kind() {
  return {ArtifactKind::recording, ArtifactKind::transcoded, ArtifactKind::live_recording,
          ArtifactKind::chatdata,  ArtifactKind::metadata,   ArtifactKind::transcription,
          ArtifactKind::cdr,       ArtifactKind::delivered};
}

Status StandInOptions::check() const {
  if (sessions == 0) return bad("sessions: at least 1");
  if (app_id.empty()) return bad("app_id: must not be empty");
  if (!(duplicates >= 0 && duplicates <= 1)) return bad("duplicates: a share from 0 to 1");
  if (sessions > k_most_files || recordings > k_most_files || stages > k_most_files ||
      sessions * (recordings + stages + 4) > k_most_files)
    return bad("sessions and recordings: " + std::to_string(k_most_files) + " files at most");
  if (!public_url.empty()) {
    if (const auto url = Url::parse(public_url); !url) return url.error().within("public_url");
    if (public_url.ends_with('/')) return bad("public_url: no slash at the end");
  }
  return {};
}

Result<std::vector<ArtifactKind>> parse_kinds(std::string_view text) {
  if (text::trim(text) == "all") return StandInOptions::every_kind();
  std::vector<ArtifactKind> kinds;
  for (const std::string_view word : text::split(text, ',')) {
    const auto kind = parse_artifact_kind(text::trim(word));
    if (!kind) {
      std::string known = "all";
      for (const ArtifactKind one : StandInOptions::every_kind())
        known += ", " + std::string(to_string(one));
      return bad("kind '" + text::printable(word) + "' is not known: " + known);
    }
    if (std::find(kinds.begin(), kinds.end(), *kind) == kinds.end()) kinds.push_back(*kind);
  }
  return kinds;
}

}  // namespace reelkeep::simulate
