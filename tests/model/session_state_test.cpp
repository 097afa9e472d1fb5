#include <array>
#include <doctest/doctest.h>
#include <vector>

#include "reelkeep/model/session.hpp"

using namespace reelkeep;
using namespace std::chrono_literals;

namespace {

const Timestamp k_now{Duration(1'000'000'000'000)};
constexpr Duration k_warn = 12h;

constexpr std::array k_states{
    ArtifactState::planned, ArtifactState::running,   ArtifactState::verifying,
    ArtifactState::waiting, ArtifactState::archived,  ArtifactState::quarantined,
    ArtifactState::expired, ArtifactState::cancelled, ArtifactState::delivered};

/// Ended; nothing of it in hand, deadline two days ahead.
Session ended() {
  Session session;
  session.started_at = k_now - 3h;
  session.ended_at = k_now - 2h;
  return session;
}

ArtifactStanding standing(ArtifactState state) {
  return {.state = state,
          .refetch_only = false,
          .has_verified_replica = state == ArtifactState::archived,
          .complete_in_staging = state == ArtifactState::verifying,
          .deadline = k_now + 48h};
}

SessionState state_of(const std::vector<ArtifactStanding>& artifacts,
                      const Session& session = ended()) {
  return session_state(session, artifacts, k_now, k_warn);
}

ArtifactView view(ArtifactState state, Duration until_deadline) {
  ArtifactView artifact;
  artifact.artifact.state = state;
  artifact.artifact.deadline = k_now + until_deadline;
  return artifact;
}

Replica replica(ReplicaState state) {
  Replica made;
  made.state = state;
  return made;
}

}  // namespace

TEST_CASE("one artifact alone gives the session its state") {
  using enum ArtifactState;
  for (const ArtifactState state : k_states) {
    CAPTURE(to_string(state));
    SessionState expected = SessionState::waiting;
    if (state == archived) expected = SessionState::complete;
    if (state == expired || state == quarantined) expected = SessionState::lost;
    if (state == cancelled || state == delivered) expected = SessionState::open;
    CHECK(state_of({standing(state)}) == expected);
  }
}

TEST_CASE("of any two artifacts the worse one speaks") {
  // The order of SessionState is the order in which the states hold.
  for (const ArtifactState a : k_states)
    for (const ArtifactState b : k_states) {
      CAPTURE(to_string(a));
      CAPTURE(to_string(b));
      const SessionState alone_a = state_of({standing(a)});
      const SessionState alone_b = state_of({standing(b)});
      // What counts for nothing leaves the word to the other.
      const bool a_silent = alone_a == SessionState::open;
      const bool b_silent = alone_b == SessionState::open;
      const SessionState expected = a_silent   ? alone_b
                                    : b_silent ? alone_a
                                               : std::min(alone_a, alone_b);
      CHECK(state_of({standing(a), standing(b)}) == expected);
    }
}

TEST_CASE("what is verified in a store or complete in staging is not lost") {
  for (const ArtifactState state : {ArtifactState::expired, ArtifactState::quarantined}) {
    ArtifactStanding artifact = standing(state);
    artifact.has_verified_replica = true;
    CHECK(state_of({artifact}) == SessionState::complete);
    artifact.has_verified_replica = false;
    artifact.complete_in_staging = true;
    CHECK(state_of({artifact}) == SessionState::complete);
    CHECK(state_of({artifact, standing(state)}) == SessionState::lost);
  }
}

TEST_CASE("work is overdue from warn_before on and after the deadline") {
  for (const ArtifactState state :
       {ArtifactState::planned, ArtifactState::running, ArtifactState::waiting}) {
    ArtifactStanding artifact = standing(state);
    artifact.deadline = k_now + k_warn;
    CHECK(state_of({artifact}) == SessionState::waiting);
    artifact.deadline = k_now + k_warn - 1ms;
    CHECK(state_of({artifact}) == SessionState::overdue);
    artifact.deadline = k_now - 100h;
    CHECK(state_of({artifact}) == SessionState::overdue);
    CHECK(state_of({artifact, standing(ArtifactState::expired)}) == SessionState::lost);
  }
}

TEST_CASE("a deadline threatens nothing that is complete in staging, archived or given up") {
  for (const ArtifactState state : k_states) {
    ArtifactStanding artifact = standing(state);
    artifact.complete_in_staging = true;
    artifact.deadline = k_now - 1h;
    CAPTURE(to_string(state));
    CHECK(state_of({artifact}) != SessionState::overdue);
    CHECK((state_of({artifact}) == SessionState::waiting) == is_work(state));
  }
}

TEST_CASE("a pending redownload of what is archived is not work left") {
  for (const ArtifactState state :
       {ArtifactState::planned, ArtifactState::running, ArtifactState::waiting}) {
    ArtifactStanding artifact = standing(state);
    artifact.refetch_only = true;
    artifact.has_verified_replica = true;
    artifact.deadline = k_now - 1h;
    CHECK(state_of({artifact}) == SessionState::complete);
  }
}

TEST_CASE("a session is open while it runs and until something of it counts") {
  Session running;
  running.started_at = k_now - 1h;
  CHECK(state_of({}, running) == SessionState::open);
  CHECK(state_of({standing(ArtifactState::archived)}, running) == SessionState::open);
  CHECK(state_of({standing(ArtifactState::waiting)}, running) == SessionState::waiting);
  CHECK(state_of({}) == SessionState::open);
  CHECK(state_of({standing(ArtifactState::delivered), standing(ArtifactState::cancelled)}) ==
        SessionState::open);
  // Neither start nor stop was ever heard.
  CHECK(state_of({standing(ArtifactState::archived)}, Session{}) == SessionState::complete);
}

TEST_CASE("a view says of its artifacts what the state needs") {
  SessionView session{ended(), {view(ArtifactState::archived, 1h)}};
  session.artifacts[0].replicas = {replica(ReplicaState::verified)};
  CHECK(session_state(session, k_now, k_warn) == SessionState::complete);

  session.artifacts[0].artifact.state = ArtifactState::expired;
  CHECK(session_state(session, k_now, k_warn) == SessionState::complete);
  for (const ReplicaState state : {ReplicaState::superseded, ReplicaState::delivered,
                                   ReplicaState::missing, ReplicaState::corrupt}) {
    session.artifacts[0].replicas = {replica(state)};
    CHECK(session_state(session, k_now, k_warn) == SessionState::lost);
  }
  session.artifacts[0].artifact.digest = Digest{};
  CHECK(session_state(session, k_now, k_warn) == SessionState::complete);

  session.artifacts[0].artifact.state = ArtifactState::waiting;
  CHECK(session_state(session, k_now, k_warn) == SessionState::waiting);
  session.artifacts[0].artifact.digest.reset();
  CHECK(session_state(session, k_now, k_warn) == SessionState::overdue);
}

TEST_CASE("a view tells a redownload of what is archived from one of what is lost") {
  SessionView session{ended(), {view(ArtifactState::running, -1h)}};
  session.artifacts[0].artifact.refetch = true;
  CHECK(session_state(session, k_now, k_warn) == SessionState::overdue);
  session.artifacts[0].replicas = {replica(ReplicaState::verified)};
  CHECK(session_state(session, k_now, k_warn) == SessionState::complete);
}

TEST_CASE("a session's deadline is the nearest of what must still come") {
  SessionView session{ended(), {}};
  CHECK(session_deadline(session) == std::nullopt);
  session.artifacts.push_back(view(ArtifactState::delivered, 90h));
  session.artifacts.push_back(view(ArtifactState::cancelled, 90h));
  CHECK(session_deadline(session) == std::nullopt);
  session.artifacts.push_back(view(ArtifactState::archived, 50h));
  session.artifacts.push_back(view(ArtifactState::expired, 60h));
  CHECK(session_deadline(session) == k_now + 60h);
  session.artifacts.push_back(view(ArtifactState::verifying, 1h));
  CHECK(session_deadline(session) == k_now + 60h);
  session.artifacts.push_back(view(ArtifactState::waiting, 30h));
  session.artifacts.push_back(view(ArtifactState::planned, -2h));
  session.artifacts.push_back(view(ArtifactState::running, 40h));
  CHECK(session_deadline(session) == k_now - 2h);
}
