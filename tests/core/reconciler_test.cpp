// The thread that compares the provider's archive, on a real journal and catalog.
#include <algorithm>
#include <doctest/doctest.h>

#include "core/archive_listing.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// A reconciler on a real journal and catalog.
struct Worker {
  Worker() {
    auto policy = std::make_shared<core::Policy>();
    policy->projects.push_back({.app_id = AppId("*"), .api = k_api});
    policy->retry.maximum = Duration(20);
    start_policy = policy;
    projection.policy = *policy;
  }
  std::unique_ptr<core::Reconciler> start() {
    return std::make_unique<core::Reconciler>(
        core::ReconcilerPorts{
            .api = &api,
            .provider = projection.provider.get(),
            .journal = projection.writer.get(),
            .clock = &clock,
            .open_catalog =
                [this] { return sqlite::open_catalog_reader(projection.dir.path("catalog.db")); }},
        start_policy);
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
    while (!holds() && std::chrono::steady_clock::now() < hang) (void)::poll(nullptr, 0, 5);
    return holds();
  }
  Projection projection;
  ScriptedApi api;
  TurnedClock clock;
  std::shared_ptr<const core::Policy> start_policy;
};

}  // namespace

TEST_CASE("once the catalog has caught up the archive is asked, a failure is tried again soon") {
  Worker worker;
  worker.api.answer(Error{Errc::unavailable, "down"});
  worker.api.answer(std::vector<std::string>{item("c1", k_old, k_files)});
  const auto reconciler = worker.start();
  CHECK(worker.api.queries().empty());
  reconciler->begin();
  CHECK(Worker::eventually([&] {
    const auto status = reconciler->status();
    const auto found = status.find("*");
    return found != status.end() && found->second.succeeded_at;
  }));
  reconciler->stop();
  const core::ReconcileStatus status = reconciler->status().at("*");
  CHECK(status.failures == 1);
  CHECK(status.found == 3);
  CHECK(status.succeeded_at == k_noon);
  CHECK(worker.api.queries().size() == 1 + 4);
  worker.projection.advance();
  CHECK(worker.projection.show().artifacts.size() == 3);
}

TEST_CASE("what expired, was lost or fails is fetched from the URL that the archive lists now") {
  const std::string webhook =
      body("recording", R"(,"recording":["https://f.enablex.io/1.mov?Expires=1"])");
  const std::string listing =
      item("c1", k_old, R"(,"recording":[{"url":"https://f.enablex.io/1.mov?Expires=2"}])");
  Worker worker;
  worker.projection.policy.projects.front().api.reset();  // no CDR in the way
  worker.projection.deliver(webhook);
  worker.projection.advance();
  Artifact artifact = worker.projection.show().artifacts.at(0).artifact;
  bool is_taken = true;
  SUBCASE("it fails") {
    artifact.state = ArtifactState::waiting;
    artifact.next_attempt_at = k_noon + std::chrono::hours(1);
    artifact.error = Error{Errc::unauthorized, "403"};
  }
  SUBCASE("it expired") {
    artifact.state = ArtifactState::expired;
    artifact.error = Error{Errc::not_found, "404"};
  }
  SUBCASE("it was archived and lost") {
    artifact.error = Error{Errc::corrupt, "missing"};
  }
  SUBCASE("it was not tried yet") {
    is_taken = false;
  }
  SUBCASE("it is archived") {
    artifact.state = ArtifactState::archived;
    is_taken = false;
  }
  SUBCASE("somebody gave it up") {
    artifact.state = ArtifactState::cancelled;
    artifact.error = Error{Errc::cancelled, "cancelled"};
    is_taken = false;
  }
  REQUIRE(worker.projection.catalog->transact([&]() -> Status {
    REELKEEP_TRY(worker.projection.catalog->put_artifact(artifact));
    return {};
  }));
  worker.api.answer(std::vector<std::string>{listing});
  const auto reconciler = worker.start();
  reconciler->begin();
  CHECK(Worker::eventually([&] {
    const auto status = reconciler->status();
    return status.contains("*") && status.at("*").succeeded_at;
  }));
  reconciler->stop();
  CHECK(reconciler->status().at("*").found == 0);  // no webhook was missed
  const Seq before = worker.projection.reader->end()->cursor;
  CHECK(before.get() == (is_taken ? 2 : 1));
  worker.projection.advance();
  const Artifact after = worker.projection.show().artifacts.at(0).artifact;
  CHECK(after.id == artifact.id);
  CHECK(after.url.ends_with(is_taken ? "=2" : "=1"));
  CHECK(after.state == (is_taken ? ArtifactState::planned : artifact.state));
}

TEST_CASE("a listing brings a URL to every stage at its source") {
  Projection projection;
  for (const char* stage : {"1", "2"})
    projection.deliver(body("transcoded", R"(,"recording":"https://f.enablex.io/t.mov","stage":")" +
                                              std::string(stage) + "\""));
  projection.advance();
  const auto fail = [&](const std::string& stage) {
    REQUIRE(projection.catalog->transact([&]() -> Status {
      for (const ArtifactView& view : projection.show().artifacts) {
        if (view.artifact.identity.stage != stage) continue;
        Artifact failed = view.artifact;
        failed.state = ArtifactState::expired;
        failed.error = Error{Errc::not_found, "404"};
        REELKEEP_TRY(projection.catalog->put_artifact(failed));
      }
      return {};
    }));
  };
  const auto wanted = [&] {
    const auto reader = sqlite::open_catalog_reader(projection.dir.path("catalog.db")).value();
    const auto known = core::CatalogSessions(*reader).known({AppId("a1"), ConfNum("c1")}).value();
    return known.offers.at({ArtifactKind::transcoded, SourceKey("f.enablex.io/t.mov")}).has_value();
  };
  CHECK_FALSE(wanted());
  fail("2");
  CHECK(wanted());
  const auto urls = [&] {
    std::vector<std::string> all;
    for (const ArtifactView& view : projection.show().artifacts)
      all.push_back(view.artifact.identity.stage + " " + view.artifact.url + " " +
                    std::string(to_string(view.artifact.state)));
    std::ranges::sort(all);
    return all;
  };
  fail("1");
  REQUIRE(
      projection.writer
          ->append_and_wait(
              {.kind = EntryKind::reconcile,
               .received_at = k_noon + Duration(1000),
               .body = item("c1", k_old,
                            R"(,"transcoded":[{"url":"https://f.enablex.io/t.mov?Expires=2"}])"),
               .remote = "api",
               .user = "a1"})
          .has_value());
  projection.advance();
  CHECK(urls()[1] == "1 https://f.enablex.io/t.mov?Expires=2 planned");
  CHECK(urls()[2] == "2 https://f.enablex.io/t.mov?Expires=2 planned");
}

TEST_CASE("a project that is given API credentials is asked at once, one without is not") {
  Worker worker;
  auto without = std::make_shared<core::Policy>(*worker.start_policy);
  without->projects.front().api.reset();
  const auto with = worker.start_policy;
  worker.start_policy = without;
  const auto reconciler = worker.start();
  reconciler->begin();
  reconciler->set_policy(without);
  CHECK(worker.api.queries().empty());
  reconciler->set_policy(with);
  CHECK(Worker::eventually([&] { return worker.api.queries().size() == 4; }));
  CHECK(worker.api.asked().front() == "a1");
}

TEST_CASE("with every = 0 nothing is asked by itself") {
  Worker worker;
  auto never = std::make_shared<core::Policy>(*worker.start_policy);
  never->reconcile_every = Duration(0);
  const auto asking = worker.start_policy;
  worker.start_policy = never;
  {
    const auto reconciler = worker.start();
    reconciler->begin();
    reconciler->set_policy(never);
    reconciler->stop();
    CHECK(worker.api.queries().empty());
  }
  const auto reconciler = worker.start();
  reconciler->begin();
  reconciler->set_policy(asking);
  CHECK(Worker::eventually([&] { return !worker.api.queries().empty(); }));
}
