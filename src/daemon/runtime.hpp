#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "reelkeep/port/http_client.hpp"
#include "reelkeep/port/journal.hpp"
#include "reelkeep/port/provider.hpp"

#include "core/agent.hpp"
#include "core/reconciler.hpp"
#include "daemon/config.hpp"
#include "daemon/destinations.hpp"
#include "fs/intake_reserve.hpp"
#include "fs/state_lock.hpp"

namespace reelkeep::daemon {

[[nodiscard]] std::string journal_path(const Config& config);
[[nodiscard]] std::string catalog_path(const Config& config);

/// What the configuration means to core.
[[nodiscard]] std::shared_ptr<const core::Policy> policy_of(const Config& config);
[[nodiscard]] FetchLimits limits_of(const Config& config);

/// The agent with everything that it borrows, in the order of its life: state lock, reserve,
/// journal, and, from start_agent() on, staging, stores and the agent. Main thread.
class Runtime {
 public:
  /// Takes the state lock and opens the journal: from then on deliveries can be stored.
  static Result<std::unique_ptr<Runtime>> open(const Config& config);
  ~Runtime();

  /// With `reconciling`, also what asks the provider's archive for what no event told of.
  enum class Reconciling { no, yes };
  void start_agent(Reconciling reconciling);
  /// Ends the agent and moves the journal's WAL into its file.
  void stop();
  /// What can change while running: projects, credentials, users, limits.
  void reload(const Config& config);
  /// Takes the intake reserve again after it was given up. Cheap.
  void tend_reserve();

  [[nodiscard]] JournalWriter& journal() noexcept { return *m_journal; }
  [[nodiscard]] core::Agent& agent() noexcept { return *m_agent; }
  [[nodiscard]] const std::vector<std::unique_ptr<Store>>& stores() const noexcept {
    return m_stores;
  }
  [[nodiscard]] std::map<std::string, core::ReconcileStatus> reconciled() const {
    return m_reconciler ? m_reconciler->status() : std::map<std::string, core::ReconcileStatus>();
  }
  [[nodiscard]] Staging& staging() noexcept { return *m_staging; }
  [[nodiscard]] const Clock& clock() const noexcept { return *m_clock; }

 private:
  Runtime(const Config& config, fs::StateLock lock);
  const std::vector<std::string>& volatile_query(const AppId& app_id);
  HttpClient& http();
  std::unique_ptr<Store> make_store(const StoreConfig& store);
  DestinationSettings destination_settings(const StoreId& id);

  fs::StateLock m_lock;
  fs::IntakeReserve m_reserve;
  const std::unique_ptr<Clock> m_clock;
  std::mutex m_mutex;
  /// Every configuration of this run, newest last: what volatile_query() returned stays valid.
  std::deque<Config> m_configs;  ///< guarded by m_mutex
  const std::unique_ptr<Provider> m_provider;
  std::atomic<core::Agent*> m_awake = nullptr;  ///< woken by commits once it exists
  std::unique_ptr<JournalWriter> m_journal;
  std::unique_ptr<Staging> m_staging;
  std::unique_ptr<HttpClient> m_http;  ///< of S3 and the REST API; made when needed
  std::vector<std::unique_ptr<Store>> m_stores;
  std::vector<std::unique_ptr<Destination>> m_destinations;
  std::unique_ptr<ProviderApi> m_api;
  std::unique_ptr<core::Reconciler> m_reconciler;  ///< the agent tells it when to begin
  std::unique_ptr<core::Agent> m_agent;
};

}  // namespace reelkeep::daemon
