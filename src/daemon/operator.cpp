#include "daemon/operator.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <sys/stat.h>
#include <utility>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "core/records.hpp"
#include "daemon/runtime.hpp"
#include "daemon/s3_places.hpp"
#include "enablex/source_key.hpp"
#include "fs/owner.hpp"
#include "fs/state_lock.hpp"
#include "fs/watch.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/place.hpp"

namespace reelkeep::daemon {
namespace {

/// An agent that has just begun makes its catalog within this time, also on a slow disk.
constexpr Duration k_patience{10'000};

Timestamp now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

/// Waits while the agent makes its catalog: it says that it is ready as soon as it can receive.
Result<std::unique_ptr<CatalogReader>> when_made(const std::string& path,
                                                 const std::string& state_dir) {
  auto watch = fs::FolderWatch::open(state_dir, "catalog.db");
  const auto end = std::chrono::steady_clock::now() + k_patience;
  for (;;) {
    auto opened = sqlite::open_catalog_reader(path);
    if (opened || opened.error().code != Errc::not_found || !watch ||
        std::chrono::steady_clock::now() >= end)
      return opened;
    pollfd descriptor{.fd = watch->fd(), .events = POLLIN, .revents = 0};
    // What is written is told a moment before it can be read.
    (void)::poll(&descriptor, 1, 200);
    (void)watch->drain();
  }
}

}  // namespace

Result<Operator> Operator::open(Config config) {
  if (Status owner = fs::act_as_owner_of(config.agent.state_dir); !owner)
    return owner.error().within("[agent] state_dir");
  return Operator(std::move(config));
}

Operator::Operator(Config config) : m_config(std::move(config)) {}
Operator::Operator(Operator&&) noexcept = default;
Operator& Operator::operator=(Operator&&) noexcept = default;
Operator::~Operator() = default;

Result<std::optional<long>> Operator::agent() const {
  return fs::StateLock::holder(m_config.agent.state_dir);
}

Result<AgentReport> Operator::report() const {
  REELKEEP_ASSIGN(const std::optional<long> running, agent());
  if (!running)
    return Error{Errc::unavailable, "no agent runs on " +
                                        text::printable(m_config.agent.state_dir) +
                                        " (systemctl start reelkeep)"};
  return ask_agent(m_config, *running);
}

AgentState Operator::agent_state() const {
  const auto running = agent();
  if (!running) return {.problem = running.error().message};
  if (!*running) return {};
  AgentState state{.runs = true};
  if (auto answer = ask_agent(m_config, **running))
    state.report = *std::move(answer);
  else
    state.problem = answer.error().message;
  return state;
}

Error Operator::never_ran(Error error, std::string_view what) const {
  if (error.code == Errc::unauthorized)
    error.message += "; run it as the user that runs the agent, or as root";
  if (error.code == Errc::corrupt && what == "catalog")
    error.message += "; restart the agent: it is built anew from the journal";
  if (error.code != Errc::not_found) return error;
  const std::string where = text::printable(m_config.agent.state_dir);
  const auto running = agent();
  if (running && *running)
    return Error{Errc::unavailable,
                 "the agent has no " + std::string(what) + " in " + where +
                     " yet: try again in a moment; if that stays so it was removed behind its "
                     "back, and only a restart helps (systemctl restart reelkeep)"};
  const auto other = sqlite::file_exists(what == "journal" ? catalog_path(m_config) : "");
  if (what == "journal" && other && *other)
    return Error{Errc::not_found,
                 "the journal in " + where +
                     " is gone, while its catalog is there: put it back before the agent starts; "
                     "without it the catalog is built anew, from nothing"};
  return Error{Errc::not_found, "no " + std::string(what) + " in " + where +
                                    ": the agent has not run there yet; start it once (systemctl "
                                    "start reelkeep), or name its configuration with --config"};
}

Result<CatalogReader*> Operator::catalog() {
  if (!m_catalog) {
    auto opened = sqlite::open_catalog_reader(catalog_path(m_config));
    if (!opened && opened.error().code == Errc::not_found)
      if (const auto running = agent(); running && *running)
        opened = when_made(catalog_path(m_config), m_config.agent.state_dir);
    if (!opened) return never_ran(std::move(opened).error(), "catalog");
    m_catalog = *std::move(opened);
  }
  return m_catalog.get();
}

Result<JournalReader*> Operator::journal() {
  if (!m_journal) {
    auto opened = sqlite::open_journal_reader(journal_path(m_config));
    if (!opened) return never_ran(std::move(opened).error(), "journal");
    m_journal = *std::move(opened);
  }
  return m_journal.get();
}

Result<Seq> Operator::applied_to() {
  REELKEEP_ASSIGN(JournalReader * reader, journal());
  auto known = catalog();
  if (!known) {
    if (known.error().code == Errc::not_found || known.error().code == Errc::unavailable)
      return Seq(0);
    return known.error();
  }
  REELKEEP_ASSIGN(const std::optional<JournalPosition> position, (*known)->position());
  REELKEEP_ASSIGN(const std::string id, reader->id());
  return position && position->journal_id == id ? position->cursor : Seq(0);
}

std::string Operator::backlog_remark() {
  auto reader = journal();
  if (!reader) return "";
  const auto end = (*reader)->end();
  const auto applied = applied_to();
  if (!end || !applied || *applied >= end->cursor) return "";
  const auto running = agent();
  if (running && *running) return "; the agent is still taking up what came last: try again";
  return "; the journal holds news that no agent has taken up yet: start it (systemctl start "
         "reelkeep)";
}

Result<PendingFindings> Operator::findings() {
  REELKEEP_ASSIGN(const Seq applied, applied_to());
  REELKEEP_ASSIGN(JournalReader * rows, journal());
  return PendingFindings::read(*rows, applied);
}

Status Operator::sessions(const ListFilter& filter, Timestamp moment,
                          const std::function<bool(const SessionSummary&, std::int64_t)>& row) {
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(const PendingFindings found, findings());
  const Duration warn_before = m_config.agent.warn_before;
  if (found.empty()) return reader->sessions(filter, moment, warn_before, row);

  // Which sessions are in a state is told here, and not by the catalog.
  ListFilter all = filter;
  if (filter.state) {
    all.state.reset();
    all.limit = -1;
  }
  std::int64_t given = 0;
  Status failed;
  REELKEEP_TRY(reader->sessions(
      all, moment, warn_before, [&](const SessionSummary& known, std::int64_t after) {
        SessionSummary summary = known;
        if (found.concerns(known.session.key)) {
          auto views = reader->find(known.session.key.conf_num, known.session.key.app_id);
          if (!views) {
            failed = views.error();
            return false;
          }
          for (SessionView& view : *views) {
            found.overlay(view);
            summary = summarise(view, moment, warn_before);
          }
        }
        if (filter.state && to_string(summary.state) != *filter.state) return true;
        ++given;
        return row(summary, after) && (filter.limit < 0 || given < filter.limit);
      }));
  return failed;
}

Result<SessionView> Operator::find(const ConfNum& conf_num, const std::optional<AppId>& app_id) {
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(const PendingFindings pending, findings());
  REELKEEP_ASSIGN(std::vector<SessionView> found, reader->find(conf_num, app_id));
  const std::string name = text::printable(conf_num.get());
  if (found.empty()) {
    const std::string of = app_id ? " of app_id " + text::printable(app_id->get()) : "";
    return Error{Errc::not_found, "no session " + name + of +
                                      " is known; list them with: reelkeep "
                                      "sessions" +
                                      backlog_remark()};
  }
  if (found.size() > 1) {
    std::string app_ids;
    for (const SessionView& view : found)
      app_ids += (app_ids.empty() ? "" : ", ") + text::printable(view.session.key.app_id.get());
    return Error{Errc::conflict, "session " + name + " is known of several projects (" + app_ids +
                                     "); say which with --app-id"};
  }
  pending.overlay(found.front());
  relocate(found.front());
  return std::move(found.front());
}

Result<SessionView> Operator::find_artifact(const std::string& prefix) {
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(const PendingFindings pending, findings());
  REELKEEP_ASSIGN(std::vector<SessionView> found, reader->find_artifact(prefix));
  const std::string name = text::printable(prefix);
  if (found.empty() || prefix.empty())
    return Error{Errc::not_found, "no artifact " + name +
                                      " is known; reelkeep show CONF_NUM lists "
                                      "those of a session" +
                                      backlog_remark()};
  if (found.size() > 1) {
    std::string ids;
    for (const SessionView& view : found)
      for (const ArtifactView& one : view.artifacts)
        ids += (ids.empty() ? "" : ", ") + one.artifact.id.get();
    return Error{Errc::conflict, "more than one artifact id begins with " + name + " (such as " +
                                     ids + "); give more digits of it"};
  }
  pending.overlay(found.front());
  relocate(found.front());
  return std::move(found.front());
}

void Operator::relocate(SessionView& view) const {
  for (ArtifactView& held : view.artifacts)
    for (Replica& replica : held.replicas) {
      const StoreConfig* store = replica.store ? m_config.store_of(*replica.store) : nullptr;
      if (store != nullptr && store->type == StoreConfig::Type::local && !replica.path.empty())
        replica.location = (store->path == "/" ? "" : store->path) + "/" + replica.path;
    }
}

Result<std::vector<Attempt>> Operator::attempts(const Artifact& artifact) {
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  return reader->attempts(artifact.row);
}

std::optional<ByteCount> Operator::transferred(const Artifact& artifact) const {
  struct stat status {};
  const std::string path = m_config.download.staging_dir + "/" + artifact.staging_name + ".part";
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  // With the sticky bit there may be holes: then what is allocated tells what has come.
  const auto allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
  return ByteCount((status.st_mode & S_ISVTX) != 0 ? std::min(size, allocated) : size);
}

ByteCount Operator::received(const Artifact& artifact) const {
  if (artifact.state != ArtifactState::running) return artifact.received;
  return transferred(artifact).value_or(artifact.received);
}

std::optional<std::string> Operator::source(const Artifact& artifact) const {
  const Result<Url> url = Url::parse(artifact.url);
  if (!url) return std::nullopt;
  const ProjectConfig* project = m_config.project_of(artifact.identity.session.app_id);
  static const std::vector<std::string> k_none;
  return enablex::without_signature(*url, project != nullptr ? project->volatile_query : k_none)
      .without_user_info();
}

std::optional<std::string> Operator::presigned(const Replica& replica,
                                               std::chrono::seconds lifetime,
                                               Timestamp moment) const {
  const StoreConfig* store = replica.store ? m_config.store_of(*replica.store) : nullptr;
  if (store == nullptr || store->type != StoreConfig::Type::s3) return std::nullopt;
  return s3::presigned_url(bucket_of(*store), store->prefix + replica.path, access_of(*store),
                           moment, lifetime);
}

Result<Seq> Operator::order(const Command& command) {
  REELKEEP_TRY(journal());
  auto writer =
      sqlite::open_journal_writer(journal_path(m_config), {.create = false, .migrate = false});
  if (!writer) return never_ran(std::move(writer).error(), "journal");
  REELKEEP_ASSIGN(const Appended appended,
                  (*writer)->append_and_wait(NewEntry{.kind = EntryKind::command,
                                                      .received_at = now(),
                                                      .body = encode(command),
                                                      .content_type = "application/json"}));
  // Without it the agent may see the order only when it looks by itself, seconds later.
  (void)fs::nudge_watchers(journal_path(m_config)).has_value();
  return appended.seq;
}

Result<Seq> Operator::replay(const std::vector<Seq>& entries) {
  for (const Seq seq : entries) {
    REELKEEP_ASSIGN(const Entry entry, delivery(seq));
    if (!entry.body)
      return Error{Errc::not_found, "the body of delivery " + std::to_string(seq.get()) +
                                        " was erased ([journal] keep_bodies): there is nothing "
                                        "left to apply"};
  }
  return order(ReplayCommand{entries});
}

}  // namespace reelkeep::daemon
