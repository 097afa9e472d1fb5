#include "daemon/service.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "daemon/agent_report.hpp"
#include "daemon/bounded_stop.hpp"
#include "daemon/check.hpp"
#include "daemon/config_load.hpp"
#include "daemon/metrics.hpp"
#include "daemon/notify.hpp"
#include "daemon/outlook.hpp"
#include "daemon/runtime.hpp"
#include "daemon/signals.hpp"
#include "fs/space.hpp"
#include "fs/watch.hpp"
#include "http/admin.hpp"
#include "http/webhook.hpp"
#include "sqlite/catalog.hpp"

namespace reelkeep::daemon {
namespace {

constexpr Duration k_turn{1000};  ///< the main loop looks at least this often
constexpr Duration k_reserve_look{60'000};
constexpr Duration k_refusals_rest{60'000};
constexpr Duration k_outlook_look{15'000};
constexpr int k_outlook_share = 50;         ///< looking ahead takes at most one part in so many
constexpr Duration k_healthy_turn{20'000};  ///< a loop older than this hangs, without a watchdog

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<Credential> credentials(const Config& config) {
  std::vector<Credential> users;
  for (const WebhookUser& user : config.webhook.users)
    users.push_back(Credential{user.username, user.password});
  return users;
}

Error cannot_listen(Error error, std::string_view key, const ListenAddress& address) {
  error = error.within(key);
  // The listener says already what to do; only here it is known that ss can tell more.
  if (error.code == Errc::conflict)
    error.message += " (ss -ltnp 'sport = :" + std::to_string(address.port) + "' tells which)";
  return error;
}

/// The service on the main thread.
class Service {
 public:
  Service(Config config, std::string config_path)
      : m_config_path(std::move(config_path)),
        m_state_dir(config.agent.state_dir),
        m_catalog_path(catalog_path(config)),
        m_started_with(config),
        m_config(std::move(config)) {
    note_projects();
  }

  Status run() {
    REELKEEP_ASSIGN(m_signals, signals());
    REELKEEP_ASSIGN(m_runtime, Runtime::open(m_config));
    REELKEEP_TRY(listen());
    m_runtime->start_agent(Runtime::Reconciling::yes);
    m_agent_runs = true;
    log::info("reelkeep is ready",
              {{"webhook", m_webhook->server().origin() + m_config.webhook.path},
               {"admin", m_admin->server().origin()},
               {"state_dir", m_config.agent.state_dir},
               {"version", REELKEEP_VERSION}});
    (void)m_notify.ready("receiving webhooks").has_value();
    Status ended = turn_until_told();
    stop(ended);
    return ended;
  }

 private:
  Status listen() {
    http::WebhookOptions options{.listen = m_config.webhook.listen.text(),
                                 .path = m_config.webhook.path,
                                 .users = credentials(m_config),
                                 .max_body = m_config.webhook.max_body};
    if (!m_config.webhook.tls_certificate.empty())
      options.tls = http::TlsFiles{m_config.webhook.tls_certificate, m_config.webhook.tls_key};
    auto webhook =
        http::WebhookServer::start(std::move(options), m_runtime->journal(), m_runtime->clock());
    if (!webhook)
      return cannot_listen(webhook.error(), "[webhook] listen", m_config.webhook.listen);
    m_webhook = std::move(*webhook);
    auto admin = http::AdminServer::start(m_config.admin.listen.text(),
                                          {.readiness = [this] { return readiness(); },
                                           .metrics = [this] { return metrics(); },
                                           .status = [this] { return status(); }});
    if (!admin) return cannot_listen(admin.error(), "[admin] listen", m_config.admin.listen);
    m_admin = std::move(*admin);
    return {};
  }

  /// Success: told to stop. An error: the agent cannot go on in this process.
  Status turn_until_told() {
    // Every command that appends nudges; our own writes are none of our business here.
    auto watch = fs::FolderWatch::open(m_config.agent.state_dir, "journal.db",
                                       fs::FolderWatch::Changes::nudges);
    if (!watch)
      log::warn("commands of other processes are seen with a delay",
                {{"cause", watch.error().message}});
    MonotonicTime next_reserve = m_runtime->clock().steady() + k_reserve_look;
    MonotonicTime next_refusals;
    MonotonicTime next_alive;
    MonotonicTime next_outlook;
    for (;;) {
      pollfd descriptors[] = {{.fd = m_signals.get(), .events = POLLIN, .revents = 0},
                              {.fd = watch ? watch->fd() : -1, .events = POLLIN, .revents = 0}};
      (void)::poll(descriptors, 2, static_cast<int>(k_turn.count()));
      if (watch && watch->drain()) m_runtime->agent().wake();
      switch (next_signal(m_signals)) {
        case SIGHUP:
          reload();
          break;
        case SIGTERM:
        case SIGINT:
          return {};
        default:
          break;
      }
      if (const auto ended = m_runtime->agent().status().ended) return *ended;
      const MonotonicTime now = m_runtime->clock().steady();
      if (now >= next_reserve) {
        next_reserve = now + k_reserve_look;
        m_runtime->tend_reserve();
      }
      if (now >= next_refusals && tell_refusals()) next_refusals = now + k_refusals_rest;
      if (now >= next_outlook) {
        look_ahead();
        const MonotonicTime done = m_runtime->clock().steady();
        next_outlook = done + std::max(k_outlook_look, k_outlook_share * (done - now));
      }
      if (m_notify.watchdog() && now >= next_alive && is_turning()) {
        next_alive = now + *m_notify.watchdog() / 4;
        (void)m_notify.alive().has_value();
      }
    }
  }

  /// At once, then once a minute at most: a provider with the wrong pair loses its recordings in
  /// silence else. Returns whether there was something to tell.
  bool tell_refusals() {
    const http::WebhookCounters now = m_webhook->counters();
    const bool is_news = now.unauthorized > m_told.unauthorized || now.too_large > m_told.too_large;
    if (now.unauthorized > m_told.unauthorized)
      log::warn(
          "deliveries were refused: user name or password of the webhook is wrong at the "
          "sender, or here",
          {{"refused", std::to_string(now.unauthorized - m_told.unauthorized)}});
    if (now.too_large > m_told.too_large)
      log::warn("deliveries were refused: larger than [webhook] max_body",
                {{"refused", std::to_string(now.too_large - m_told.too_large)}});
    m_told = now;
    return is_news;
  }

  /// What will miss its deadline at the present pace. A catalog that cannot be read is told by the
  /// agent.
  void look_ahead() {
    const core::AgentStatus agent = m_runtime->agent().status();
    if (agent.catching_up) return;
    auto reader = sqlite::open_catalog_reader(m_catalog_path);
    if (!reader) return;
    const Timestamp now = m_runtime->clock().now();
    const auto pace = pace_of(**reader, now, m_config.agent.warn_before, agent.bytes_per_second);
    if (!pace) return;
    const auto forecast = make_forecast(**reader, *pace);
    if (!forecast) return;
    m_outlook.tell(*forecast, agent.bytes_per_second, now);
    std::lock_guard lock(m_mutex);
    m_forecast = *forecast;
  }

  /// Every loop turned within half the watchdog's interval.
  [[nodiscard]] bool is_turning() {
    const Duration limit = m_notify.watchdog() ? *m_notify.watchdog() / 2 : k_healthy_turn;
    return m_webhook->server().loop_age() < limit && m_admin->server().loop_age() < limit &&
           m_runtime->journal().longest_turn() < limit && m_runtime->agent().longest_turn() < limit;
  }

  void reload() {
    (void)m_notify.reloading().has_value();
    ConfigResult loaded = load_config(m_config_path, Environment::of_process());
    for (const Problem& warning : loaded.warnings) log::warn(warning.text());
    if (!loaded.config) {
      for (const Problem& problem : loaded.problems) log::error(problem.text());
      log::error("the configuration was not reloaded; the old one stays in force");
    } else {
      for (const std::string& key : changes_that_need_a_restart(m_started_with, *loaded.config))
        log::warn("a change takes effect at the next start only", {{"key", key}});
      m_config = std::move(*loaded.config);
      note_projects();
      log::configure(m_config.agent.log_level, m_config.agent.log_format);
      m_webhook->set_users(credentials(m_config));
      if (!m_config.webhook.tls_certificate.empty())
        if (const Status reloaded = m_webhook->reload_tls(); !reloaded)
          log::error("the TLS certificate was not reloaded; the old one stays in force",
                     {{"cause", reloaded.error().message}});
      m_runtime->reload(m_config);
      log::info("the configuration was reloaded");
    }
    (void)m_notify.ready("receiving webhooks").has_value();
  }

  void stop(const Status& ended) {
    log::info("stopping");
    (void)m_notify.stopping("stopping").has_value();
    let_the_next_signal_end_it();
    m_webhook->stop(std::chrono::seconds(2));
    m_admin->stop(std::chrono::milliseconds(200));
    m_admin.reset();
    m_webhook.reset();
    const BoundedStop bounded(ended ? 0 : exit_status(ended.error().code));
    m_runtime->stop();
    log::info("stopped");
  }

  /// On the admin server's thread.
  http::Readiness readiness() {
    std::string failing;
    const auto fails = [&](const std::string& part, const std::string& why) {
      failing += part + ": " + why + "\n";
    };
    if (const Status probed = m_runtime->journal().probe(); !probed)
      fails("journal", probed.error().message);
    if (!m_agent_runs) {
      fails("catalog", "catching up");
      return {.ready = false, .text = failing};
    }
    const core::AgentStatus status = m_runtime->agent().status();
    if (!status.catalog_problem.empty())
      fails("catalog", status.catalog_problem);
    else if (status.catching_up)
      fails("catalog", "catching up");
    else if (auto reader = sqlite::open_catalog_reader(m_catalog_path); !reader)
      fails("catalog", reader.error().message);
    else if (auto read = (*reader)->position(); !read)
      fails("catalog", read.error().message);
    for (const auto& [store, cause] : status.store_problems) fails("store " + store, cause);
    if (!status.staging_problem.empty()) fails("disk", status.staging_problem);
    if (status.disk_paused) fails("disk", "downloads wait for free space");
    if (status.without_room > 0)
      fails("disk",
            std::to_string(status.without_room) + " waiting files are larger than the free space");
    return {.ready = failing.empty(), .text = failing.empty() ? "ok\n" : failing};
  }

  /// On the admin server's thread.
  std::string metrics() {
    Figures figures;
    figures.now = m_runtime->clock().now();
    figures.webhook = m_webhook->counters();
    if (const auto free = fs::free_bytes(m_state_dir); free)
      figures.free_by_filesystem["state"] = *free;
    if (m_agent_runs) {
      figures.agent = m_runtime->agent().status();
      figures.reconciled = m_runtime->reconciled();
      if (const auto free = m_runtime->staging().free_space(); free)
        figures.free_by_filesystem["staging"] = *free;
      for (const auto& store : m_runtime->stores())
        if (const auto free = store->free_space(); free && *free != k_no_known_limit)
          figures.free_by_filesystem[store->id().get()] = *free;
    }
    {
      std::lock_guard lock(m_mutex);
      figures.projects = m_projects;
      figures.forecast = m_forecast;
    }
    if (auto reader = sqlite::open_catalog_reader(m_catalog_path); reader)
      if (auto read = (*reader)->figures(); read) figures.catalog = std::move(*read);
    return render_metrics(figures);
  }

  /// On the admin server's thread.
  std::string status() {
    AgentReport report{.pid = ::getpid(), .version = REELKEEP_VERSION, .catching_up = true};
    if (m_agent_runs) {
      const core::AgentStatus agent = m_runtime->agent().status();
      report.catching_up = agent.catching_up;
      report.catalog_problem = agent.catalog_problem;
      report.staging_problem = agent.staging_problem;
      report.disk_paused = agent.disk_paused;
      report.store_problems = agent.store_problems;
      report.destination_problems = agent.destination_problems;
      for (const core::OpenBreaker& one : agent.open_breakers)
        report.breakers.push_back({one.key, one.since, one.next_probe});
      report.unconfigured.assign(agent.unconfigured.begin(), agent.unconfigured.end());
      report.running = static_cast<std::int64_t>(agent.running);
      report.received_bytes = agent.received_bytes;
      report.bytes_per_second = agent.bytes_per_second;
    }
    std::lock_guard lock(m_mutex);
    report.forecast = m_forecast;
    return encode(report);
  }

  void note_projects() {
    std::lock_guard lock(m_mutex);
    m_projects.clear();
    for (const ProjectConfig& project : m_config.projects)
      m_projects.push_back(project.app_id.get());
  }

  // constant after construction
  const std::string m_config_path;
  const std::string m_state_dir;
  const std::string m_catalog_path;
  const Config m_started_with;  ///< what listeners, stores and staging are, whatever came later

  // main thread only
  Config m_config;
  http::WebhookCounters m_told;  ///< refusals that were logged
  OutlookTeller m_outlook;

  std::mutex m_mutex;
  std::vector<std::string> m_projects;  ///< guarded by m_mutex: for the admin thread
  std::optional<Forecast> m_forecast;   ///< guarded by m_mutex: as last made
  Notify m_notify = Notify::of_process();
  UniqueFd m_signals;
  std::unique_ptr<Runtime> m_runtime;
  std::unique_ptr<http::WebhookServer> m_webhook;
  std::atomic<bool> m_agent_runs = false;
  std::unique_ptr<http::AdminServer> m_admin;
};

}  // namespace

Status serve(const ServeOptions& options) {
  ConfigResult loaded = load_config(options.config_path, Environment::of_process());
  if (!loaded.config) return loaded.error();
  log::configure(loaded.config->agent.log_level, loaded.config->agent.log_format);
  for (const Problem& warning : loaded.warnings) log::warn(warning.text());
  ::umask(0077);
  raise_descriptor_limit();
  return Service(std::move(*loaded.config), options.config_path).run();
}

}  // namespace reelkeep::daemon
