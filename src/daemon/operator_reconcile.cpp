// Comparing the provider's archive from a command, with an agent elsewhere or none at all.
#include <algorithm>
#include <chrono>
#include <map>

#include "reelkeep/base/text.hpp"

#include "core/cdr.hpp"
#include "core/reconciler.hpp"
#include "curl/http_client.hpp"
#include "daemon/config_load.hpp"
#include "daemon/operator.hpp"
#include "daemon/runtime.hpp"
#include "enablex/payload.hpp"
#include "enablex/provider_api.hpp"
#include "fs/watch.hpp"
#include "sqlite/journal.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::size_t k_rows_at_once = 256;
/// More than this is not remembered of what no agent took up: it is found once more then, which
/// does no harm.
constexpr std::size_t k_most_pending = 100'000;

/// What the catalog knows, and what lies in the journal and has not reached it yet.
class JournaledSessions final : public core::KnownSessions {
 public:
  JournaledSessions(CatalogReader& catalog, const Provider& provider)
      : m_catalog(catalog), m_provider(provider) {}

  Status read_ahead(JournalReader& journal, Seq applied) {
    for (std::size_t offers = 0; offers < k_most_pending;) {
      REELKEEP_ASSIGN(const std::vector<Entry> entries, journal.read(applied, k_rows_at_once));
      if (entries.empty()) return {};
      for (const Entry& entry : entries) {
        applied = entry.seq;
        offers += note(entry);
      }
    }
    return {};
  }

  Result<core::KnownSession> known(const SessionKey& session) override {
    REELKEEP_ASSIGN(core::KnownSession known, m_catalog.known(session));
    const auto pending = m_pending.find(session);
    if (pending == m_pending.end()) return known;
    known.cdr_ready = known.cdr_ready || pending->second.cdr_ready;
    // What waits in the journal brings its URL.
    for (const auto& [offer, url] : pending->second.offers) known.offers[offer] = url;
    return known;
  }

 private:
  std::size_t note(const Entry& entry) {
    const bool listed = entry.kind == EntryKind::reconcile;
    if (!entry.body || (!listed && entry.kind != EntryKind::delivery)) return 0;
    const auto decoded =
        listed ? m_provider.decode_listed(*entry.body, AppId(entry.user), entry.received_at)
               : m_provider.decode(*entry.body, entry.received_at);
    if (!decoded) return 0;
    std::size_t count = 0;
    for (const Event& event : decoded->events) {
      core::KnownSession& known = m_pending[event.session];
      ++count;
      if (std::holds_alternative<CdrReady>(event.fact)) {
        known.cdr_ready = true;
        known.offers[{ArtifactKind::cdr, core::cdr_key(event.session.conf_num)}] = std::nullopt;
      }
      if (const auto* offer = std::get_if<FilesOffered>(&event.fact))
        for (const OfferedFile& file : offer->files) {
          known.offers[{offer->kind, file.source_key}] = std::nullopt;
          ++count;
        }
    }
    return count;
  }

  core::CatalogSessions m_catalog;
  const Provider& m_provider;
  std::map<SessionKey, core::KnownSession> m_pending;
};

std::vector<ArchiveQuery> queries_of(const ReconcileOrder& order, Duration look_back,
                                     Timestamp now) {
  using std::chrono::days;
  using std::chrono::floor;
  if (order.conf_num) return {{.conf_num = order.conf_num}};
  if (order.room_id && !order.from && !order.to) return {{.room_id = order.room_id}};
  const auto to = order.to.value_or(floor<days>(now));
  const auto from = order.from.value_or(floor<days>(Timestamp(to) - look_back));
  std::vector<ArchiveQuery> queries;
  for (const Days& window : core::windows(from, to))
    queries.push_back({.room_id = order.room_id, .days = window});
  return queries;
}

}  // namespace

Result<std::vector<ProjectFindings>> Operator::reconcile(const ReconcileOrder& order,
                                                         Timestamp now) {
  std::vector<const ProjectConfig*> projects;
  const ProjectConfig* only = order.app_id ? m_config.project_of(*order.app_id) : nullptr;
  for (const ProjectConfig& project : m_config.projects)
    if (project.api() && (!order.app_id || &project == only)) projects.push_back(&project);
  if (projects.empty())
    return Error{Errc::invalid, (order.app_id ? "the [[project]] of app_id " +
                                                    text::printable(order.app_id->get()) + " has no"
                                              : std::string("no [[project]] has")) +
                                    " api_id and api_key: the provider's archive cannot be asked"};

  const std::vector<std::string> none;
  const auto provider =
      enablex::make_provider([&](const AppId& app_id) -> const std::vector<std::string>& {
        const ProjectConfig* project = m_config.project_of(app_id);
        return project != nullptr ? project->volatile_query : none;
      });
  const auto http = curl::make_http_client({.ca_file = m_config.download.ca_file,
                                            .proxy = m_config.download.proxy.reveal(),
                                            .connect_timeout = m_config.download.connect_timeout});
  const auto api = enablex::make_provider_api(*http);
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(JournalReader * rows, journal());
  REELKEEP_ASSIGN(const Seq applied, applied_to());
  JournaledSessions known(*reader, *provider);
  REELKEEP_TRY(known.read_ahead(*rows, applied));

  const std::shared_ptr<const core::Policy> policy = policy_of(m_config);
  const auto queries = queries_of(order, m_config.reconcile.look_back, now);
  std::vector<ProjectFindings> results;
  for (const ProjectConfig* project : projects) {
    ProjectFindings result{.app_id = project->app_id};
    const core::Question question{
        .block = project->app_id, .api = *project->api(), .queries = queries, .youth = order.youth};
    const auto take = [&](std::vector<core::FoundSession> lacking) -> Status {
      if (!order.dry_run) REELKEEP_TRY(queue(lacking, result.rows));
      std::ranges::move(lacking, std::back_inserter(result.found));
      return {};
    };
    auto findings = core::reconcile(*api, *provider, known, *policy, question, now, nullptr, take);
    if (findings)
      result.findings = *findings;
    else
      result.error = findings.error();
    results.push_back(std::move(result));
  }
  return results;
}

Status Operator::read_secrets() {
  ConfigResult loaded = load_config(m_config.file, Environment::of_process());
  if (!loaded.config) return loaded.error();
  m_config = *std::move(loaded.config);
  return {};
}

Status Operator::queue(std::vector<core::FoundSession>& found, std::vector<Seq>& rows) {
  auto writer =
      sqlite::open_journal_writer(journal_path(m_config), {.create = false, .migrate = false});
  if (!writer) return never_ran(std::move(writer).error(), "journal");
  std::vector<NewEntry> entries;
  for (core::FoundSession& session : found) entries.push_back(std::move(session.entry));
  REELKEEP_ASSIGN(const std::vector<Appended> appended, (*writer)->append_all(std::move(entries)));
  for (const Appended& row : appended) rows.push_back(row.seq);
  (void)fs::nudge_watchers(journal_path(m_config)).has_value();
  return {};
}

}  // namespace reelkeep::daemon
