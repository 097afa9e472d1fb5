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

TEST_CASE("wrong credentials cost a handful of requests, and a reload lets the work go on") {
  House house;
  std::string urls;
  for (int i = 0; i < 200; ++i) {
    const std::string url = "https://portal.enablex.io/p/" + std::to_string(i) + ".mov";
    urls += (i == 0 ? "\"" : ",\"") + url + "\"";
    house.reply(url, {{Error{Errc::unauthorized, "403"}, ""}});
  }
  house.start();
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
  while (house.agent->status().open_breakers.empty() && std::chrono::steady_clock::now() < hang)
    house.agent->wake();
  REQUIRE(house.agent->status().open_breakers.size() == 1);
  CHECK(house.agent->status().open_breakers[0].key == "*");
  house.clock.turn(std::chrono::minutes(10));
  house.until(
      [&](const SessionView&) { return house.agent->status().failures[Errc::unauthorized] > 3; });
  int requests = 0;
  for (int i = 0; i < 200; ++i)
    requests += house.requests("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  CHECK(requests < 20);
  // No attempt was burned by the artifacts that found the breaker open.
  std::int64_t attempts = 0;
  for (const ArtifactView& v : house.until([](const SessionView&) { return true; }).artifacts)
    attempts += v.artifact.attempts;
  CHECK(attempts <= 2);

  for (int i = 0; i < 200; ++i)
    house.reply("https://portal.enablex.io/p/" + std::to_string(i) + ".mov", {{{}, movie("ok")}});
  auto mended = std::make_shared<core::Policy>(*house.policy);
  mended->projects[0].credential = Credential{"u", Secret("right")};
  house.agent->set_policy(mended);
  house.clock.turn(std::chrono::minutes(20));
  house.until_state(ArtifactState::archived);
}

TEST_CASE(
    "10,000 files behind a wrong password cost a handful, and go on once it is mended there") {
  House house;
  constexpr int k_files = 10'000;
  const auto url = [](int i) { return "https://portal.enablex.io/p/" + std::to_string(i); };
  std::string urls;
  for (int i = 0; i < k_files; ++i) {
    urls += (i == 0 ? "\"" : ",\"") + url(i) + "\"";
    house.reply(url(i), {{Error{Errc::unauthorized, "403"}, ""}});
  }
  const auto requests = [&] {
    int sum = 0;
    for (int i = 0; i < k_files; ++i) sum += house.requests(url(i));
    return sum;
  };
  house.start();
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  REQUIRE(house.eventually([&] { return !house.agent->status().open_breakers.empty(); }));
  // Ten minutes, minute by minute: one probe each at most, and the first ones more often.
  for (int minute = 0; minute < 10; ++minute) {
    const auto before = house.agent->status().failures[Errc::unauthorized];
    house.clock.turn(std::chrono::minutes(1));
    CHECK(house.eventually(
        [&] { return house.agent->status().failures[Errc::unauthorized] > before; }));
  }
  CHECK(house.agent->status().open_breakers.size() == 1);
  const int spent = requests();
  MESSAGE("requests for 10,000 files in ten minutes: ", spent);
  CHECK(spent < 40);

  for (int i = 0; i < k_files; ++i) house.reply(url(i), {{{}, movie("ok")}});
  house.clock.turn(std::chrono::minutes(1));
  CHECK(house.eventually(
      [&] { return house.agent->status().open_breakers.empty() && requests() > spent + 10; }));
}

TEST_CASE("of 100 files the one with the earliest deadline is refused for ever: 99 are archived") {
  House house;
  std::string urls;
  for (int i = 0; i < 99; ++i) {
    const std::string url = "https://portal.enablex.io/p/" + std::to_string(i) + ".mov";
    urls += (i == 0 ? "\"" : ",\"") + url + "\"";
    house.reply(url, {{{}, movie(std::to_string(i))}});
  }
  house.reply(k_url, {{Error{Errc::unauthorized, "403"}, ""}});
  house.deliver(
      R"({"type":"recording","trans_date":1767510000,"app_id":"a1","room_id":"r1","conf_num":"c1","recording":")" +
      k_url + "\"}");
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  house.start();
  const SessionView view = house.until([](const SessionView& v) {
    return std::ranges::count_if(v.artifacts, [](const ArtifactView& a) {
             return a.artifact.state == ArtifactState::archived;
           }) == 99;
  });
  CHECK(std::ranges::count_if(view.artifacts, [](const ArtifactView& a) {
          return a.artifact.state == ArtifactState::waiting;
        }) == 1);
  CHECK(house.agent->status().open_breakers.empty());
}

TEST_CASE("a full disk pauses downloads without burning attempts and resumes by itself") {
  House house;
  house.reply(k_url, {{Error{Errc::no_space, "disk full"}, ""}, {{}, movie("fits now")}});
  house.start();
  house.deliver(k_offer);
  house.until([](const SessionView& view) { return first(view).error.has_value(); });
  CHECK(house.agent->status().disk_paused);
  house.clock.turn(std::chrono::seconds(30));
  const SessionView archived = house.until_state(ArtifactState::archived);
  CHECK(first(archived).attempts == 1);
  REQUIRE(house.attempts(first(archived)).size() == 1);
  CHECK(house.attempts(first(archived))[0].error->code == Errc::no_space);
  CHECK(house.attempts(first(archived))[0].number == 0);
}

TEST_CASE("a missing store keeps complete bytes in staging until it is back") {
  House house;
  house.reply(k_url, {{{}, movie("kept")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  const std::string second = "https://portal.enablex.io/p/g.mov";
  house.reply(second, {{{}, movie("second")}});
  house.deliver(body("recording", ",\"recording\":\"" + second + "\""));
  house.until([](const SessionView& view) {
    return std::ranges::any_of(view.artifacts, [](const ArtifactView& v) {
      return v.artifact.state == ArtifactState::verifying && v.artifact.error.has_value();
    });
  });
  CHECK_FALSE(house.dir.exists("archive"));
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  house.clock.turn(std::chrono::minutes(20));
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(second) == 1);
}

TEST_CASE("a store that goes away is told without anything to publish, and so is its return") {
  House house;
  house.reply(k_url, {{{}, movie("there")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  const auto told = [&](std::size_t problems) {
    const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
    while (house.agent->status().store_problems.size() != problems) {
      REQUIRE(std::chrono::steady_clock::now() < hang);
      house.clock.turn(std::chrono::seconds(10));
      house.agent->wake();
      (void)::poll(nullptr, 0, 10);
    }
  };
  told(0);
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  told(1);
  CHECK_FALSE(house.dir.exists("archive"));
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  told(0);
}

TEST_CASE("complete bytes that were there at two deaths are held back, then published") {
  House house;
  house.reply(k_url, {{{}, movie("one")}});
  house.start();
  house.deliver(k_offer);
  const ArtifactRow row = first(house.until_state(ArtifactState::archived)).row;
  house.stop();
  {
    // What a run left behind that died while it published, as one before it did.
    auto catalog = sqlite::open_catalog(house.dir.path("catalog.db")).value();
    auto artifact = catalog->artifact(row).value().value();
    artifact.state = ArtifactState::verifying;
    artifact.deaths = 1;
    auto replica = catalog->replicas(row).value().at(0);
    replica.state = ReplicaState::missing;
    REQUIRE(catalog
                ->transact([&]() -> Status {
                  REELKEEP_TRY(catalog->put_replica(row, replica));
                  REELKEEP_TRY(catalog->put_artifact(artifact));
                  REELKEEP_TRY(catalog->put_pending({.artifact = row,
                                                     .store = StoreId("local"),
                                                     .digest = *artifact.digest,
                                                     .size = *artifact.size,
                                                     .due_at = house.clock.now()}));
                  return catalog->set_note("running", "1");
                })
                .has_value());
  }
  house.start();
  const SessionView held = house.until([&](const SessionView& view) {
    return first(view).error.has_value() && house.agent->status().store_problems.empty();
  });
  CHECK(first(held).state == ArtifactState::verifying);
  CHECK(first(held).error->code == Errc::internal);
  CHECK(first(held).next_attempt_at > house.clock.now());
  house.clock.turn(std::chrono::minutes(20));
  CHECK_FALSE(first(house.until_state(ArtifactState::archived)).error.has_value());
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("a catalog that is damaged while in use ends the agent, and the next start rebuilds it") {
  House house;
  house.reply(k_url, {{{}, movie("kept")}});
  house.start();
  house.deliver(k_offer);
  house.until_state(ArtifactState::archived);
  house.stop();
  {
    // A page in the middle, not the header: opening does not see it.
    std::fstream file(house.dir.path("catalog.db"),
                      std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 40; ++page) {
      file.seekp(page * 4096);
      file << std::string(4096, '\xee');
    }
  }
  house.start();
  const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
  house.deliver(body("session_stop"));
  while (!house.agent->status().ended && std::chrono::steady_clock::now() < hang) {
    house.agent->wake();
    if (!house.agent->status().catching_up && house.dir.exists("catalog.db")) break;
  }
  house.stop();
  house.start();
  const SessionView view = house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
  CHECK(view.session.ended_at.has_value());
}
