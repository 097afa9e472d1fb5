#include "core/reconciler.hpp"

#include <algorithm>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/thread_name.hpp"

namespace reelkeep::core {
namespace {

constexpr Duration k_idle{std::chrono::hours(24)};  ///< a condition needs some end

bool same_access(const Policy& a, const Policy& b) {
  const auto has = [](const Policy& policy, const ProjectPolicy& project) {
    return std::ranges::any_of(policy.projects, [&](const ProjectPolicy& other) {
      return other.app_id == project.app_id && other.api == project.api;
    });
  };
  return std::ranges::all_of(
      b.projects, [&](const ProjectPolicy& project) { return !project.api || has(a, project); });
}

/// It was tried, or was archived and lost, and is still wanted. What was not tried yet has the URL
/// of its event, which is as good.
bool wants_another_url(const Artifact& artifact) {
  switch (artifact.state) {
    case ArtifactState::planned:
    case ArtifactState::waiting:
    case ArtifactState::expired:
    case ArtifactState::quarantined:
      return artifact.error.has_value();
    case ArtifactState::running:
    case ArtifactState::verifying:
    case ArtifactState::archived:
    case ArtifactState::cancelled:
    case ArtifactState::delivered:
      return false;
  }
  return false;
}

}  // namespace

Result<KnownSession> CatalogSessions::known(const SessionKey& session) {
  REELKEEP_ASSIGN(const std::vector<SessionView> found,
                  m_catalog.find(session.conf_num, session.app_id));
  KnownSession known;
  for (const SessionView& view : found) {
    known.cdr_ready = known.cdr_ready || view.session.cdr_ready;
    // A listing knows no stages: it brings all of one source its URL, as SessionFacts does.
    for (const ArtifactView& one : view.artifacts) {
      const Artifact& artifact = one.artifact;
      std::optional<std::string>& url =
          known.offers[{artifact.identity.kind, artifact.identity.source_key}];
      if (wants_another_url(artifact)) url = artifact.url;
    }
  }
  return known;
}

Reconciler::Reconciler(ReconcilerPorts ports, std::shared_ptr<const Policy> policy)
    : m_ports(std::move(ports)), m_policy(std::move(policy)) {
  m_thread = std::thread([this] {
    name_this_thread("reconciler");
    run();
  });
}

Reconciler::~Reconciler() {
  stop();
}

void Reconciler::begin() {
  {
    std::lock_guard lock(m_mutex);
    if (!m_due) m_due = m_ports.clock->steady();
  }
  m_changed.notify_one();
}

void Reconciler::set_policy(std::shared_ptr<const Policy> policy) {
  {
    std::lock_guard lock(m_mutex);
    const MonotonicTime now = m_ports.clock->steady();
    if (m_due && !same_access(*m_policy, *policy)) m_due = now;
    if (m_due) m_due = std::min(*m_due, now + policy->reconcile_every);
    m_policy = std::move(policy);
  }
  m_changed.notify_one();
}

void Reconciler::stop() {
  {
    std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_changed.notify_one();
  if (m_thread.joinable()) m_thread.join();
}

std::map<std::string, ReconcileStatus> Reconciler::status() const {
  std::lock_guard lock(m_mutex);
  return m_status;
}

void Reconciler::run() {
  for (;;) {
    std::shared_ptr<const Policy> policy;
    {
      std::unique_lock lock(m_mutex);
      const auto is_due = [&] {
        return m_due && m_policy->reconcile_every > Duration(0) &&
               *m_due <= m_ports.clock->steady();
      };
      while (!m_stopping && !is_due()) {
        const bool waits = m_due && m_policy->reconcile_every > Duration(0);
        m_changed.wait_until(lock, waits ? *m_due : m_ports.clock->steady() + k_idle);
      }
      if (m_stopping) return;
      policy = m_policy;
      // What changes while we ask makes it due again.
      m_due = m_ports.clock->steady() + policy->reconcile_every;
    }
    const Duration wait = round(*policy);
    std::lock_guard lock(m_mutex);
    m_due = std::min(*m_due, m_ports.clock->steady() + wait);
  }
}

Duration Reconciler::round(const Policy& policy) {
  Duration wait = policy.reconcile_every;
  for (const ProjectPolicy& project : policy.projects) {
    if (!project.api || m_stopping) continue;
    const Timestamp now = m_ports.clock->now();
    const Status asked = ask(policy, project, now);
    if (!asked && asked.error().code == Errc::cancelled && m_stopping) return wait;
    {
      std::lock_guard lock(m_mutex);
      ReconcileStatus& status = m_status[project.app_id.get()];
      if (asked)
        status.succeeded_at = now;
      else
        ++status.failures;
    }
    if (asked) continue;
    Duration pause = policy.retry.maximum;
    if (asked.error().retry_after) pause = std::max<Duration>(pause, *asked.error().retry_after);
    wait = std::min(wait, pause);
    log::warn("the provider's archive could not be compared; it is tried again",
              {{"app_id", project.app_id.get()},
               {"cause", asked.error().message},
               {"next", relative(now + wait, now)}});
  }
  return wait;
}

Status Reconciler::ask(const Policy& policy, const ProjectPolicy& project, Timestamp now) {
  REELKEEP_ASSIGN(const std::unique_ptr<CatalogReader> catalog, m_ports.open_catalog());
  CatalogSessions known(*catalog);
  Question question{.block = project.app_id, .api = *project.api};
  using std::chrono::days;
  using std::chrono::floor;
  for (const Days& window :
       windows(floor<days>(now - policy.reconcile_look_back), floor<days>(now)))
    question.queries.push_back({.days = window});
  const auto take = [&](std::vector<FoundSession> lacking) -> Status {
    std::vector<NewEntry> entries;
    std::uint64_t sessions = 0;
    std::uint64_t artifacts = 0;
    std::uint64_t renewed = 0;
    for (FoundSession& session : lacking) {
      const auto missed = static_cast<std::uint64_t>(
          std::ranges::count(session.artifacts, Lack::not_known, &FoundArtifact::lack));
      if (missed > 0) ++sessions;
      artifacts += missed;
      renewed += session.artifacts.size() - missed;
      entries.push_back(std::move(session.entry));
    }
    REELKEEP_TRY(m_ports.journal->append_all(std::move(entries)));
    {
      std::lock_guard lock(m_mutex);
      m_status[project.app_id.get()].found += artifacts;
    }
    if (renewed > 0)
      log::info("the provider's archive has fresher URLs of what could not be fetched",
                {{"app_id", project.app_id.get()}, {"artifacts", std::to_string(renewed)}});
    if (artifacts == 0) return {};
    log::warn(
        "webhooks are being missed: the provider's archive lists recordings that no event told "
        "of; they are fetched now. Look whether its webhook is set up and reaches this agent",
        {{"app_id", project.app_id.get()},
         {"sessions", std::to_string(sessions)},
         {"artifacts", std::to_string(artifacts)}});
    return {};
  };
  const auto findings =
      reconcile(*m_ports.api, *m_ports.provider, known, policy, question, now, &m_stopping, take);
  if (!findings) return findings.error();
  if (findings->unusable > 0)
    log::warn("entries of the provider's archive could not be used",
              {{"app_id", project.app_id.get()}, {"entries", std::to_string(findings->unusable)}});
  log::info("the provider's archive was compared",
            {{"app_id", project.app_id.get()},
             {"listed", std::to_string(findings->listed)},
             {"lacking", std::to_string(findings->artifacts)},
             {"fresher_urls", std::to_string(findings->renewed)},
             {"too_young", std::to_string(findings->young)}});
  return {};
}

}  // namespace reelkeep::core
