#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "reelkeep/port/catalog.hpp"
#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/journal.hpp"

#include "core/reconcile.hpp"

namespace reelkeep::core {

/// What the catalog says of sessions. One thread.
class CatalogSessions final : public KnownSessions {
 public:
  explicit CatalogSessions(CatalogReader& catalog) : m_catalog(catalog) {}
  Result<KnownSession> known(const SessionKey& session) override;

 private:
  CatalogReader& m_catalog;
};

/// How the comparisons of one project went since the start.
struct ReconcileStatus {
  std::uint64_t found = 0;  ///< artifacts that no event had told of
  std::uint64_t failures = 0;
  std::optional<Timestamp> succeeded_at;
};

struct ReconcilerPorts {
  ProviderApi* api = nullptr;
  const Provider* provider = nullptr;
  JournalWriter* journal = nullptr;
  const Clock* clock = nullptr;
  std::function<Result<std::unique_ptr<CatalogReader>>()> open_catalog;  ///< on the worker's thread
};

/// Asks the archive API of every project that has one, at the start and then every few hours, and
/// appends to the journal what no event told of: the agent applies it like any event. A thread of
/// its own, because an API may take its time; ports are borrowed and outlive it. Methods from any
/// thread.
class Reconciler {
 public:
  Reconciler(ReconcilerPorts ports, std::shared_ptr<const Policy> policy);
  ~Reconciler();

  /// The catalog is what the journal says: comparisons make sense from now on.
  void begin();
  /// A project whose API access changed is asked at once.
  void set_policy(std::shared_ptr<const Policy> policy);
  /// Ends a question that is under way within about a second.
  void stop();
  /// By app_id of the [[project]] block.
  [[nodiscard]] std::map<std::string, ReconcileStatus> status() const;

 private:
  void run();
  /// Success of all of them; else when the failing server wants to be asked again at the earliest.
  Duration round(const Policy& policy);
  Status ask(const Policy& policy, const ProjectPolicy& project, Timestamp now);

  const ReconcilerPorts m_ports;
  std::atomic<bool> m_stopping = false;
  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::shared_ptr<const Policy> m_policy;           ///< guarded by m_mutex
  std::optional<MonotonicTime> m_due;               ///< guarded by m_mutex; nothing: not begun
  std::map<std::string, ReconcileStatus> m_status;  ///< guarded by m_mutex
  std::thread m_thread;                             ///< last member
};

}  // namespace reelkeep::core
