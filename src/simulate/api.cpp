#include "simulate/api.hpp"

#include <vector>

#include "reelkeep/base/text.hpp"

#include "json/json.hpp"
#include "simulate/events.hpp"

namespace reelkeep::simulate {
namespace {

/// What the route after "archive/" or "cdr/" asks for.
struct Query {
  std::optional<std::string> conf_num;
  std::optional<std::string> room_id;
  std::string from = "0000";  ///< YYYY-MM-DD, UTC, both inclusive
  std::string to = "9999";
};

std::optional<Query> parse_query(const std::vector<std::string_view>& parts) {
  const std::string_view by = parts.size() > 1 ? parts[1] : std::string_view();
  Query query;
  if (by == "conf" && parts.size() == 3) {
    query.conf_num = parts[2];
  } else if (by == "room" && parts.size() == 3) {
    query.room_id = parts[2];
  } else if (by == "period" && parts.size() == 4) {
    query.from = parts[2];
    query.to = parts[3];
  } else if (by == "room-period" && parts.size() == 5) {
    query.room_id = parts[2];
    query.from = parts[3];
    query.to = parts[4];
  } else {
    return std::nullopt;
  }
  return query;
}

bool matches(const Query& query, const Plan& plan, const SimulatedSession& session) {
  if (query.conf_num && *query.conf_num != session.conf_num.get()) return false;
  if (query.room_id && *query.room_id != plan.room_id()) return false;
  const std::string day = to_rfc3339(session.ended_at).substr(0, 10);
  return query.from <= day && day <= query.to;
}

void write_urls(json::Writer& writer, const SimulatedSession& session, ArtifactKind kind,
                std::string_view base_url) {
  writer.key(to_string(kind)).begin_array();
  for (const SimulatedFile& file : session.files)
    if (file.kind == kind)
      writer.begin_object().member("url", file_url(base_url, file)).end_object();
  writer.end_array();
}

/// The listing knows these four; live recordings and transcriptions are only in webhooks.
void write_archive(json::Writer& writer, const Plan& plan, const SimulatedSession& session,
                   std::string_view base_url) {
  writer.begin_object()
      .member("_id", "archive-" + session.conf_num.get())
      .member("conf_num", session.conf_num);
  if (plan.options().sparse_api)
    writer.member("trans_date", nullptr).member("room_id", nullptr).member("metadata", nullptr);
  else
    writer.member("trans_date", session.ended_at)
        .member("app_id", plan.options().app_id)
        .member("room_id", plan.room_id());
  write_urls(writer, session, ArtifactKind::recording, base_url);
  write_urls(writer, session, ArtifactKind::transcoded, base_url);
  for (const SimulatedFile& file : session.files)
    if (file.kind == ArtifactKind::chatdata ||
        (file.kind == ArtifactKind::metadata && !plan.options().sparse_api))
      writer.member(to_string(file.kind), file_url(base_url, file));
  writer.end_object();
}

void write_span(json::Writer& writer, const SimulatedSession& session) {
  const auto length = std::chrono::duration<double>(session.ended_at - session.started_at);
  writer.member("connect_dt", session.started_at)
      .member("disconnect_dt", session.ended_at)
      .member("duration", length.count());
}

/// One row per participant. Names and addresses are made up (RFC 5737).
void write_cdr_row(json::Writer& writer, const Plan& plan, const SimulatedSession& session,
                   std::size_t participant) {
  const std::string number = std::to_string(participant + 1);
  writer.begin_object()
      .member("trans_date", session.ended_at)
      .member("conf_num", session.conf_num)
      .member("call_num", "call-" + number)
      .member("call_log_id", "log-" + session.conf_num.get() + "-" + number);
  writer.key("room").begin_object().member("room_id", plan.room_id());
  write_span(writer, session);
  writer.end_object();
  writer.key("user")
      .begin_object()
      .member("ip", "192.0.2." + std::to_string(participant % 254 + 1))
      .member("name", "Participant " + number)
      .member("role", participant == 0 ? "moderator" : "participant")
      .member("ref", "")
      .member("agent", "reelkeep simulate")
      .member("token", "simulated-join-token-" + number)
      .member("confName", "")
      .end_object();
  writer.key("sigserver").begin_object().member("ip", "198.51.100.1").member("hold_duration", 0);
  write_span(writer, session);
  writer.end_object();
  writer.key("published_track")
      .begin_object()
      .member("audio", true)
      .member("data", false)
      .member("video", true)
      .member("screen", false)
      .end_object();
  writer.key("usage")
      .begin_object()
      .member("subscribed_minutes", 60)
      .member("published_minutes", 60)
      .end_object();
  writer.member("app_id", plan.options().app_id)
      .member("cdr_id", "cdr-" + session.conf_num.get() + "-" + number)
      .end_object();
}

}  // namespace

std::optional<std::string> api_answer(const Plan& plan, std::string_view route,
                                      std::string_view base_url, std::uint64_t earlier) {
  const std::vector<std::string_view> parts = text::split(route, '/');
  const bool archive = parts.front() == "archive";
  if (!archive && parts.front() != "cdr") return std::nullopt;
  const auto query = parse_query(parts);
  if (!query) return std::nullopt;
  if (plan.options().api_result != 0)
    return api_error(plan.options().api_result, "refused", "the stand-in was told to refuse");
  json::Writer writer;
  writer.begin_object().member("result", "0").key(parts.front()).begin_array();
  for (const SimulatedSession& session : plan.sessions()) {
    if (!matches(*query, plan, session)) continue;
    if (archive)
      write_archive(writer, plan, session, base_url);
    else if (plan.offers(ArtifactKind::cdr) && earlier >= plan.options().empty_cdrs)
      for (std::size_t one = 0; one < plan.options().recordings; ++one)
        write_cdr_row(writer, plan, session, one);
  }
  writer.end_array().end_object();
  return writer.take();
}

std::string api_error(int result, std::string_view error, std::string_view description) {
  return json::Writer()
      .begin_object()
      .member("result", result)
      .member("error", error)
      .member("desc", description)
      .end_object()
      .take();
}

}  // namespace reelkeep::simulate
