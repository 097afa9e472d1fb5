#include "daemon/drill.hpp"

#include <chrono>
#include <fstream>
#include <iterator>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "curl/http_client.hpp"
#include "daemon/config.hpp"
#include "json/json.hpp"
#include "simulate/stand_in.hpp"

namespace reelkeep::daemon {
namespace {

/// The text itself, or what the file holds without its last line break.
Result<Secret> secret(const std::string& text, const std::string& file, const std::string& option) {
  if (file.empty()) return Secret(text);
  std::ifstream in(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad())
    return Error::from_errno(errno, option + ": cannot read " + text::printable(file));
  if (content.ends_with('\n')) content.pop_back();
  if (content.empty())
    return Error{Errc::invalid, option + ": " + text::printable(file) + " is empty"};
  return Secret(std::move(content));
}

Result<ByteCount> size(const std::string& text, const std::string& option) {
  auto parsed = parse_byte_count(text);
  if (!parsed) return parsed.error().within(option);
  return parsed;
}

Result<simulate::StandInOptions> stand_in_options(const DrillOptions& options) {
  simulate::StandInOptions result;
  result.listen = options.listen;
  result.public_url = options.public_url;
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return Error{Errc::invalid, "--tls-certificate and --tls-key go together"};
  if (!options.tls_certificate.empty())
    result.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
  REELKEEP_ASSIGN(Secret password,
                  secret(options.password, options.password_file, "--password-file"));
  result.files = Credential{options.username, std::move(password)};
  result.app_key = Secret(options.app_key);
  result.app_id = options.app_id;
  result.room_id = options.room_id;
  result.seed = options.seed;
  result.sessions = options.sessions;
  result.recordings = options.recordings;
  result.stages = options.stages;
  REELKEEP_ASSIGN(result.size, size(options.size, "--size"));
  REELKEEP_ASSIGN(result.side_size, size(options.side_size, "--side-size"));
  auto kinds = simulate::parse_kinds(options.kinds);
  if (!kinds) return kinds.error().within("--kinds");
  result.kinds = *std::move(kinds);
  for (const std::string& failure : options.failures) {
    auto rule = simulate::parse_failure(failure);
    if (!rule) return rule.error().within("--fail " + text::printable(failure));
    result.failures.push_back(*std::move(rule));
  }
  result.empty_cdrs = options.empty_cdrs;
  result.api_result = options.api_result;
  result.sparse_api = options.sparse_api;
  if (!options.ended_ago.empty()) {
    auto age = parse_duration(options.ended_ago);
    if (!age) return age.error().within("--ended-ago");
    result.ended_at =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - *age);
  }
  result.duplicates = options.duplicates;
  if (options.shuffle) result.order = simulate::EventOrder::shuffled;
  REELKEEP_TRY(result.check());
  return result;
}

/// A TOML basic string.
std::string quoted(const std::string& text) {
  json::Writer writer;
  writer.value(text);
  return writer.take();
}

}  // namespace

Drill::Drill(DrillOptions options, std::unique_ptr<simulate::StandIn> stand_in)
    : m_options(std::move(options)), m_stand_in(std::move(stand_in)) {}
Drill::~Drill() = default;

Result<std::unique_ptr<Drill>> Drill::start(const DrillOptions& options) {
  REELKEEP_ASSIGN(const simulate::StandInOptions wanted, stand_in_options(options));
  REELKEEP_ASSIGN(auto stand_in, simulate::StandIn::start(wanted));
  return std::unique_ptr<Drill>(new Drill(options, std::move(stand_in)));
}

std::string Drill::description() const {
  std::size_t files = 0;
  ByteCount bytes;
  for (const simulate::SimulatedSession& session : m_stand_in->plan().sessions())
    for (const simulate::SimulatedFile& file : session.files) {
      ++files;
      bytes += file.size;
    }
  return "serving " + std::to_string(files) + " files (" + to_string(bytes) + ") of " +
         std::to_string(m_stand_in->plan().sessions().size()) + " sessions on " +
         m_stand_in->base_url();
}

std::vector<std::string> Drill::sessions() const {
  std::vector<std::string> names;
  for (const simulate::SimulatedSession& session : m_stand_in->plan().sessions())
    names.push_back(session.conf_num.get());
  return names;
}

Status Drill::post(const std::function<void(const DrillProgress&)>& progress) {
  auto url = Url::parse(m_options.post);
  if (!url) return url.error().within("--post");
  if (url->scheme() != "http" && url->scheme() != "https")
    return Error{Errc::invalid, "--post: expected http://HOST:PORT/webhook or https://..."};
  REELKEEP_ASSIGN(Secret password,
                  secret(m_options.webhook_password, m_options.webhook_password_file,
                         "--webhook-password-file"));
  auto delay = parse_duration(m_options.delay);
  if (!delay) return delay.error().within("--delay");
  simulate::PostOptions options{.url = *url, .credential = url->user_info(), .delay = *delay};
  if (!m_options.webhook_username.empty())
    options.credential = Credential{m_options.webhook_username, std::move(password)};
  const auto client = curl::make_http_client({.ca_file = m_options.ca_file});
  return m_stand_in->post_all(*client, options, [&](const simulate::PostProgress& step) {
    progress(DrillProgress{.number = step.number,
                           .total = step.total,
                           .type = step.event.type,
                           .conf_num = step.event.conf_num.get(),
                           .failure = step.failure,
                           .duplicate = step.duplicate});
  });
}

std::string Drill::expected_json() const {
  json::Writer writer(json::Layout::pretty);
  writer.begin_array();
  for (const simulate::ExpectedFile& file : m_stand_in->expected())
    writer.begin_object()
        .member("conf_num", file.conf_num)
        .member("kind", to_string(file.kind))
        .member("stage", file.stage.empty() ? std::nullopt : std::optional(file.stage))
        .member("name", file.name)
        .member("url", file.url)
        .member("size", file.size)
        .member("sha256", file.digest)
        .end_object();
  writer.end_array();
  return writer.take();
}

Result<std::string> drill_config(const DrillOptions& options) {
  REELKEEP_ASSIGN(const simulate::StandInOptions checked, stand_in_options(options));
  std::string host = options.listen;
  std::string scheme = options.tls_certificate.empty() ? "http" : "https";
  if (!options.public_url.empty()) {
    REELKEEP_ASSIGN(const Url url, Url::parse(options.public_url));
    host = url.authority();
    scheme = url.scheme();
  } else {
    auto address = ListenAddress::parse(options.listen);
    if (!address) return address.error().within("--listen");
    if (address->port == 0)
      return Error{Errc::invalid, "--print-config needs a fixed port: --listen 127.0.0.1:8090"};
    if (address->is_wildcard()) address->host = "127.0.0.1";
    host = address->text();
  }
  std::string listen = "127.0.0.1:8080";
  std::string path = "/webhook";
  if (!options.post.empty()) {
    auto url = Url::parse(options.post);
    if (!url) return url.error().within("--post");
    listen = url->host() + ":" + std::to_string(url->effective_port());
    path = url->path();
  }
  REELKEEP_ASSIGN(
      const Secret webhook,
      secret(options.webhook_password, options.webhook_password_file, "--webhook-password-file"));
  std::string text =
      "# For an agent that fetches from `reelkeep simulate`; everything stays in one folder.\n"
      "[agent]\nstate_dir = \"simulated-state\"\n\n[webhook]\nlisten = " +
      quoted(listen) + "\npath = " + quoted(path) + "\n";
  if (!options.webhook_username.empty())
    text += "username = " + quoted(options.webhook_username) +
            "\npassword = " + quoted(webhook.reveal()) + "\n";
  text += "\n[download]\n";
  if (scheme == "http") text += "allow_plain_http = true\n";
  text += "allow_private_addresses = true\n";
  if (!options.tls_certificate.empty())
    text += "ca_file = " + quoted(options.tls_certificate) + "\n";
  text += "\n[[project]]\napp_id = " + quoted(options.app_id) + "\n";
  if (!options.username.empty())
    text += "username = " + quoted(options.username) +
            "\npassword = " + quoted(checked.files.password.reveal()) + "\n";
  text += "hosts = [" + quoted(host) + "]\n";
  return text + "api_url = " + quoted(scheme + "://" + host + "/video/v2/") +
         "\napi_id = " + quoted(options.app_id) + "\napi_key = " + quoted(options.app_key) + "\n";
}

}  // namespace reelkeep::daemon
