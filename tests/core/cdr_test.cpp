#include "core/cdr.hpp"

#include <doctest/doctest.h>

#include "core/house.hpp"
#include "sqlite/catalog.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

const std::string k_cdr_url = "https://api.enablex.io/video/v2/cdr/conf/c1";
const std::string k_empty = R"({"result":"0","cdr":[]})";
const std::string k_rows = R"({"result":"0","cdr":[{"user":{"name":"Somebody"}}]})";

std::shared_ptr<core::Policy> with_api(const core::Policy& policy, const ApiAccess& api) {
  auto changed = std::make_shared<core::Policy>(policy);
  changed->projects.front().api = api;
  return changed;
}

bool all_archived(const SessionView& view) {
  return !view.artifacts.empty() && std::ranges::all_of(view.artifacts, [](const ArtifactView& it) {
    return it.artifact.state == ArtifactState::archived;
  });
}

}  // namespace

TEST_CASE("a roomdrop brings the CDR, which is waited for until it has rows") {
  House house;
  house.policy = with_api(*house.policy, k_api);
  house.reply(k_cdr_url, {{{}, k_empty}, {{}, R"({"result":5001,"error":"busy"})"}, {{}, k_rows}});
  house.start();
  house.deliver(body("roomdrop"));
  const SessionView waiting = house.until([](const SessionView& view) {
    return !view.artifacts.empty() && view.artifacts[0].artifact.error;
  });
  CHECK(waiting.artifacts[0].artifact.identity.kind == ArtifactKind::cdr);
  CHECK(waiting.artifacts[0].artifact.state == ArtifactState::waiting);
  CHECK(waiting.artifacts[0].artifact.error->message.starts_with("the CDR is not ready"));
  CHECK(house.eventually([&] { return house.requests(k_cdr_url) >= 3; }, std::chrono::minutes(20)));
  const SessionView done = house.until(all_archived);
  REQUIRE(done.artifacts.size() == 1);
  CHECK(done.artifacts[0].artifact.name == "cdr.json");
  CHECK(done.artifacts[0].artifact.digest == sha256(k_rows));
  CHECK(done.artifacts[0].artifact.path == "r1/c1/cdr/cdr.json");
}

TEST_CASE("a CDR too large to be read as a whole is archived when both its ends are there") {
  std::string whole = R"({"result":"0","cdr":[{"x":1})";
  while (whole.size() < 2 * 1024 * 1024)
    whole += R"(,{"user":{"name":"Somebody","ip":"192.0.2.1"}})";
  whole += "]}\n";
  House house;
  house.policy = with_api(*house.policy, k_api);
  house.reply(k_cdr_url, {{{}, whole.substr(0, whole.size() - 40)}, {{}, whole}});
  house.start();
  house.deliver(body("roomdrop"));
  const SessionView waiting = house.until([](const SessionView& view) {
    return !view.artifacts.empty() && view.artifacts[0].artifact.error;
  });
  CHECK(waiting.artifacts[0].artifact.error->code == Errc::corrupt);
  CHECK(waiting.artifacts[0].artifact.error->message.find("no whole JSON") != std::string::npos);
  CHECK(house.eventually([&] { return house.requests(k_cdr_url) >= 2; }, std::chrono::minutes(20)));
  CHECK(house.until(all_archived).artifacts[0].artifact.digest == sha256(whole));
}

TEST_CASE("without API credentials a roomdrop makes nothing that could be overdue") {
  Projection projection;
  projection.policy.projects.front().api.reset();
  const Seq seq = projection.deliver(body("roomdrop"));
  projection.advance();
  CHECK(projection.show().session.cdr_ready);
  CHECK(projection.show().artifacts.empty());

  SUBCASE("given later, a replay of the roomdrop brings it") {
    projection.policy.projects.front().api = k_api;
    projection.record(EntryKind::command, encode(ReplayCommand{{seq}}));
    projection.advance();
    CHECK(projection.show().artifacts.size() == 1);
  }
  SUBCASE("given later, whatever is heard of the session brings it, once") {
    projection.policy.projects.front().api = k_api;
    projection.deliver(body("session_stop"));
    projection.deliver(body("session_start"));
    projection.advance();
    CHECK(projection.show().artifacts.size() == 1);
  }
}

TEST_CASE("a CDR is the same artifact wherever the API is, and is asked for where it is now") {
  House house;
  const ApiAccess old{Url::parse("https://old.enablex.io/v1/").value(), k_api.credential};
  house.policy = with_api(*house.policy, old);
  house.start();
  house.deliver(body("roomdrop"));
  const SessionView before = house.until([](const SessionView& view) {
    return !view.artifacts.empty() && view.artifacts[0].artifact.error;
  });
  house.reply(k_cdr_url, {{{}, k_rows}});
  house.agent->set_policy(with_api(*house.policy, k_api));
  CHECK(house.eventually([&] { return house.requests(k_cdr_url) >= 1; }, std::chrono::minutes(20)));
  const SessionView after = house.until(all_archived);
  REQUIRE(after.artifacts.size() == 1);
  CHECK(after.artifacts[0].artifact.id == before.artifacts[0].artifact.id);
}

TEST_CASE("a listed session is applied like its webhooks, and with them in any order") {
  const std::string item =
      R"({"trans_date":"2026-01-04T10:00:00Z","conf_num":"c1","room_id":"r1","transcoded":)"
      R"([{"url":"https://portal.enablex.io/p/t.mov"}]})";
  const std::string webhook =
      body("transcoded", R"(,"recording":"https://portal.enablex.io/p/t.mov","stage":"2")");
  const auto ids = [&](bool listed_first) {
    Projection projection;
    const auto listed = [&] {
      REQUIRE(
          projection.writer
              ->append_and_wait(
                  {.kind = EntryKind::reconcile, .received_at = k_noon, .body = item, .user = "a1"})
              .has_value());
    };
    if (listed_first) listed();
    projection.deliver(webhook);
    if (!listed_first) listed();
    listed();
    projection.advance();
    std::vector<std::string> found;
    for (const ArtifactView& view : projection.show().artifacts)
      found.push_back(std::string(to_string(view.artifact.identity.kind)) +
                      view.artifact.identity.stage + view.artifact.id.get());
    std::ranges::sort(found);
    std::size_t shown = 0;
    REQUIRE(sqlite::open_catalog_reader(projection.dir.path("catalog.db"))
                .value()
                ->deliveries({}, [&](const DeliveryRecord&) { return ++shown > 0; })
                .has_value());
    CHECK(shown == 1);  // a listing is no delivery
    return found;
  };
  CHECK(ids(true).size() == 2);
  CHECK(ids(true) == ids(false));
}

TEST_CASE("the pair for the API goes to its own host only") {
  const HostRules rules =
      core::api_rules({Url::parse("http://[::1]:8090/video/v2/").value(), k_api.credential});
  REQUIRE(rules.hosts.size() == 1);
  CHECK(rules.allow_plain_http);
  CHECK(rules.hosts[0].matches(Url::parse("http://[::1]:8090/x").value()));
  CHECK_FALSE(rules.hosts[0].matches(Url::parse("http://[::1]:8091/x").value()));
  CHECK(rules.redirect_hosts.empty());
  CHECK_FALSE(core::api_rules(k_api).allow_plain_http);
}
