#include "simulate/events.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <set>

#include "reelkeep/base/url.hpp"

#include "json/json.hpp"

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

const Timestamp k_now{std::chrono::seconds(1'767'520'800)};
constexpr std::string_view k_base = "http://127.0.0.1:4711";

json::Value decode(const SimulatedEvent& event) {
  auto value = json::parse(event.body);
  REQUIRE(value);
  return *std::move(value);
}

std::string text_of(const json::Value& value) {
  return std::string(value.string().value_or(""));
}

std::vector<std::string> bodies(const std::vector<SimulatedEvent>& events) {
  std::vector<std::string> out;
  for (const SimulatedEvent& event : events) out.push_back(event.body);
  return out;
}

}  // namespace

TEST_CASE("every type of the provider's page comes, with the common fields it documents") {
  const Plan plan(StandInOptions{.app_id = "app-7", .room_id = "room-7", .stages = 2}, k_now);
  std::vector<std::string> types;
  for (const SimulatedEvent& event : make_events(plan, k_base)) {
    const json::Value value = decode(event);
    types.push_back(text_of(value["type"]));
    CHECK(event.type == types.back());
    CHECK(text_of(value["app_id"]) == "app-7");
    CHECK(text_of(value["room_id"]) == "room-7");
    CHECK(text_of(value["conf_num"]) == event.conf_num.get());
    CHECK(value["trans_date"].integer() ==
          1'767'520'800 - (event.type == "session_start" ? 3600 : 0));
  }
  CHECK(types == std::vector<std::string>{"session_start", "session_stop", "recording",
                                          "transcoded", "transcoded", "live_recording", "chatdata",
                                          "metadata", "transcription", "roomdrop",
                                          "file_transfer"});
}

TEST_CASE("the fields of each type are those of the provider's page") {
  const Plan plan(StandInOptions{.recordings = 3, .size = ByteCount(4096)}, k_now);
  std::map<std::string, json::Value> by_type;
  for (const SimulatedEvent& event : make_events(plan, k_base))
    by_type.emplace(event.type, decode(event));
  const std::string files =
      std::string(k_base) + "/files/" + plan.sessions()[0].conf_num.get() + "/";

  const json::Value& recording = by_type.at("recording")["recording"];
  REQUIRE(recording.items().size() == 3);
  CHECK(text_of(recording.items()[0]) == files + "participant-1.mov");

  const json::Value& transcoded = by_type.at("transcoded");
  CHECK(text_of(transcoded["recording"]) == files + "transcoded-1.mp4");
  CHECK(text_of(transcoded["stage"]) == "1");
  CHECK(text_of(transcoded["file_size"]) == "4096");

  CHECK(text_of(by_type.at("live_recording")["url"]) == files + "live.mkv");
  CHECK(text_of(by_type.at("live_recording")["file_size"]) == "4096");
  CHECK(text_of(by_type.at("chatdata")["url"]) == files + "chat.json");
  CHECK(text_of(by_type.at("metadata")["url"]) == files + "metadata.json");
  CHECK(text_of(by_type.at("transcription")["url"]) == files + "transcript.txt");
  CHECK(by_type.at("session_start")["concurrent_sessions"]["total_sessions"].integer() == 1);
  CHECK(by_type.at("session_stop")["concurrent_sessions"]["total_sessions"].integer() == 0);
}

TEST_CASE("a push names each file of the session at the bucket, and one that only it knows") {
  const Plan plan(StandInOptions{.room_id = "room 7"}, k_now);
  const json::Value push = decode(make_events(plan, k_base).back());
  CHECK(text_of(push["destination"]["name"]) == "awss3");
  CHECK(text_of(push["destination"]["account"]) == "simulated-bucket");
  std::set<std::string> names;
  for (const json::Value& file : push["files"].items()) {
    const std::string url = text_of(file["url"]);
    CHECK(url.starts_with("https://simulated-bucket.s3.amazonaws.com/room%207/" +
                          plan.sessions()[0].conf_num.get() + "/"));
    names.insert(Url::parse(url)->last_segment());
  }
  for (const SimulatedFile& file : plan.sessions()[0].files) CHECK(names.count(file.name) == 1);
  CHECK(names.count("highlights.mp4") == 1);
  CHECK(names.size() == plan.sessions()[0].files.size() + 1);
}

TEST_CASE("every URL in an event leads to a file of the plan") {
  const Plan plan(StandInOptions{.sessions = 2}, k_now);
  for (const SimulatedSession& session : plan.sessions())
    for (const SimulatedFile& file : session.files) {
      const auto url = Url::parse(file_url(k_base, file));
      REQUIRE(url);
      CHECK(plan.find(url->path()) == &file);
    }
}

TEST_CASE("shuffled events are the same ones in another order, the same in every run") {
  const auto ordered = bodies(make_events(Plan(StandInOptions{.sessions = 3}, k_now), k_base));
  const StandInOptions options{.sessions = 3, .order = EventOrder::shuffled};
  const auto shuffled = bodies(make_events(Plan(options, k_now), k_base));
  CHECK(shuffled != ordered);
  CHECK(std::is_permutation(shuffled.begin(), shuffled.end(), ordered.begin(), ordered.end()));
  CHECK(bodies(make_events(Plan(options, k_now), k_base)) == shuffled);
}

TEST_CASE("duplicates are byte for byte the same and come after their first") {
  const auto once = bodies(make_events(Plan(StandInOptions{.sessions = 2}, k_now), k_base));
  const auto more =
      bodies(make_events(Plan(StandInOptions{.sessions = 2, .duplicates = 0.5}, k_now), k_base));
  CHECK(more.size() == once.size() + once.size() / 2);
  std::vector<std::string> first_seen;
  for (const std::string& body : more)
    if (std::find(first_seen.begin(), first_seen.end(), body) == first_seen.end())
      first_seen.push_back(body);
  CHECK(first_seen == once);
}
