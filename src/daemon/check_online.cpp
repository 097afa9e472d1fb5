// check --online: what only the other side can tell.
#include <algorithm>
#include <chrono>
#include <iterator>

#include "reelkeep/base/text.hpp"

#include "curl/http_client.hpp"
#include "daemon/check.hpp"
#include "daemon/runtime.hpp"
#include "enablex/provider_api.hpp"
#include "s3/refusal.hpp"
#include "sqlite/catalog.hpp"

namespace reelkeep::daemon {
namespace {

using Severity = Finding::Severity;

constexpr std::int64_t k_newest_sessions = 200;  ///< that a file to try is looked for in
constexpr Duration k_noticed{30'000};            ///< of a clock: shifts deadlines
constexpr Duration k_harmful{5 * 60'000};        ///< spoils signatures
constexpr Duration k_patience{15'000};
const std::string k_set_clock =
    "set it (timedatectl set-ntp true): deadlines, signatures and TLS need it";

Timestamp wall_clock() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

/// The pair may be sent there. The URL came from the network.
bool may_ask(const Url& url, const Config& config, const ProjectConfig& project) {
  if (url.scheme() != "https" && !(url.scheme() == "http" && config.download.allow_plain_http))
    return false;
  return std::ranges::any_of(project.hosts,
                             [&](const HostPattern& host) { return host.matches(url); });
}

/// The newest file of that project that the pair may be sent for.
Result<std::optional<Url>> newest_url(const Config& config, const ProjectConfig& project) {
  auto reader = sqlite::open_catalog_reader(catalog_path(config));
  if (!reader) {
    if (reader.error().code == Errc::not_found) return std::optional<Url>();
    return reader.error();
  }
  std::vector<SessionKey> keys;
  REELKEEP_TRY((*reader)->sessions({.limit = k_newest_sessions}, Timestamp{}, Duration{},
                                   [&](const SessionSummary& summary, std::int64_t) {
                                     const SessionKey& key = summary.session.key;
                                     if (config.project_of(key.app_id) == &project)
                                       keys.push_back(key);
                                     return true;
                                   }));
  for (const SessionKey& key : keys) {
    REELKEEP_ASSIGN(const std::vector<SessionView> found,
                    (*reader)->find(key.conf_num, key.app_id));
    for (const SessionView& view : found) {
      for (const ArtifactView& one : view.artifacts) {
        const ArtifactKind kind = one.artifact.identity.kind;
        // A CDR is the API's, and what was delivered is offered nowhere.
        if (kind == ArtifactKind::cdr || kind == ArtifactKind::delivered) continue;
        auto url = Url::parse(one.artifact.url);
        if (url && may_ask(*url, config, project)) return std::optional(*std::move(url));
      }
    }
  }
  return std::optional<Url>();
}

/// The clock against each server that was asked, once.
class Clocks {
 public:
  void compare(std::vector<Finding>& findings, const Url& url, const HttpAnswer& answer) {
    const auto text = answer.header("date");
    const auto theirs = text ? s3::parse_http_date(*text) : std::nullopt;
    if (!theirs || std::ranges::count(m_hosts, url.authority()) > 0) return;
    m_hosts.push_back(url.authority());
    findings.push_back(compare_clock(url.authority(), *theirs, wall_clock()));
  }

 private:
  std::vector<std::string> m_hosts;
};

/// What the server's status says of the pair.
Finding judge_pair(const std::string& name, const std::string& pair, int status) {
  if (status / 100 == 2) return {.what = name + " accepts " + pair};
  if (status == 401 || status == 403)
    return {.severity = Severity::error,
            .what = name + " refuses " + pair + " (status " + std::to_string(status) + ")",
            .way_out =
                "compare username and password with the provider's portal (recording file "
                "security)",
            .code = Errc::unauthorized};
  return {.severity = Severity::warning,
          .what = name + " answers with status " + std::to_string(status) +
                  " for the newest known file: whether it accepts " + pair + " is not known",
          .way_out = "try again when the next file is offered",
          .code = Errc::unavailable};
}

/// One byte of a file that is known: enough to hear what the pair is worth.
void try_pair(std::vector<Finding>& findings, HttpClient& http, Clocks& clocks,
              const ProjectConfig& project, const std::string& project_name, const Url& url) {
  const std::string name = project_name + ": " + url.authority();
  const std::string pair =
      project.credential() ? "the file credentials" : "requests without file credentials";
  bool gives = false;
  const auto answer = http.send({.url = url,
                                 .headers = {{"Range", "bytes=0-0"}},
                                 .answer_sink = [&](std::span<const std::byte> bytes) -> Status {
                                   gives = true;
                                   if (bytes.size() <= 1) return {};
                                   return Error{Errc::cancelled, "more than was asked for"};
                                 },
                                 .credential = project.credential(),
                                 .max_answer = 64_KiB,
                                 .timeout = k_patience});
  if (answer) {
    findings.push_back(judge_pair(name, pair, answer->status));
    clocks.compare(findings, url, *answer);
  } else if (gives) {  // the whole file, to a server without ranges
    findings.push_back(judge_pair(name, pair, 200));
  } else {
    findings.push_back({.severity = Severity::error,
                        .what = project_name + ": " + answer.error().message,
                        .way_out = "look at the network, the proxy and ca_file",
                        .code = answer.error().code});
  }
}

void try_api(std::vector<Finding>& findings, HttpClient& http, Clocks& clocks,
             const ApiAccess& access, const std::string& project_name) {
  const auto api = enablex::make_provider_api(http);
  const auto today = std::chrono::floor<std::chrono::days>(wall_clock());
  const auto listed = api->archive(access, {.days = Days{today, today}}, nullptr);
  const std::string name = project_name + ": api_url " + access.url.authority();
  if (!listed && listed.error().code != Errc::not_found) {
    const bool refused = listed.error().code == Errc::unauthorized;
    findings.push_back({.severity = Severity::error,
                        .what = project_name + ": api_url: " + listed.error().message,
                        .way_out = refused ? "compare api_id and api_key with the provider's portal"
                                           : "look at api_url, the network, the proxy and ca_file",
                        .code = listed.error().code});
    return;
  }
  findings.push_back({.what = name + " accepts api_id and api_key"});
  // Without the pair: only the Date matters.
  const auto answer =
      http.send({.method = "GET", .url = access.url, .max_answer = 64_KiB, .timeout = k_patience});
  if (answer) clocks.compare(findings, access.url, *answer);
}

}  // namespace

Finding compare_clock(const std::string& host, Timestamp theirs, Timestamp now) {
  const Duration off = now > theirs ? now - theirs : theirs - now;
  const std::string what = "clock: " + std::to_string(off.count() / 1000) + " s " +
                           (now > theirs ? "ahead of " : "behind ") + host;
  if (off < k_noticed) return {.what = what};
  return {.severity = off < k_harmful ? Severity::warning : Severity::error,
          .what = what,
          .way_out = k_set_clock,
          .code = Errc::invalid};
}

std::vector<Finding> check_online(const Config& config) {
  std::vector<Finding> findings;
  const auto http = curl::make_http_client({.ca_file = config.download.ca_file,
                                            .proxy = config.download.proxy.reveal(),
                                            .connect_timeout = config.download.connect_timeout});
  Clocks clocks;
  for (const ProjectConfig& project : config.projects) {
    const std::string name = "[[project]] \"" + text::printable(project.app_id.get()) + "\"";
    const auto url = newest_url(config, project);
    if (!url)
      findings.push_back({.severity = Severity::error,
                          .what = name + ": the catalog: " + url.error().message,
                          .way_out = "the file credentials were not tried",
                          .code = url.error().code});
    else if (*url)
      try_pair(findings, *http, clocks, project, name, **url);
    else
      findings.push_back({.severity = Severity::warning,
                          .what = name + ": no URL of a file is known yet to try the file "
                                         "credentials with",
                          .way_out = "try again when the first recording was offered",
                          .code = Errc::not_found});
    if (const auto access = project.api()) try_api(findings, *http, clocks, *access, name);
  }
  std::vector<Finding> destinations = check_destinations(config, *http);
  std::ranges::move(destinations, std::back_inserter(findings));
  return findings;
}

}  // namespace reelkeep::daemon
