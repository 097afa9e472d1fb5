#include "reelkeep/model/words.hpp"

#include <array>
#include <doctest/doctest.h>
#include <set>
#include <vector>

using namespace reelkeep;

namespace {

/// `words` are those that scripts rely on, in the order of the enum.
template <class Enum, class Parse>
void check_words(const std::vector<std::string_view>& words, Parse parse) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    CAPTURE(words[i]);
    const auto value = static_cast<Enum>(i);
    CHECK(to_string(value) == words[i]);
    CHECK(parse(words[i]) == value);
  }
  for (const char* stranger : {"", "Recording", "ARCHIVED", " open", "unknown"})
    CHECK_FALSE(parse(stranger).has_value());
}

}  // namespace

TEST_CASE("every word of the model is written as documented and read back to itself") {
  check_words<ArtifactKind>({"recording", "transcoded", "live_recording", "chatdata", "metadata",
                             "transcription", "cdr", "delivered"},
                            parse_artifact_kind);
  check_words<ArtifactState>({"planned", "running", "verifying", "waiting", "archived",
                              "quarantined", "expired", "cancelled", "delivered"},
                             parse_artifact_state);
  check_words<SessionState>({"lost", "overdue", "waiting", "open", "complete"},
                            parse_session_state);
  check_words<DeliveryState>({"pending", "applied", "ignored", "quarantined"},
                             parse_delivery_state);
  check_words<ReplicaState>({"verified", "superseded", "delivered", "missing", "corrupt"},
                            parse_replica_state);
  check_words<EntryKind>({"delivery", "reconcile", "command", "outcome"}, parse_entry_kind);
}

TEST_CASE("work is what is planned, running, verifying or waiting") {
  using enum ArtifactState;
  for (const ArtifactState state : {planned, running, verifying, waiting}) CHECK(is_work(state));
  for (const ArtifactState state : {archived, quarantined, expired, cancelled, delivered})
    CHECK_FALSE(is_work(state));
}
