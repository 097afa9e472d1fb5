#include <doctest/doctest.h>

#include "daemon/operator_orders.hpp"

namespace reelkeep::daemon {
namespace {

ArtifactView artifact(const std::string& id, ArtifactState state,
                      ArtifactKind kind = ArtifactKind::recording) {
  ArtifactView view;
  view.artifact.id = ArtifactId(id);
  view.artifact.identity.kind = kind;
  view.artifact.state = state;
  return view;
}

SessionView session(std::vector<ArtifactView> artifacts) {
  SessionView view;
  view.session.key = {AppId("app"), ConfNum("C1")};
  view.artifacts = std::move(artifacts);
  return view;
}

std::string chosen(const Result<Selection>& selection) {
  std::string ids;
  for (const ArtifactView& view : selection.value().chosen) ids += view.artifact.id.get() + " ";
  return ids;
}

const SessionView k_session =
    session({artifact("aa1", ArtifactState::archived), artifact("ab2", ArtifactState::waiting),
             artifact("c3", ArtifactState::cancelled),
             artifact("d4", ArtifactState::delivered, ArtifactKind::delivered),
             artifact("e5", ArtifactState::archived, ArtifactKind::chatdata)});

TEST_CASE("without a choice all that can be fetched is fetched, the rest is named") {
  const auto selection = choose_to_fetch(k_session, {});
  CHECK(chosen(selection) == "aa1 ab2 e5 ");
  REQUIRE(selection->skipped.size() == 2);
  CHECK(selection->skipped[0].id == ArtifactId("c3"));
}

TEST_CASE("artifacts are named by the beginning of their id") {
  CHECK(chosen(choose_to_fetch(k_session, {.artifacts = {"AA"}})) == "aa1 ");
  CHECK(choose_to_fetch(k_session, {.artifacts = {"a"}}).error().code == Errc::conflict);
  CHECK(choose_to_fetch(k_session, {.artifacts = {"f"}}).error().code == Errc::not_found);
  CHECK(choose_to_fetch(k_session, {.artifacts = {""}}).error().code == Errc::not_found);
}

TEST_CASE("kinds narrow the choice, and a kind that is not there is not found") {
  CHECK(chosen(choose_to_fetch(k_session, {.kinds = {ArtifactKind::chatdata}})) == "e5 ");
  CHECK(choose_to_fetch(k_session, {.kinds = {ArtifactKind::cdr}}).error().code == Errc::not_found);
  CHECK(choose_to_fetch(session({}), {}).error().code == Errc::not_found);
}

TEST_CASE("a cancelled artifact that is named is a conflict") {
  const auto selection = choose_to_fetch(k_session, {.artifacts = {"c3"}});
  CHECK(selection.error().code == Errc::conflict);
  CHECK(selection.error().message.find("never fetched again") != std::string::npos);
}

TEST_CASE("failed is what waits after an error, was given up, or lacks a good replica") {
  CHECK_FALSE(has_failed(artifact("a", ArtifactState::waiting)));
  ArtifactView waiting = artifact("a", ArtifactState::waiting);
  waiting.artifact.error = Error{Errc::timeout, "too slow"};
  CHECK(has_failed(waiting));
  for (const ArtifactState state : {ArtifactState::planned, ArtifactState::running}) {
    ArtifactView tried_again = waiting;
    tried_again.artifact.state = state;
    CHECK(has_failed(tried_again));
    CHECK_FALSE(has_failed(artifact("a", state)));
  }
  CHECK(has_failed(artifact("a", ArtifactState::expired)));
  CHECK(has_failed(artifact("a", ArtifactState::quarantined)));
  CHECK_FALSE(has_failed(artifact("a", ArtifactState::archived)));
  ArtifactView broken = artifact("a", ArtifactState::archived);
  broken.replicas.push_back(Replica{.state = ReplicaState::corrupt});
  CHECK(has_failed(broken));
  CHECK(chosen(choose_to_fetch(k_session, {.failed = true})).empty());
  CHECK(choose_to_fetch(session({broken, waiting}), {.failed = true})->chosen.size() == 2);
}

TEST_CASE("giving up leaves alone what is archived or already given up") {
  CHECK(chosen(choose_to_cancel(k_session, {})) == "ab2 ");
  CHECK(choose_to_cancel(k_session, {.artifacts = {"aa1"}}).error().code == Errc::conflict);
  ArtifactView again = artifact("a", ArtifactState::archived);
  again.artifact.refetch = true;
  CHECK(chosen(choose_to_cancel(session({again}), {})) == "a ");
}

TEST_CASE("only bytes that were set aside can be accepted") {
  ArtifactView bad = artifact("a", ArtifactState::quarantined);
  CHECK(check_acceptable(bad).error().code == Errc::conflict);
  bad.artifact.bad_digest = Digest{};
  CHECK(check_acceptable(bad));
  bad.artifact.in_hand = true;
  CHECK(check_acceptable(bad).error().code == Errc::conflict);
}

}  // namespace
}  // namespace reelkeep::daemon
