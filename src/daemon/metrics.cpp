#include "daemon/metrics.hpp"

#include <algorithm>
#include <limits>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace reelkeep::daemon {
namespace {

double seconds_between(Timestamp from, Timestamp to) {
  return std::chrono::duration<double>(to - from).count();
}

class Page {
 public:
  void counter(const char* name, const char* help, const prometheus::Labels& labels,
               std::uint64_t value) {
    prometheus::BuildCounter()
        .Name(name)
        .Help(help)
        .Register(m_registry)
        .Add(labels)
        .Increment(static_cast<double>(value));
  }
  void gauge(const char* name, const char* help, const prometheus::Labels& labels, double value) {
    prometheus::BuildGauge().Name(name).Help(help).Register(m_registry).Add(labels).Set(value);
  }
  [[nodiscard]] std::string text() const {
    return prometheus::TextSerializer().Serialize(m_registry.Collect());
  }

 private:
  prometheus::Registry m_registry{prometheus::Registry::InsertBehavior::Merge};
};

constexpr ArtifactState k_states[] = {
    ArtifactState::planned, ArtifactState::running,   ArtifactState::verifying,
    ArtifactState::waiting, ArtifactState::archived,  ArtifactState::quarantined,
    ArtifactState::expired, ArtifactState::cancelled, ArtifactState::delivered};
constexpr ReplicaState k_replica_states[] = {ReplicaState::verified, ReplicaState::superseded,
                                             ReplicaState::delivered, ReplicaState::missing,
                                             ReplicaState::corrupt};
constexpr Errc k_codes[] = {Errc::invalid,     Errc::not_found, Errc::unauthorized, Errc::conflict,
                            Errc::unavailable, Errc::timeout,   Errc::no_space,     Errc::corrupt,
                            Errc::internal,    Errc::cancelled};

}  // namespace

std::string render_metrics(const Figures& figures) {
  Page page;
  const auto deliveries = [&](const char* result, std::uint64_t value) {
    page.counter("reelkeep_deliveries_total",
                 "Webhook POSTs since the start, by what became of them", {{"result", result}},
                 value);
  };
  deliveries("stored", figures.webhook.stored);
  deliveries("duplicate", figures.webhook.duplicate);
  deliveries("unauthorized", figures.webhook.unauthorized);
  deliveries("too_large", figures.webhook.too_large);
  deliveries("failed", figures.webhook.failed);

  const auto attempts = [&](const std::string& code, std::uint64_t value) {
    page.counter("reelkeep_attempts_total", "Download attempts since the start, by outcome",
                 {{"code", code}}, value);
  };
  attempts("ok", figures.agent.successes);
  for (const Errc code : k_codes) {
    const auto found = figures.agent.failures.find(code);
    attempts(std::string(to_string(code)),
             found == figures.agent.failures.end() ? 0 : found->second);
  }
  page.counter("reelkeep_received_bytes_total", "Body bytes received since the start", {},
               figures.agent.received_bytes);
  page.counter("reelkeep_audited_bytes_total", "Bytes of replicas read back since the start", {},
               figures.agent.audited_bytes);
  page.gauge("reelkeep_running_transfers", "Downloads in hand", {},
             static_cast<double>(figures.agent.running));
  page.gauge("reelkeep_catching_up", "1 while the catalog is behind the journal", {},
             figures.agent.catching_up ? 1 : 0);
  page.gauge("reelkeep_disk_paused", "1 while downloads wait for free space", {},
             figures.agent.disk_paused ? 1 : 0);
  const auto open = [&](const std::string& key) {
    return std::ranges::count(figures.agent.open_breakers, key, &core::OpenBreaker::key) > 0 ? 1
                                                                                             : 0;
  };
  page.gauge("reelkeep_files_without_room", "Waiting files that are larger than the free space", {},
             static_cast<double>(figures.agent.without_room));
  page.gauge("reelkeep_unconfigured_app_ids",
             "app_ids whose files are fetched by nobody: no [[project]] is for them", {},
             static_cast<double>(figures.agent.unconfigured.size()));
  for (const std::string& project : figures.projects) {
    page.gauge("reelkeep_breaker_open", "1 while the file credentials of a project are refused",
               {{"app_id", project}}, open(project));
    page.gauge("reelkeep_api_breaker_open",
               "1 while the provider refuses a project's api_id and api_key for CDRs",
               {{"app_id", project}}, open(core::Breakers::api_key_of(project)));
  }
  for (const auto& [project, reconciled] : figures.reconciled) {
    page.counter("reelkeep_reconciled_total",
                 "Artifacts since the start that the archive API listed and no event told of: "
                 "webhooks are being missed",
                 {{"app_id", project}}, reconciled.found);
    page.counter("reelkeep_reconcile_failures_total",
                 "Comparisons with the provider's archive that failed since the start",
                 {{"app_id", project}}, reconciled.failures);
    if (reconciled.succeeded_at)
      page.gauge("reelkeep_reconcile_success_timestamp_seconds",
                 "When the provider's archive was last compared, in seconds since 1970",
                 {{"app_id", project}}, seconds_between(Timestamp{}, *reconciled.succeeded_at));
  }
  for (const auto& [store, problem] : figures.agent.store_problems)
    page.gauge("reelkeep_store_unavailable", "1 while a store cannot be used", {{"store", store}},
               1);
  for (const auto& [key, count] : figures.agent.at_destinations)
    page.counter("reelkeep_destination_files_total",
                 "What became of pushed files at their destination since the start, by replica "
                 "state, \"fetched\", or the code of the error",
                 {{"destination", key.first}, {"outcome", key.second}}, count);
  for (const auto& [destination, problem] : figures.agent.destination_problems)
    page.gauge("reelkeep_destination_unavailable", "1 while a destination cannot be used",
               {{"destination", destination}}, 1);
  for (const auto& [filesystem, free] : figures.free_by_filesystem)
    page.gauge("reelkeep_free_bytes", "Free space", {{"filesystem", filesystem}},
               static_cast<double>(free.get()));
  if (figures.agent.bytes_per_second)
    page.gauge("reelkeep_download_rate_bytes", "Bytes per second, measured lately under load", {},
               *figures.agent.bytes_per_second);
  if (figures.forecast) {
    page.gauge("reelkeep_forecast_missed_artifacts",
               "Artifacts that will come after their deadline at the present pace", {},
               static_cast<double>(figures.forecast->missed));
    page.gauge("reelkeep_overdue_artifacts",
               "Artifacts not received yet whose deadline is nearer than warn_before, or past", {},
               static_cast<double>(figures.forecast->near + figures.forecast->past));
    page.gauge("reelkeep_queued_bytes",
               "Bytes still to be received: declared, else typical of their kind", {},
               static_cast<double>(figures.forecast->bytes.get()));
  }
  if (!figures.catalog) return page.text();

  for (const ArtifactState state : k_states) {
    const auto found = figures.catalog->artifacts.find(state);
    page.gauge("reelkeep_artifacts", "Artifacts by state",
               {{"state", std::string(to_string(state))}},
               found == figures.catalog->artifacts.end() ? 0 : static_cast<double>(found->second));
  }
  for (const ReplicaState state : k_replica_states) {
    const auto found = figures.catalog->replicas.find(state);
    page.gauge("reelkeep_replicas", "Replicas by what was last found of them",
               {{"state", std::string(to_string(state))}},
               found == figures.catalog->replicas.end() ? 0 : static_cast<double>(found->second));
  }
  page.gauge("reelkeep_deliveries", "Deliveries that are kept and could not be applied",
             {{"state", "quarantined"}},
             static_cast<double>(figures.catalog->quarantined_deliveries));
  for (const auto& [store, due] : figures.catalog->next_audit)
    page.gauge("reelkeep_audit_overdue_seconds",
               "For how long the replica that waits longest is due to be read back; 0: none is",
               {{"store", store}},
               due == k_at_once ? 0 : std::max(0.0, seconds_between(due, figures.now)));
  page.gauge("reelkeep_oldest_unarchived_seconds",
             "Age of the oldest artifact that is work left; 0 when there is none", {},
             figures.catalog->oldest_unarchived
                 ? seconds_between(*figures.catalog->oldest_unarchived, figures.now)
                 : 0);
  page.gauge("reelkeep_nearest_deadline_seconds",
             "Seconds until the nearest deadline of work left (negative: past; +Inf: no work)", {},
             figures.catalog->nearest_deadline
                 ? seconds_between(figures.now, *figures.catalog->nearest_deadline)
                 : std::numeric_limits<double>::infinity());
  return page.text();
}

}  // namespace reelkeep::daemon
