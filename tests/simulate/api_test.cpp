#include "simulate/api.hpp"

#include <doctest/doctest.h>

#include "json/json.hpp"

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

const Timestamp k_now{std::chrono::seconds(1'767'520'800)};  // 2026-01-04T10:00:00Z
constexpr std::string_view k_base = "http://127.0.0.1:4711";

json::Value ask(const Plan& plan, const std::string& route) {
  const auto body = api_answer(plan, route, k_base);
  REQUIRE(body);
  return *json::parse(*body);
}

}  // namespace

TEST_CASE("the archive API lists a session as the provider does") {
  const Plan plan(StandInOptions{.room_id = "r1"}, k_now);
  const std::string conf_num = plan.sessions()[0].conf_num.get();
  const json::Value answer = ask(plan, "archive/conf/" + conf_num);
  CHECK(answer["result"].string() == "0");
  REQUIRE(answer["archive"].items().size() == 1);
  const json::Value& entry = answer["archive"].items()[0];
  CHECK(entry["trans_date"].string() == "2026-01-04T10:00:00.000Z");
  CHECK(entry["conf_num"].string() == conf_num);
  CHECK(entry["room_id"].string() == "r1");
  CHECK(entry["recording"].items().size() == 2);
  CHECK(entry["recording"].items()[1]["url"].string() ==
        std::string(k_base) + "/files/" + conf_num + "/participant-2.mkv");
  CHECK(entry["transcoded"].items().size() == 1);
  CHECK(entry["chatdata"].string()->ends_with("/chat.json"));
  CHECK(entry["metadata"].string()->ends_with("/metadata.json"));
}

TEST_CASE("the archive and CDR APIs filter by room and by period") {
  const Plan plan(StandInOptions{.room_id = "r1", .sessions = 2}, k_now);
  for (const std::string api : {"archive", "cdr"}) {
    CAPTURE(api);
    const auto count = [&](const std::string& route) {
      return ask(plan, api + "/" + route)[api].items().size();
    };
    const std::size_t all = api == "cdr" ? 4 : 2;
    CHECK(count("room/r1") == all);
    CHECK(count("room/r2") == 0);
    CHECK(count("period/2026-01-04/2026-01-04") == all);
    CHECK(count("period/2026-01-05/2026-01-09") == 0);
    CHECK(count("room-period/r1/2026-01-01/2026-02-01") == all);
    CHECK(count("room-period/r2/2026-01-01/2026-02-01") == 0);
    CHECK(count("conf/unknown") == 0);
  }
}

TEST_CASE("a CDR has one row per participant, with personal data in it") {
  const Plan plan(StandInOptions{.recordings = 3}, k_now);
  const json::Value answer = ask(plan, "cdr/conf/" + plan.sessions()[0].conf_num.get());
  REQUIRE(answer["cdr"].items().size() == 3);
  const json::Value& row = answer["cdr"].items()[2];
  CHECK(row["user"]["name"].string() == "Participant 3");
  CHECK(row["user"]["ip"].string() == "192.0.2.3");
  CHECK(row["user"]["token"].string() == "simulated-join-token-3");
  CHECK(row["room"]["duration"].number() == doctest::Approx(3600));
}

TEST_CASE("routes that do not exist have no answer") {
  const Plan plan(StandInOptions{}, k_now);
  for (const std::string route : {"", "archive", "archive/conf", "archive/conf/a/b", "rooms/r1",
                                  "archive/period/2026-01-01", "cdr/all/x"})
    CHECK_FALSE(api_answer(plan, route, k_base).has_value());
}
