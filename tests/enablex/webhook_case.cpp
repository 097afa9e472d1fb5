#include "enablex/webhook_case.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>

#include "json/json.hpp"

namespace reelkeep::testing {
namespace {

constexpr const char* k_default_received_at = "2024-04-21T00:00:00Z";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), "cannot read " << path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string joined(const json::Value& parts) {
  std::string body;
  for (const json::Value& part : parts.items()) {
    REQUIRE(part.items().size() == 2);
    const std::string text(part.items()[0].string().value_or(""));
    for (std::int64_t i = 0; i < part.items()[1].integer().value_or(1); ++i) body += text;
  }
  return body;
}

WebhookCase read_case(const std::filesystem::path& folder) {
  WebhookCase it;
  it.name = folder.filename().string();
  CAPTURE(it.name);
  const Result<json::Value> file = json::parse(read_file(folder / "expect.json"));
  REQUIRE_MESSAGE(file.has_value(), (file ? "" : file.error().message));
  const json::Value* parts = file->find("body_parts");
  it.body = parts != nullptr ? joined(*parts) : read_file(folder / "body");
  const auto time = parse_rfc3339((*file)["received_at"].string().value_or(k_default_received_at));
  REQUIRE(time.has_value());
  it.received_at = *time;
  for (const json::Value& name : (*file)["volatile_query"].items())
    it.volatile_query.emplace_back(name.string().value_or(""));
  std::vector<json::Member> rest;
  for (const json::Member& member : file->members()) {
    constexpr std::array<std::string_view, 4> k_input{"about", "received_at", "volatile_query",
                                                      "body_parts"};
    if (std::find(k_input.begin(), k_input.end(), member.key) == k_input.end())
      rest.push_back(member);
  }
  it.expected = json::Value::of_object(std::move(rest));
  return it;
}

void describe(json::Writer& writer, const FilesOffered& offered) {
  writer.member("fact", "files_offered")
      .member("kind", to_string(offered.kind))
      .member("stage", offered.stage)
      .member("declared_size", offered.declared_size);
  writer.key("files").begin_array();
  for (const OfferedFile& file : offered.files)
    writer.begin_object()
        .member("url", file.url)
        .member("key", file.source_key)
        .member("name", file.name)
        .end_object();
  writer.end_array();
}

void describe(json::Writer& writer, const FilesPushed& pushed) {
  writer.member("fact", "files_pushed")
      .member("destination_name", pushed.destination_name)
      .member("destination_host", pushed.destination_host)
      .member("destination_account", pushed.destination_account);
  writer.key("files").begin_array();
  for (const DeliveredFile& file : pushed.files)
    writer.begin_object()
        .member("url", file.url)
        .member("location", file.location)
        .member("key", file.source_key)
        .member("name", file.name)
        .end_object();
  writer.end_array();
}

void describe(json::Writer& writer, SessionStarted) {
  writer.member("fact", "session_started");
}
void describe(json::Writer& writer, SessionStopped) {
  writer.member("fact", "session_stopped");
}
void describe(json::Writer& writer, CdrReady) {
  writer.member("fact", "cdr_ready");
}

void describe(json::Writer& writer, const Decoded& decoded) {
  writer.member("state", decoded.known_type ? "applied" : "ignored")
      .member("type", decoded.type)
      .member("app_id", decoded.app_id)
      .member("conf_num", decoded.conf_num)
      .member("remark", decoded.remark);
  writer.key("events").begin_array();
  for (const Event& event : decoded.events) {
    CHECK(event.session.app_id.get() == decoded.app_id);
    CHECK(event.session.conf_num.get() == decoded.conf_num);
    writer.begin_object().member("room_id", event.room_id).member("at", event.at);
    std::visit([&](const auto& fact) { describe(writer, fact); }, event.fact);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace

std::vector<WebhookCase> webhook_cases() {
  std::vector<std::filesystem::path> folders;
  const std::filesystem::path root =
      std::filesystem::path(REELKEEP_SOURCE_DIR) / "tests" / "cases" / "webhook";
  for (const auto& entry : std::filesystem::directory_iterator(root))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  std::vector<WebhookCase> cases;
  for (const auto& folder : folders) cases.push_back(read_case(folder));
  return cases;
}

std::string described(const Result<Decoded>& decoded) {
  json::Writer writer(json::Layout::pretty);
  writer.begin_object();
  if (decoded)
    describe(writer, *decoded);
  else
    writer.member("state", "quarantined").member("reason", decoded.error().message);
  writer.end_object();
  return writer.take();
}

bool same(const json::Value& a, const json::Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_array())
    return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), same);
  if (a.is_object()) {
    return a.members().size() == b.members().size() &&
           std::all_of(a.members().begin(), a.members().end(), [&](const json::Member& member) {
             const json::Value* other = b.find(member.key);
             return other != nullptr && same(member.value, *other);
           });
  }
  return a.boolean() == b.boolean() && a.string() == b.string() &&
         a.number_text() == b.number_text();
}

}  // namespace reelkeep::testing
