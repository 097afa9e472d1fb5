#include "daemon/agent_report.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "curl/http_client.hpp"
#include "json/json.hpp"

namespace reelkeep::daemon {
namespace {

constexpr Duration k_patience{2000};

std::string text_of(const json::Value& value) {
  return std::string(value.string().value_or(""));
}
std::optional<Timestamp> time_of(const json::Value& value) {
  const auto text = value.string();
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  return time ? std::optional(*time) : std::nullopt;
}

std::optional<Forecast> forecast_of(const json::Value& value) {
  if (!value.is_object()) return std::nullopt;
  return Forecast{
      .artifacts = value["artifacts"].integer().value_or(0),
      .bytes = ByteCount(static_cast<std::uint64_t>(value["bytes"].integer().value_or(0))),
      .past = value["past"].integer().value_or(0),
      .near = value["near"].integer().value_or(0),
      .missed = value["missed"].integer().value_or(0),
      .first_missed = time_of(value["first_missed"]),
      .done_at = time_of(value["done_at"])};
}

}  // namespace

const AgentReport::Breaker* AgentReport::breaker_of(const std::string& project) const {
  const auto found = std::ranges::find(breakers, project, &Breaker::app_id);
  return found == breakers.end() ? nullptr : &*found;
}

void write_forecast(json::Writer& writer, const std::optional<Forecast>& forecast) {
  if (!forecast) {
    writer.value(nullptr);
    return;
  }
  writer.begin_object()
      .member("artifacts", forecast->artifacts)
      .member("bytes", forecast->bytes)
      .member("past", forecast->past)
      .member("near", forecast->near)
      .member("missed", forecast->missed)
      .member("first_missed", forecast->first_missed)
      .member("done_at", forecast->done_at)
      .end_object();
}

std::string encode(const AgentReport& report) {
  json::Writer writer(json::Layout::pretty);
  writer.begin_object()
      .member("pid", report.pid)
      .member("version", report.version)
      .member("catching_up", report.catching_up)
      .member("catalog_problem", report.catalog_problem)
      .member("staging_problem", report.staging_problem)
      .member("disk_paused", report.disk_paused)
      .key("store_problems")
      .begin_object();
  for (const auto& [store, cause] : report.store_problems) writer.member(store, cause);
  writer.end_object().key("destination_problems").begin_object();
  for (const auto& [destination, cause] : report.destination_problems)
    writer.member(destination, cause);
  writer.end_object().key("breakers").begin_array();
  for (const AgentReport::Breaker& one : report.breakers)
    writer.begin_object()
        .member("app_id", one.app_id)
        .member("since", one.since)
        .member("next_probe", one.next_probe)
        .end_object();
  writer.end_array().key("unconfigured").begin_array();
  for (const std::string& app_id : report.unconfigured) writer.value(app_id);
  writer.end_array()
      .member("running", report.running)
      .member("received_bytes", report.received_bytes)
      .member("bytes_per_second", report.bytes_per_second)
      .key("forecast");
  write_forecast(writer, report.forecast);
  writer.end_object();
  return writer.take() + "\n";
}

Result<AgentReport> decode_agent_report(std::string_view json) {
  const auto document = json::parse(json);
  if (!document || !document->is_object())
    return Error{Errc::corrupt, "what it answered is not the status of an agent"};
  const json::Value& from = *document;
  AgentReport report{.pid = static_cast<long>(from["pid"].integer().value_or(0)),
                     .version = text_of(from["version"]),
                     .catching_up = from["catching_up"].boolean().value_or(false),
                     .catalog_problem = text_of(from["catalog_problem"]),
                     .staging_problem = text_of(from["staging_problem"]),
                     .disk_paused = from["disk_paused"].boolean().value_or(false)};
  for (const json::Member& one : from["store_problems"].members())
    report.store_problems[one.key] = text_of(one.value);
  for (const json::Member& one : from["destination_problems"].members())
    report.destination_problems[one.key] = text_of(one.value);
  for (const json::Value& one : from["breakers"].items())
    report.breakers.push_back({.app_id = text_of(one["app_id"]),
                               .since = time_of(one["since"]).value_or(Timestamp{}),
                               .next_probe = time_of(one["next_probe"]).value_or(Timestamp{})});
  for (const json::Value& one : from["unconfigured"].items())
    report.unconfigured.push_back(text_of(one));
  report.running = from["running"].integer().value_or(0);
  report.received_bytes = static_cast<std::uint64_t>(from["received_bytes"].integer().value_or(0));
  report.bytes_per_second = from["bytes_per_second"].number();
  report.forecast = forecast_of(from["forecast"]);
  return report;
}

Result<AgentReport> ask_agent(const Config& config, long pid) {
  ListenAddress address = config.admin.listen;
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  const std::string where = "[admin] listen " + address.text();
  if (address.port == 0)
    return Error{Errc::unavailable, where + ": nobody knows which port the system chose"};
  const auto url = Url::parse("http://" + address.text() + "/status");
  if (!url) return url.error().within(where);
  const auto client = curl::make_http_client({.connect_timeout = k_patience});
  const auto answer = client->send({.url = *url, .max_answer = 1_MiB, .timeout = k_patience});
  if (!answer)
    return Error{Errc::unavailable, where + " does not answer: " + answer.error().message};
  if (answer->status != 200)
    return Error{Errc::unavailable,
                 where + " answers with status " + std::to_string(answer->status)};
  auto report = decode_agent_report(answer->body);
  if (!report) return report.error().within(where);
  if (pid != 0 && report->pid != pid)
    return Error{Errc::conflict, where + " is answered by another process (pid " +
                                     std::to_string(report->pid) + " instead of " +
                                     std::to_string(pid) + ")"};
  return report;
}

}  // namespace reelkeep::daemon
