#pragma once

#include <string>

#include "reelkeep/model/session.hpp"

#include "cli/output.hpp"

// What people are told. All pure.
namespace reelkeep::cli {

[[nodiscard]] Tone tone_of(SessionState state);
[[nodiscard]] Tone tone_of(ArtifactState state);
[[nodiscard]] Tone tone_of(DeliveryState state);
[[nodiscard]] Tone tone_of(const Replica& replica);

/// "1 artifact", "3 artifacts".
[[nodiscard]] std::string count(std::size_t number, const std::string& noun);
/// The state and why: "overdue: 2 of 5 artifacts not archived, first deadline in 3h".
[[nodiscard]] std::string describe(const SessionView& view, SessionState state, Timestamp now);
/// The same of a row of `sessions`, which knows less.
[[nodiscard]] std::string describe(const SessionSummary& summary, Timestamp now);
/// Where it is; what it is unless it is good; and what is to be said of it.
[[nodiscard]] std::string describe(const Replica& replica);
/// The artifact's error with the way out: "corrupt: ...; to keep the bytes: reelkeep accept ...".
[[nodiscard]] std::string describe_error(const ArtifactView& view);
/// What would help, where its error tells; else empty.
[[nodiscard]] std::string describe_way_out(const ArtifactView& view);
/// What an artifact is called for people: kind, stage and name.
[[nodiscard]] std::string title(const Artifact& artifact);

}  // namespace reelkeep::cli
