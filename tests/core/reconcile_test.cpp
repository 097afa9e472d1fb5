#include <algorithm>
#include <doctest/doctest.h>
#include <map>

#include "core/archive_listing.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using core::Youth;

namespace {

class Known final : public core::KnownSessions {
 public:
  Result<core::KnownSession> known(const SessionKey& session) override {
    if (error) return *error;
    return sessions[session];
  }
  std::map<SessionKey, core::KnownSession> sessions;
  std::optional<Error> error;
};

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
  CHECK(findings->listed == 1);
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
    const Days all{std::chrono::sys_days::min(), std::chrono::sys_days::max()};
    const Days wanted = query.days.value_or(all);
    asked.push_back(wanted);
    std::vector<std::string> items;
    for (const auto& [day, conf] : sessions)
      if (wanted.from <= day && (excludes_last ? day < wanted.to : day <= wanted.to) &&
          (!query.conf_num || *query.conf_num == ConfNum(conf)))
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
  api.excludes_last = false;

  // A room without days is narrowed as well, and what can be asked for then is something else.
  const auto of_room = ask({{.room_id = RoomId("r1")}});
  REQUIRE_FALSE(of_room.has_value());
  CHECK(of_room.error().message ==
        "2026-01-02 of room r1: answers with more than 32 MiB; ask for one session of it: reelkeep "
        "reconcile --conf CONF_NUM");
  CHECK(taken == 6);
  CHECK(api.asked.size() < 40);
  api.most = 3;
  CHECK(ask({{.room_id = RoomId("r1")}}).value().sessions == 9);

  // Of one session nothing is narrower.
  api.most = 0;
  const auto session = ask({{.conf_num = ConfNum("c1a")}, {.conf_num = ConfNum("c2a")}});
  REQUIRE_FALSE(session.has_value());
  CHECK(
      session.error().message.starts_with("session c1a: answers with more than 32 MiB; nothing "
                                          "narrower can be asked for"));
  CHECK(api.asked.size() == 2);
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
