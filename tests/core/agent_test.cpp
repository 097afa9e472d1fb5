#include <doctest/doctest.h>
#include <fstream>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("an offered file ends archived, published read-only with its manifest line") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  const SessionView view = house.until_state(ArtifactState::archived);
  CHECK(house.dir.read(k_file) == movie("one"));
  CHECK(house.dir.mode(k_file) == 0440);
  CHECK(first(view).digest == sha256(movie("one")));
  CHECK(house.dir.read("archive/r1/c1/manifest-sha256.txt") ==
        sha256(movie("one")).hex() + "  recording/f.mov\n");
  REQUIRE(view.artifacts[0].replicas.size() == 1);
  CHECK(view.artifacts[0].replicas[0].location == house.dir.path(k_file));
  CHECK(house.attempts(first(view)).empty());  // what comes at once leaves no history
  house.stop();
  CHECK(house.staging->list().value().empty());
}

TEST_CASE("a 404 before the deadline waits and is tried again") {
  House house;
  house.reply(k_url, {{Error{Errc::not_found, "404"}, ""}, {{}, movie("late")}});
  house.start();
  house.deliver(k_offer);
  const SessionView waiting = house.until_state(ArtifactState::waiting);
  CHECK(first(waiting).error->code == Errc::not_found);
  CHECK(first(waiting).attempts == 1);
  CHECK(first(waiting).next_attempt_at > house.clock.now());
  house.clock.turn(std::chrono::minutes(20));
  const SessionView archived = house.until_state(ArtifactState::archived);
  CHECK(first(archived).attempts == 2);
  // What went wrong is remembered, with what came of it in the end.
  const std::vector<Attempt> attempts = house.attempts(first(archived));
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0].error->code == Errc::not_found);
  CHECK(attempts[0].number == 1);
  CHECK_FALSE(attempts[1].error.has_value());
  CHECK(attempts[1].number == 2);
  CHECK(attempts[1].at > attempts[0].at);
}

TEST_CASE("a 404 after the deadline expires the artifact, and a repeated delivery revives it") {
  House house;
  house.reply(k_url, {{Error{Errc::not_found, "404"}, ""}});
  house.clock.turn(std::chrono::hours(80));
  house.start();
  house.deliver(k_offer);
  CHECK(first(house.until_state(ArtifactState::expired)).error->code == Errc::not_found);
  CHECK(house.requests(k_url) == 1);
  house.reply(k_url, {{{}, movie("again")}});
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
}

TEST_CASE("an error page is never saved as a recording; the newest bad body is kept for accept") {
  House house;
  const std::string page = "<!doctype html><html><body>log in</body></html>";
  house.reply(k_url, {{{}, page}});
  house.start();
  house.deliver(k_offer);
  const SessionView waiting = house.until_state(ArtifactState::waiting);
  CHECK(first(waiting).error->code == Errc::corrupt);
  CHECK_FALSE(house.dir.exists(k_file));
  house.command(AcceptCommand{first(waiting).identity.session, first(waiting).id});
  house.until_state(ArtifactState::archived);
  CHECK(house.dir.read(k_file) == page);
}

TEST_CASE("what is still in memory is judged there, and not read again") {
  House house;
  house.script.in_memory = "<!doctype html><html><body>log in</body></html>";
  house.reply(k_url, {{{}, movie("not read")}});
  house.start();
  house.deliver(k_offer);
  CHECK(first(house.until_state(ArtifactState::waiting)).error->code == Errc::corrupt);
}

TEST_CASE("wrong content is quarantined only at the end of the span after the deadline") {
  House house;
  house.reply(k_url, {{{}, "plain text"}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::waiting);
  house.clock.turn(std::chrono::hours(24 * 7));
  const SessionView view = house.until_state(ArtifactState::quarantined);
  CHECK(first(view).bad_digest == sha256("plain text"));
  house.command(AcceptCommand{first(view).identity.session, first(view).id});
  house.until_state(ArtifactState::archived);
}

TEST_CASE("a wrong declared size is fetched once more and then archived as disputed") {
  House house;
  house.reply("https://portal.enablex.io/p/t.mov", {{{}, movie("t")}});
  house.start();
  house.deliver(
      body("transcoded", R"(,"recording":"https://portal.enablex.io/p/t.mov","file_size":"7")"));
  house.until_state(ArtifactState::waiting);
  house.clock.turn(std::chrono::minutes(20));
  const SessionView view = house.until_state(ArtifactState::archived);
  CHECK(first(view).disputed);
  CHECK(house.requests("https://portal.enablex.io/p/t.mov") == 2);
}

TEST_CASE("fetching again the same bytes renews verified_at and moves nothing") {
  House house;
  house.reply(k_url, {{{}, movie("same")}});
  house.start();
  house.deliver(k_offer);
  const SessionView before = house.until_state(ArtifactState::archived);
  house.clock.turn(std::chrono::minutes(1));
  house.command(RedownloadCommand{first(before).identity.session, {first(before).id}, false});
  const SessionView after = house.until([&](const SessionView& view) {
    return view.artifacts[0].replicas[0].verified_at > before.artifacts[0].replicas[0].verified_at;
  });
  CHECK(first(after).state == ArtifactState::archived);
  CHECK(after.artifacts[0].replicas.size() == 1);
  CHECK(house.dir.read("archive/r1/c1/manifest-sha256.txt").find('\n') ==
        house.dir.read("archive/r1/c1/manifest-sha256.txt").rfind('\n'));
}

TEST_CASE("fetching again other bytes keeps the old beside the new, unless --replace") {
  House house;
  house.reply(k_url, {{{}, movie("old")}, {{}, movie("newer")}, {{}, movie("newest")}});
  house.start();
  house.deliver(k_offer);
  const SessionView old = house.until_state(ArtifactState::archived);
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  const SessionView newer = house.until([](const SessionView& view) {
    return first(view).digest == sha256(movie("newer")) && !first(view).refetch;
  });
  CHECK(newer.artifacts[0].replicas.size() == 2);
  CHECK(house.dir.read(k_file) == movie("old"));
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, true});
  // Only what this refetch superseded goes; what was kept before stays kept.
  const SessionView newest = house.until([](const SessionView& view) {
    return first(view).digest == sha256(movie("newest")) && view.artifacts[0].replicas.size() == 2;
  });
  for (const Replica& replica : newest.artifacts[0].replicas)
    CHECK(replica.digest != sha256(movie("newer")));
  CHECK(house.dir.read(k_file) == movie("old"));
}

TEST_CASE("a failed refetch changes nothing but the error") {
  House house;
  house.reply(k_url, {{{}, movie("good")}, {Error{Errc::not_found, "404 now"}, ""}});
  house.start();
  house.deliver(k_offer);
  const SessionView before = house.until_state(ArtifactState::archived);
  house.command(RedownloadCommand{first(before).identity.session, {first(before).id}, false});
  const SessionView after = house.until([](const SessionView& view) {
    return !first(view).refetch && first(view).error.has_value();
  });
  CHECK(first(after).state == ArtifactState::archived);
  CHECK(first(after).error->code == Errc::not_found);
  CHECK(after.artifacts[0].replicas == before.artifacts[0].replicas);
  CHECK(house.dir.read(k_file) == movie("good"));
}

TEST_CASE("a cancelled transfer leaves nothing in staging and is never fetched again") {
  House house;
  {
    std::lock_guard lock(house.script.mutex);
    house.script.held = true;
  }
  house.start();
  house.deliver(k_offer);
  const SessionView running = house.until_state(ArtifactState::running);
  house.command(CancelCommand{first(running).identity.session, {first(running).id}, "not wanted"});
  house.until([](const SessionView& view) {
    return first(view).state == ArtifactState::cancelled && !first(view).in_hand;
  });
  house.deliver(k_offer);
  house.stop();
  CHECK(house.requests(k_url) == 1);
  CHECK(house.staging->list().value().empty());
}

TEST_CASE("what was in hand at a stop is planned again at the next start") {
  House house;
  {
    std::lock_guard lock(house.script.mutex);
    house.script.held = true;
  }
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::running);
  house.stop();
  {
    std::lock_guard lock(house.script.mutex);
    house.script.held = false;
  }
  house.reply(k_url, {{{}, movie("after")}});
  house.start();
  CHECK(first(house.until_state(ArtifactState::archived)).attempts == 1);
}
