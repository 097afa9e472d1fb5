#include "daemon/runtime.hpp"

#include <algorithm>
#include <cerrno>
#include <malloc.h>
#include <sys/resource.h>

#include "reelkeep/base/log.hpp"

#include "curl/fetcher.hpp"
#include "curl/http_client.hpp"
#include "daemon/late_staging.hpp"
#include "daemon/s3_places.hpp"
#include "daemon/system_clock.hpp"
#include "enablex/payload.hpp"
#include "enablex/provider_api.hpp"
#include "fs/local_store.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/place.hpp"

namespace reelkeep::daemon {
namespace {

/// A catalog without the journal that it was built from is about to be built anew, from nothing: it
/// is then the only thing that still tells what was archived. One that is damaged tells nothing.
Status keep_orphaned_catalog(const Config& config, Timestamp now) {
  const std::string catalog = catalog_path(config);
  REELKEEP_ASSIGN(const bool has_journal, sqlite::file_exists(journal_path(config)));
  if (has_journal) return {};
  REELKEEP_ASSIGN(const bool has_catalog, sqlite::file_exists(catalog));
  if (!has_catalog) return {};
  std::string stamp = to_rfc3339(now);
  std::erase(stamp, ':');
  const std::string kept = catalog + ".before-" + stamp;
  if (const Status copied = sqlite::copy_catalog(catalog, kept); !copied) {
    if (copied.error().code != Errc::corrupt)
      return copied.error().within(
          "the journal " + journal_path(config) +
          " is gone, and its catalog cannot be kept aside before a new one is begun; put the "
          "journal back, or move the catalog away");
    log::error("the journal is gone: a new one is begun; the old catalog is damaged and not kept",
               {{"journal", journal_path(config)}, {"cause", copied.error().message}});
    return {};
  }
  log::error(
      "the journal is gone: a new one is begun, and the catalog is built anew from it, without the "
      "old sessions; what the old catalog knew is kept in a copy. If you have the journal, stop "
      "the agent and put it back",
      {{"journal", journal_path(config)}, {"catalog_kept_in", kept}});
  return {};
}

constexpr int k_behind_the_intake = 10;  ///< steps of nice: about a tenth of the intake's share

/// A sender waits for the intake, nobody for archiving: where there is not enough of the machine
/// for both, this thread and those that it makes have what the intake leaves.
void go_behind_the_intake() {
  constexpr int k_last = 19;
  const int nice = std::min(::getpriority(PRIO_PROCESS, 0) + k_behind_the_intake, k_last);
  if (::setpriority(PRIO_PROCESS, 0, nice) != 0)
    log::warn(
        "archiving cannot be put behind the intake and may slow it down: let the service call "
        "setpriority (SystemCallFilter= of its unit)",
        {{"cause", Error::from_errno(errno, "setpriority").message}});
}

/// glibc gives each freed end of a heap back to the system, and has to ask for it again a moment
/// later: with many threads every time is an interrupt for all of them (6 % of the CPU of short
/// files). libcurl's buffers of 128 KiB come from the heap then.
void keep_freed_memory() {
#ifdef __GLIBC__
  (void)::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  (void)::mallopt(M_TOP_PAD, 1 << 20);
  (void)::mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

}  // namespace

std::string journal_path(const Config& config) {
  return config.agent.state_dir + "/journal.db";
}
std::string catalog_path(const Config& config) {
  return config.agent.state_dir + "/catalog.db";
}

std::shared_ptr<const core::Policy> policy_of(const Config& config) {
  auto policy = std::make_shared<core::Policy>();
  policy->layout = config.archive.layout;
  policy->retry = {config.download.retry_min, config.download.retry_max};
  policy->warn_before = config.agent.warn_before;
  policy->concurrency = config.download.concurrency;
  policy->per_host = config.download.per_host;
  policy->minimum_free_space = config.download.minimum_free_space;
  policy->audit_every = config.audit.every;
  policy->audit_rate = config.audit.rate_limit;
  policy->keep_bodies = config.journal.keep_bodies;
  policy->reconcile_every = config.reconcile.every;
  policy->reconcile_look_back = config.reconcile.look_back;
  for (const ProjectConfig& project : config.projects)
    policy->projects.push_back(core::ProjectPolicy{
        .app_id = project.app_id,
        .credential = project.credential(),
        .rules = {.hosts = project.hosts,
                  .redirect_hosts = project.redirect_hosts,
                  .allow_plain_http = config.download.allow_plain_http,
                  .allow_private_addresses = config.download.allow_private_addresses},
        .api = project.api(),
        .offered_for = project.offered_for,
        .stores = project.stores});
  for (const DestinationConfig& destination : config.destinations)
    policy->destinations.push_back(destination.rule());
  for (const WebhookUser& user : config.webhook.users) policy->users[user.username] = user.app_ids;
  return policy;
}

FetchLimits limits_of(const Config& config) {
  return FetchLimits{.bytes_per_second = config.download.rate_limit.get(),
                     .connect_timeout = config.download.connect_timeout,
                     .stall_timeout = config.download.stall_timeout,
                     .ca_file = config.download.ca_file,
                     .proxy = config.download.proxy.reveal()};
}

Runtime::Runtime(const Config& config, fs::StateLock lock)
    : m_lock(std::move(lock)),
      m_reserve(config.agent.state_dir, config.agent.intake_reserve),
      m_clock(std::make_unique<SystemClock>()),
      m_configs{config},
      m_provider(
          enablex::make_provider([this](const AppId& app_id) -> const std::vector<std::string>& {
            return volatile_query(app_id);
          })) {}

Runtime::~Runtime() {
  stop();
}

Result<std::unique_ptr<Runtime>> Runtime::open(const Config& config) {
  keep_freed_memory();
  REELKEEP_ASSIGN(fs::StateLock lock, fs::StateLock::acquire(config.agent.state_dir));
  std::unique_ptr<Runtime> runtime(new Runtime(config, std::move(lock)));
  REELKEEP_TRY(keep_orphaned_catalog(config, runtime->m_clock->now()));
  runtime->tend_reserve();
  REELKEEP_ASSIGN(runtime->m_journal,
                  sqlite::open_journal_writer(
                      journal_path(config),
                      {.release_reserve =
                           [reserve = &runtime->m_reserve] {
                             const bool released = reserve->release();
                             if (released)
                               log::error(
                                   "the disk of state_dir is full: the intake lives on its "
                                   "reserve now; make space");
                             return released;
                           },
                       .committed =
                           [awake = &runtime->m_awake](std::size_t) {
                             if (core::Agent* agent = awake->load()) agent->wake();
                           }}));
  return runtime;
}

void Runtime::start_agent(Reconciling reconciling) {
  const Config& config = m_configs.front();
  std::vector<Store*> stores;
  for (const StoreConfig& store : config.stores) {
    m_stores.push_back(make_store(store));
    stores.push_back(m_stores.back().get());
  }
  std::vector<Destination*> destinations;
  for (const DestinationConfig& destination : config.destinations) {
    m_destinations.push_back(
        daemon::make_destination(destination, http(), *m_clock,
                                 [this, id = destination.id] { return destination_settings(id); }));
    destinations.push_back(m_destinations.back().get());
  }
  // Staging below a store's root is that filesystem's: not before the root is known to be ours.
  Store* above = nullptr;
  for (std::size_t i = 0; i < config.stores.size(); ++i)
    if (config.stores[i].type == StoreConfig::Type::local &&
        config.download.staging_dir.starts_with(config.stores[i].path + "/"))
      above = stores[i];
  m_staging = std::make_unique<LateStaging>(
      config.download.staging_dir, config.download.minimum_free_space, [above]() -> Status {
        const Status ready = above != nullptr ? above->ready() : Status();
        if (ready) return {};
        return ready.error().within("it lies in store \"" + above->id().get() + "\"");
      });
  const std::shared_ptr<const core::Policy> policy = policy_of(config);
  if (reconciling == Reconciling::yes) {
    m_api = enablex::make_provider_api(http());
    m_reconciler = std::make_unique<core::Reconciler>(
        core::ReconcilerPorts{
            .api = m_api.get(),
            .provider = m_provider.get(),
            .journal = m_journal.get(),
            .clock = m_clock.get(),
            .open_catalog =
                [path = catalog_path(config)] { return sqlite::open_catalog_reader(path); }},
        policy);
  }
  m_agent = std::make_unique<core::Agent>(
      core::AgentPorts{
          .open_journal = [path =
                               journal_path(config)] { return sqlite::open_journal_reader(path); },
          .open_catalog = [path = catalog_path(config)] { return sqlite::open_catalog(path); },
          .remove_catalog = [path = catalog_path(config)] { return sqlite::remove_catalog(path); },
          .journal = m_journal.get(),
          .provider = m_provider.get(),
          .staging = m_staging.get(),
          .stores = std::move(stores),
          .destinations = std::move(destinations),
          .clock = m_clock.get(),
          .thread_began = go_behind_the_intake,
          .caught_up =
              [this] {
                if (m_reconciler) m_reconciler->begin();
              },
          .make_fetcher = [limits = limits_of(config)](
                              FetchSink& sink) { return curl::make_fetcher(sink, limits); }},
      policy);
  m_agent->start();
  m_awake = m_agent.get();
}

HttpClient& Runtime::http() {
  const Download& download = m_configs.front().download;
  if (!m_http)
    m_http = curl::make_http_client({.ca_file = download.ca_file,
                                     .proxy = download.proxy.reveal(),
                                     .connect_timeout = download.connect_timeout});
  return *m_http;
}

std::unique_ptr<Store> Runtime::make_store(const StoreConfig& store) {
  const Config& config = m_configs.front();
  switch (store.type) {
    case StoreConfig::Type::local:
      return fs::make_local_store(store.id, store.path,
                                  {.staging_dir = config.download.staging_dir});
    case StoreConfig::Type::s3:
      break;
  }
  // Credentials are those of the newest configuration that still has the store.
  const auto access = [this, id = store.id] {
    std::lock_guard lock(m_mutex);
    for (auto newest = m_configs.rbegin(); newest != m_configs.rend(); ++newest)
      if (const StoreConfig* found = newest->store_of(id)) return access_of(*found);
    return s3::AccessKey{};
  };
  return s3::make_s3_store(store.id, http(), *m_clock,
                           {.bucket = bucket_of(store),
                            .prefix = store.prefix,
                            .objects = {store.storage_class, store.server_side_encryption},
                            .access = access});
}

/// Those of the newest configuration that still has the destination.
DestinationSettings Runtime::destination_settings(const StoreId& id) {
  std::lock_guard lock(m_mutex);
  for (auto newest = m_configs.rbegin(); newest != m_configs.rend(); ++newest)
    if (const DestinationConfig* found = newest->destination_of(id))
      return {*found, newest->download.connect_timeout, newest->download.stall_timeout};
  abort_broken_invariant("a destination that no configuration had");
}

void Runtime::stop() {
  m_awake = nullptr;
  if (m_reconciler) m_reconciler->stop();
  if (m_agent) m_agent->stop();
  if (m_journal) {
    if (const Status moved = m_journal->checkpoint(); !moved)
      log::warn("the journal's WAL stays beside it", {{"cause", moved.error().message}});
  }
  m_journal.reset();  // its last callbacks still know the agent
  m_agent.reset();
}

void Runtime::reload(const Config& config) {
  {
    std::lock_guard lock(m_mutex);
    m_configs.push_back(config);
  }
  const std::shared_ptr<const core::Policy> policy = policy_of(config);
  m_agent->set_policy(policy);
  if (m_reconciler) m_reconciler->set_policy(policy);
  m_agent->set_limits(limits_of(config));
}

void Runtime::tend_reserve() {
  if (m_reserve.held()) return;
  if (const Status taken = m_reserve.ensure(); !taken)
    log::warn("the intake reserve cannot be taken yet", {{"cause", taken.error().message}});
}

const std::vector<std::string>& Runtime::volatile_query(const AppId& app_id) {
  static const std::vector<std::string> none;
  std::lock_guard lock(m_mutex);
  const ProjectConfig* project = m_configs.back().project_of(app_id);
  return project != nullptr ? project->volatile_query : none;
}

}  // namespace reelkeep::daemon
