#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include <future>

#include "core/house.hpp"
#include "core/reconciler.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using core::Youth;

namespace {

/// Answers each question in turn, the last answer for ever.
class ScriptedApi final : public ProviderApi {
 public:
  Result<std::vector<std::string>> archive(const ApiAccess& access, const ArchiveQuery& query,
                                           const std::atomic<bool>*) override {
    std::lock_guard lock(m_mutex);
    m_asked.push_back(access.credential.username);
    m_queries.push_back(query);
    if (m_answers.empty()) return std::vector<std::string>();
    Result<std::vector<std::string>> answer = m_answers.front();
    if (m_answers.size() > 1) m_answers.pop_front();
    return answer;
  }
  void answer(Result<std::vector<std::string>> answer) {
    std::lock_guard lock(m_mutex);
    m_answers.push_back(std::move(answer));
  }
  std::vector<ArchiveQuery> queries() {
    std::lock_guard lock(m_mutex);
    return m_queries;
  }
  std::vector<std::string> asked() {
    std::lock_guard lock(m_mutex);
    return m_asked;
  }

 private:
  std::mutex m_mutex;
  std::deque<Result<std::vector<std::string>>> m_answers;  ///< guarded by m_mutex
  std::vector<ArchiveQuery> m_queries;                     ///< guarded by m_mutex
  std::vector<std::string> m_asked;                        ///< guarded by m_mutex
};

class Known final : public core::KnownSessions {
 public:
  Result<core::KnownSession> known(const SessionKey& session) override {
    if (error) return *error;
    return sessions[session];
  }
  std::map<SessionKey, core::KnownSession> sessions;
  std::optional<Error> error;
};

/// `members` begins with a comma.
std::string item(const std::string& conf, const std::string& at, const std::string& members,
                 const std::string& app_id = "a1") {
  return R"({"app_id":")" + app_id + R"(","room_id":"r1","conf_num":")" + conf +
         R"(","trans_date":")" + at + "\"" + members + "}";
}

const std::string k_old = "2026-01-04T08:00:00Z";
const std::string k_files =
    R"(,"recording":[{"url":"https://f.enablex.io/1.mov?Expires=1"},{"url":"https://f.enablex.io/2.mov"}])";

struct Asking {
  Asking() {
    policy.projects.push_back({.app_id = AppId("*"), .api = k_api});
    policy.projects.push_back({.app_id = AppId("own")});
  }
  Result<core::Findings> ask(std::vector<std::string> items, Youth youth = Youth::left_alone) {
    ScriptedApi api;
    api.answer(std::move(items));
    taken.clear();
    return core::reconcile(api, *provider, known, policy,
                           {.block = AppId("*"), .api = k_api, .queries = queries, .youth = youth},
                           k_noon, nullptr, [&](std::vector<core::FoundSession> lacking) {
                             std::ranges::move(lacking, std::back_inserter(taken));
                             return Status();
                           });
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> all;
    for (const auto& session : taken)
      for (const auto& artifact : session.artifacts)
        all.push_back(std::string(to_string(artifact.identity.kind)) + " " + artifact.name);
    return all;
  }
  core::Policy policy;
  std::unique_ptr<Provider> provider = enablex::make_provider({});
  Known known;
  std::vector<ArchiveQuery> queries{{.conf_num = ConfNum("c")}};
  std::vector<core::FoundSession> taken;
};

}  // namespace

TEST_CASE("what is listed and not known goes to the journal, an item a row, as it was written") {
  Asking asking;
  const std::string one = item("c1", k_old, k_files);
  const auto findings = asking.ask({one, item("c2", k_old, "")});
  REQUIRE(findings.has_value());
  CHECK(findings->listed == 2);
  CHECK(findings->sessions == 1);
  CHECK(findings->artifacts == 3);
  REQUIRE(asking.taken.size() == 1);
  CHECK(asking.kinds() ==
        std::vector<std::string>{"recording 1.mov", "recording 2.mov", "cdr cdr.json"});
  const NewEntry& entry = asking.taken[0].entry;
  CHECK(entry.kind == EntryKind::reconcile);
  CHECK(entry.body == one);
  CHECK(entry.user == "a1");  // the pair's, where the block is for any app_id
  CHECK(entry.remote == "api.enablex.io");
}

TEST_CASE("files are compared by source key, whatever their stage and signature") {
  Asking asking;
  core::KnownSession& known = asking.known.sessions[{AppId("a1"), ConfNum("c1")}];
  known.offers = {{{ArtifactKind::recording, SourceKey("f.enablex.io/1.mov")}, std::nullopt},
                  {{ArtifactKind::recording, SourceKey("f.enablex.io/2.mov")}, std::nullopt}};
  CHECK(asking.ask({item("c1", k_old, k_files)})->artifacts == 0);
  CHECK(asking.taken.empty());
  // Its roomdrop came before the project had API credentials.
  known.cdr_ready = true;
  CHECK(asking.ask({item("c1", k_old, k_files)})->artifacts == 1);
  CHECK(asking.kinds() == std::vector<std::string>{"cdr cdr.json"});
  known.offers.erase(known.offers.begin());
  known.offers[{ArtifactKind::cdr, SourceKey("cdr/conf/c1")}] = std::nullopt;
  CHECK(asking.ask({item("c1", k_old, k_files)})->artifacts == 1);
  CHECK(asking.kinds() == std::vector<std::string>{"recording 1.mov"});
}

TEST_CASE("another URL of what did not come is news, of what is well it is not") {
  Asking asking;
  core::KnownSession& known = asking.known.sessions[{AppId("a1"), ConfNum("c1")}];
  auto& failed = known.offers[{ArtifactKind::recording, SourceKey("f.enablex.io/1.mov")}];
  known.offers[{ArtifactKind::recording, SourceKey("f.enablex.io/2.mov")}] = std::nullopt;
  failed = "https://f.enablex.io/1.mov?Expires=1";
  CHECK(asking.ask({item("c1", k_old, k_files)})->renewed == 0);
  CHECK(asking.taken.empty());

  failed = "https://f.enablex.io/1.mov?Expires=0";
  const auto findings = asking.ask({item("c1", k_old, k_files)});
  CHECK(findings->renewed == 1);
  CHECK(findings->artifacts == 0);  // no webhook was missed, so no CDR is owed either
  CHECK(findings->sessions == 1);
  CHECK(asking.kinds() == std::vector<std::string>{"recording 1.mov"});
  CHECK(asking.taken.at(0).artifacts.at(0).lack == core::Lack::fresh_url);
}

TEST_CASE("what is younger than an hour is left to its webhook, unless it is asked for") {
  Asking asking;
  const std::string young = item("c1", "2026-01-04T09:00:01Z", k_files);
  CHECK(asking.ask({young})->young == 1);
  CHECK(asking.taken.empty());
  CHECK(asking.ask({young}, Youth::taken)->artifacts == 3);
  CHECK(asking.ask({item("c1", "2026-01-04T09:00:00Z", k_files)})->artifacts == 3);
  // Without a time nobody can tell: a recording is worth more than a second look.
  CHECK(asking.ask({item("c1", "soon", k_files)})->artifacts == 3);
}

TEST_CASE("days overlap: what was found once is not found again in the same run") {
  Asking asking;
  asking.queries = {{.conf_num = ConfNum("c")}, {.conf_num = ConfNum("c")}};
  const auto findings = asking.ask({item("c1", k_old, k_files), item("c1", k_old, k_files)});
  CHECK(findings->listed == 4);
  CHECK(findings->sessions == 1);
  CHECK(asking.taken.size() == 1);
}

TEST_CASE("entries without a session, or of a project with a block of its own, are counted apart") {
  Asking asking;
  const auto findings = asking.ask(
      {R"({"recording":[]})", item("c1", k_old, k_files, "own"), item("c2", k_old, k_files)});
  CHECK(findings->unusable == 2);
  CHECK(findings->sessions == 1);
}

TEST_CASE("an error of the API or of the catalog ends the run, and what was taken stays") {
  Asking asking;
  asking.known.error = Error{Errc::unavailable, "locked"};
  CHECK(asking.ask({item("c1", k_old, k_files)}).error().message == "locked");
  CHECK(asking.taken.empty());
}

namespace {

/// Answers days with what lies on them, unless that is more than `most` items: too large to read.
class CrowdedApi final : public ProviderApi {
 public:
  Result<std::vector<std::string>> archive(const ApiAccess&, const ArchiveQuery& query,
                                           const std::atomic<bool>*) override {
    asked.push_back(*query.days);
    std::vector<std::string> items;
    for (const auto& [day, conf] : sessions)
      if (query.days->from <= day && (excludes_last ? day < query.days->to : day <= query.days->to))
        items.push_back(item(conf, k_old, k_files));
    if (items.size() > most) return Error{Errc::corrupt, "answers with more than 32 MiB"};
    return items;
  }
  std::multimap<std::chrono::sys_days, std::string> sessions;
  std::size_t most = 2;
  bool excludes_last = false;
  std::vector<Days> asked;
};

}  // namespace

TEST_CASE("days whose answer is too large are asked for in halves") {
  using std::chrono::days;
  const std::chrono::sys_days first{std::chrono::year(2026) / 1 / 1};
  Asking asking;
  CrowdedApi api;
  for (int day = 0; day < 4; ++day)
    for (const char* which : {"a", "b"})
      api.sessions.emplace(first + days(day), "c" + std::to_string(day) + which);
  std::size_t taken = 0;
  const auto ask = [&](std::vector<ArchiveQuery> queries) {
    api.asked.clear();
    taken = 0;
    return core::reconcile(api, *asking.provider, asking.known, asking.policy,
                           {.block = AppId("*"), .api = k_api, .queries = std::move(queries)},
                           k_noon, nullptr, [&](const std::vector<core::FoundSession>& lacking) {
                             taken += lacking.size();
                             return Status();
                           });
  };
  const std::vector<ArchiveQuery> all{{.days = Days{first, first + days(3)}}};
  CHECK(ask(all).value().sessions == 8);
  CHECK(taken == 8);
  CHECK(api.asked.size() == 7);

  // One day is too much as well: the others are taken, and the error says which day and what to do.
  api.sessions.emplace(first + days(1), "c1c");
  const auto some = ask(all);
  REQUIRE_FALSE(some.has_value());
  CHECK(some.error().code == Errc::corrupt);
  CHECK(some.error().message.starts_with("2026-01-02: answers with more than 32 MiB; "));
  CHECK(some.error().message.find("reelkeep reconcile --room") != std::string::npos);
  CHECK(taken == 6);

  // Halves of a provider that leaves out the last day are empty, which proves nothing.
  api.excludes_last = true;
  const auto none = ask({{.days = Days{first + days(1), first + days(2)}}});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().message.starts_with("2026-01-02 to 2026-01-03: "));
}

TEST_CASE("days are asked for in overlapping pairs, so that none is left out") {
  using std::chrono::days;
  const std::chrono::sys_days from{std::chrono::year(2026) / 2 / 27};
  CHECK(core::windows(from, from) == std::vector<Days>{{from, from}});
  CHECK(core::windows(from, from + days(3)) == std::vector<Days>{{from, from + days(1)},
                                                                 {from + days(1), from + days(2)},
                                                                 {from + days(2), from + days(3)}});
}

TEST_CASE(
    "every day still offered is asked for, whether or not the provider includes the last one") {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::hours;
  const core::Policy policy;
  const Timestamp midnight = floor<days>(k_noon);
  for (hours hour{0}; hour < hours(24); ++hour) {
    const Timestamp now = midnight + hour;
    const auto asked =
        core::windows(floor<days>(now - policy.reconcile_look_back), floor<days>(now));
    // Sessions of an hour ago and more whose files are still there.
    for (hours age{1}; age <= hours(72); ++age) {
      const auto day = floor<days>(now - age);
      const auto covers = [&](const Days& window) {
        return window.from <= day && day <= window.to;
      };
      const auto covers_without_last = [&](const Days& window) {
        return window.from <= day && day < window.to;
      };
      CHECK(std::ranges::any_of(asked, covers));
      // Without its last day today is asked for tomorrow: two days are left of three.
      CHECK((day == floor<days>(now) || std::ranges::any_of(asked, covers_without_last)));
    }
  }
}

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
