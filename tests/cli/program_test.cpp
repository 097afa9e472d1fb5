// The built program: what scripts see of it.
#include <array>
#include <sys/wait.h>

#include "json/json.hpp"
#include "state_fixture.hpp"

namespace {

using namespace reelkeep;
using testing::StateFixture;

struct Ended {
  int status = -1;
  std::string out;
  std::string err;
};

/// Through a shell; `words` are the program's own. No variable of this environment is seen.
Ended run(const testing::TempDir& folder, const std::string& words) {
  const std::string out = folder.path("out");
  const std::string err = folder.path("err");
  const std::string command = "( env -i PATH=/usr/bin:/bin " REELKEEP_PROGRAM " " + words + " ) >" +
                              out + " 2>" + err + " </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.read("out"), folder.read("err")};
}

/// With an archived recording, one that waits after an error, one that was cancelled.
class Program : public StateFixture {
 public:
  Program() {
    const Session session = add_session("app", "C1");
    const Artifact good = add_artifact(session, "aaaaaaaaaaaa", ArtifactState::archived);
    add_replica(good, Replica{.store = StoreId("local"), .location = "/srv/a.mov"});
    Artifact bad = add_artifact(session, "bbbbbbbbbbbb", ArtifactState::waiting);
    bad.error = Error{Errc::unauthorized, "files.example.com: 403"};
    bad.next_attempt_at = testing::at("2026-01-02T00:00:00Z");
    update(bad);
    add_artifact(session, "cccccccccccc", ArtifactState::cancelled, ArtifactKind::chatdata);
    add_session("app", "C2");
    deliver(R"({"type":"room","password":"sesame"})");
    take_up();
  }
  Ended operator()(const std::string& words) {
    return run(folder(), "--config " + config_path() + " " + words);
  }
};

/// One line that starts with the program's name.
bool is_one_line(const std::string& err) {
  return err.starts_with("reelkeep: ") && err.find('\n') == err.size() - 1;
}

TEST_CASE_FIXTURE(Program, "why tells events, tries, what is next and all that holds it up") {
  const SessionView view = state().find(ConfNum("C1"), {}).value();
  REQUIRE(catalog().transact([&]() -> Status {
    const Error error{Errc::unauthorized, "files.example.com: 403"};
    REELKEEP_TRY(catalog().add_attempt(
        view.artifacts[1].artifact.row,
        {.at = testing::at("2026-01-01T12:00:00Z"), .number = 1, .error = error}));
    return catalog().put_delivery({.seq = Seq(1),
                                   .received_at = testing::at("2026-01-01T11:00:00Z"),
                                   .app_id = "app",
                                   .type = "recording",
                                   .conf_num = "C1",
                                   .state = DeliveryState::applied,
                                   .duplicates = 2});
  }));
  const Ended json = (*this)("why C1 --json");
  CHECK(json.status == 0);
  const auto document = json::parse(json.out).value();
  CHECK(document["why"].string()->ends_with("; 1 cancelled"));
  CHECK(document["agent"]["running"].boolean() == false);
  CHECK(document["events"].items()[0]["duplicates"].integer() == 2);
  const json::Value& waiting = document["artifacts"].items()[1];
  CHECK(waiting["attempts"].items()[0]["error"]["code"].string() == "unauthorized");
  CHECK(waiting["way_out"].string() ==
        "compare the pair of its [[project]] with the provider's portal");
  CHECK(document["artifacts"].items()[0]["way_out"].is_null());
  CHECK(waiting["next"].string() == "nothing, until a [[project]] block is for its app_id");
  std::string obstacles;
  for (const json::Value& one : waiting["obstacles"].items())
    obstacles += std::string(*one["what"].string()) + "; ";
  CHECK(
      obstacles.starts_with("no agent runs; no [[project]] block is for app_id app; its deadline "
                            "passed"));
  CHECK(document["artifacts"].items()[0]["obstacles"].items().empty());

  const Ended people = (*this)("why C1");
  for (const char* line :
       {"recording", "2x", "try 1: unauthorized: files.example.com: 403", "held up   no agent runs",
        "systemctl start reelkeep", "add one with its file credentials"})
    CHECK(people.out.find(line) != std::string::npos);
  CHECK((*this)("why C9").status == 4);
}

TEST_CASE_FIXTURE(Program, "queue lists what must still be fetched, page by page") {
  const Session session = add_session("app", "C3");
  for (const char* id : {"dddddddddddd", "eeeeeeeeeeee"})
    add_artifact(session, id, ArtifactState::planned);
  const auto document = json::parse((*this)("queue --json").out).value();
  CHECK(document["agent_running"].boolean() == false);
  CHECK(document["bytes_per_second"].is_null());
  CHECK(document["forecast"]["artifacts"].integer() == 3);
  CHECK(document["forecast"]["past"].integer() == 3);
  REQUIRE(document["queue"].items().size() == 3);
  CHECK(document["queue"].items()[0]["id"].string() == "bbbbbbbbbbbb");
  CHECK(document["queue"].items()[0]["error"]["code"].string() == "unauthorized");
  CHECK(document["queue"].items()[2]["conf_num"].string() == "C3");
  CHECK(document["queue"].items()[2]["error"].is_null());
  const Ended first = (*this)("queue --limit 2");
  CHECK(first.out.find("no agent runs: nothing is fetched") != std::string::npos);
  CHECK(first.out.find("\n    unauthorized: files.example.com: 403") != std::string::npos);
  CHECK(first.out.find("more: reelkeep queue --after dddddddddddd") != std::string::npos);
  CHECK(first.out.find("eeeeeeeeeeee") == std::string::npos);
  const Ended rest = (*this)("queue --after dddd");
  CHECK(rest.out.find("eeeeeeeeeeee") != std::string::npos);
  CHECK(rest.out.find("bbbbbbbbbbbb") == std::string::npos);
  CHECK((*this)("queue --after 0000").status == 4);
  CHECK((*this)("queue --limit 0").status == 2);
}

TEST_CASE_FIXTURE(Program, "one artifact is shown with its session's state") {
  const auto document = json::parse((*this)("show --artifact bbbb --json").out).value();
  CHECK(document["conf_num"].string() == "C1");
  CHECK(document["state"].string() == "overdue");
  REQUIRE(document["artifacts"].items().size() == 1);
  CHECK(document["artifacts"].items()[0]["id"].string() == "bbbbbbbbbbbb");
  const Ended people = (*this)("show --artifact bbbb");
  CHECK(people.out.find("bbbbbbbbbbbb") != std::string::npos);
  CHECK(people.out.find("aaaaaaaaaaaa") == std::string::npos);
  CHECK((*this)("show C2 --artifact bbbb").status == 4);
  CHECK((*this)("show --artifact bbbb --artifact aaaa").status == 2);
}

TEST_CASE_FIXTURE(Program, "sessions --json goes on where it was told to") {
  const auto all = json::parse((*this)("sessions --json").out).value();
  REQUIRE(all.items().size() == 2);
  const auto after = all.items()[0]["after"].integer();
  REQUIRE(after.has_value());
  const auto rest =
      json::parse((*this)("sessions --json --after " + std::to_string(*after)).out).value();
  REQUIRE(rest.items().size() == 1);
  CHECK(rest.items()[0]["conf_num"].string() == all.items()[1]["conf_num"].string());
}

TEST_CASE_FIXTURE(Program, "replay --json says what will be applied again") {
  const auto document = json::parse((*this)("replay 1 --json").out).value();
  REQUIRE(document["deliveries"].items().size() == 1);
  CHECK(document["deliveries"].items()[0].integer() == 1);
}

TEST_CASE_FIXTURE(Program, "check looks into the journal") {
  CHECK((*this)("check").out.find("journal.db: whole, 1 rows, chain unbroken") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Program,
                  "a local file that is gone counts as failed, but not an archive that is away") {
  const Session session = add_session("app", "C5");
  for (const char* id : {"dddddddddddd", "eeeeeeeeeeee"}) {
    const Artifact artifact = add_artifact(session, id, ArtifactState::archived);
    const std::string path = std::string(id) + ".mov";
    add_replica(artifact, Replica{.store = StoreId("local"),
                                  .path = path,
                                  .location = "/elsewhere/" + path,
                                  .size = ByteCount(3)});
  }
  folder().write("state/archive/dddddddddddd.mov", "abc");
  const std::string words = "redownload C5 --failed --dry-run --json";
  CHECK(json::parse((*this)(words).out).value()["queued"].items().empty());
  folder().write("state/archive/.reelkeep-archive", "id");
  const auto gone = json::parse((*this)(words).out).value();
  REQUIRE(gone["queued"].items().size() == 1);
  CHECK(gone["queued"].items()[0].string() == "eeeeeeeeeeee");
  folder().write("state/archive/dddddddddddd.mov", "abcd");
  CHECK(json::parse((*this)(words).out).value()["queued"].items().size() == 2);
}

TEST_CASE_FIXTURE(Program, "check knows the archive that belongs to the store") {
  REQUIRE(catalog().transact([&] { return catalog().set_note("root:local", "the-right-one"); }));
  const Ended away = (*this)("check --json");
  CHECK(away.out.find("expected archive the-right-one") != std::string::npos);
  folder().write("state/archive/.reelkeep-archive", "another\n");
  const Ended foreign = (*this)("check --json");
  CHECK(foreign.status != 0);
  CHECK(foreign.out.find("found archive another") != std::string::npos);
  folder().write("state/archive/.reelkeep-archive", "the-right-one\n");
  const Ended right = (*this)("check --json");
  CHECK(right.out.find("archive the-right-one is there") != std::string::npos);
  CHECK(right.out.find("expected archive") == std::string::npos);
}

TEST_CASE_FIXTURE(Program, "every failure is one line and the status of its cause") {
  const std::array<std::pair<const char*, int>, 16> cases{
      {{"", 2},
       {"shwo", 2},
       {"show", 2},
       {"sessions --state bad", 2},
       {"cancel C1", 2},
       {"show unknown", 4},
       {"paths C2", 4},
       {"paths C1 --kind cdr", 4},
       {"redownload C1 --kind cdr", 4},
       {"redownload C2", 4},
       {"redownload C1 --artifact d", 4},
       {"redownload C1 --artifact cccc", 6},
       {"replay 99", 4},
       {"deliveries --raw 99", 4},
       {"accept --artifact aaaa", 6},
       {"cancel --artifact aaaa --reason x", 6}}};
  for (const auto& [words, status] : cases) {
    CAPTURE(words);
    const Ended ended = (*this)(words);
    CHECK(ended.status == status);
    CAPTURE(ended.err);
    CHECK(is_one_line(ended.err));
    CHECK(ended.out.empty());
  }
}

TEST_CASE("a configuration that is not there, and a state that never was, say what to do") {
  const testing::TempDir folder;
  const Ended missing = run(folder, "sessions --config " + folder.path("none.toml"));
  CHECK(missing.status == 2);
  CHECK(missing.err.find("none.toml") != std::string::npos);
  const std::string path = folder.write("c.toml", "[agent]\nstate_dir = \"state\"\n");
  for (const char* words : {"sessions", "show C1", "paths C1", "deliveries", "redownload C1",
                            "replay 1", "cancel C1 --reason x", "accept --artifact a"}) {
    CAPTURE(words);
    const Ended never = run(folder, std::string(words) + " --config " + path);
    CHECK(never.status == 4);
    CHECK(never.err.find("systemctl start reelkeep") != std::string::npos);
    CHECK_FALSE(folder.exists("state"));
  }
}

TEST_CASE_FIXTURE(Program, "paths prints verified locations and nothing else") {
  const Ended ended = (*this)("paths C1");
  CHECK(ended.status == 0);
  CHECK(ended.out == "/srv/a.mov\n");
  CHECK(ended.err.empty());
}

TEST_CASE_FIXTURE(Program, "every reading command prints one JSON document") {
  for (const char* words : {"sessions", "show C1", "paths C1", "deliveries", "deliveries --raw 1",
                            "redownload C1 --dry-run", "check"}) {
    CAPTURE(words);
    const Ended ended = (*this)(std::string(words) + " --json");
    CHECK(json::parse(ended.out).has_value());
  }
  const auto sessions = json::parse((*this)("sessions --json").out).value();
  REQUIRE(sessions.items().size() == 2);
  CHECK(sessions.items()[0]["conf_num"].string() == "C2");
  CHECK(json::parse((*this)("sessions --json --app-id none").out)->items().empty());
}

TEST_CASE_FIXTURE(Program, "people who get fewer than there are learn how to go on") {
  const Ended first = (*this)("sessions --limit 1");
  CHECK(first.out.find("C2") != std::string::npos);
  CHECK(first.out.find("C1") == std::string::npos);
  const std::size_t more = first.out.find("more: reelkeep ");
  REQUIRE(more != std::string::npos);
  std::string words = first.out.substr(more + 15);
  words.pop_back();
  const Ended second = (*this)(words);
  CHECK(second.out.find("C1") != std::string::npos);
  CHECK(second.out.find("more:") == std::string::npos);
}

TEST_CASE_FIXTURE(Program, "a body is shown masked unless all of it is asked for") {
  CHECK((*this)("deliveries --raw 1").out.find("sesame") == std::string::npos);
  CHECK((*this)("deliveries --raw 1 --unmasked").out == R"({"type":"room","password":"sesame"})");
}

TEST_CASE_FIXTURE(Program,
                  "redownload without an agent queues and says so; waiting for none is 7") {
  const Ended queued = (*this)("redownload C1 --failed --json");
  CHECK(queued.status == 0);
  const auto told = json::parse(queued.out).value();
  REQUIRE(told["queued"].items().size() == 1);
  CHECK(told["queued"].items()[0].string() == "bbbbbbbbbbbb");
  CHECK(told["agent_running"].boolean() == false);
  CHECK((*this)("redownload C1").out.find("no agent runs") != std::string::npos);
  const Ended waited = (*this)("redownload C1 --wait=5s");
  CHECK(waited.status == 7);
  CHECK(waited.err.find("no agent runs") != std::string::npos);
}

TEST_CASE_FIXTURE(Program, "a dry run journals nothing") {
  const std::int64_t before = journal_end();
  const Ended dry = (*this)("redownload C1 --dry-run --json");
  CHECK(dry.status == 0);
  CHECK(json::parse(dry.out).value()["queued"].items().size() == 2);
  CHECK(json::parse(dry.out).value()["skipped"].items().size() == 1);
  CHECK(journal_end() == before);
  CHECK((*this)("redownload C1").status == 0);
  CHECK(journal_end() == before + 1);
}

TEST_CASE_FIXTURE(Program, "nothing has failed is a success") {
  const Ended ended = (*this)("redownload C1 --failed --artifact aaaa");
  CHECK(ended.status == 0);
  CHECK(ended.out.find("nothing to fetch") != std::string::npos);
}

TEST_CASE("the configuration for a drill is one that the agent takes") {
  const testing::TempDir folder;
  const Ended printed = run(folder,
                            "simulate --print-config --listen 127.0.0.1:8090 --post "
                            "http://127.0.0.1:8085/hook --webhook-username u "
                            "--webhook-password 'p\"w'");
  REQUIRE(printed.status == 0);
  const auto loaded = daemon::read_config(printed.out, folder.path("c.toml"), {});
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->webhook.listen.port == 8085);
  CHECK(loaded.config->webhook.path == "/hook");
  CHECK(loaded.config->webhook.password.reveal() == "p\"w");
  CHECK(loaded.config->projects.at(0).hosts.at(0).text() == "127.0.0.1:8090");
}

TEST_CASE("what a drill is told wrong is a usage error") {
  const testing::TempDir folder;
  for (const char* words :
       {"--fail bogus", "--size much", "--kinds none", "--listen 127.0.0.1:0 --delay soon --post x",
        "--sessions 0", "--once", "--listen nowhere", "--listen 127.0.0.1:0 --print-config"}) {
    CAPTURE(words);
    const Ended ended = run(folder, std::string("simulate ") + words);
    CHECK(ended.status == 2);
    CHECK(is_one_line(ended.err));
  }
}

TEST_CASE_FIXTURE(Program, "a closed standard output is quiet, a full one is not") {
  const std::string all = "--config " + config_path();
  const Ended closed = run(folder(), all + " sessions --json | head -c 0; true");
  CHECK(closed.err.empty());
  const Ended full =
      run(folder(), all + " sessions --json >/dev/full 2>" + folder().path("e2") + "; echo $?");
  CHECK(full.out == "8\n");
}

}  // namespace
