#include "sqlite/catalog.hpp"

#include <fmt/core.h>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "sqlite/catalog_queue.hpp"
#include "sqlite/catalog_schema.hpp"
#include "sqlite/place.hpp"
#include "sqlite/sqlite_catalog.hpp"

namespace reelkeep::sqlite {
namespace {

constexpr std::string_view k_kept_notes = "root:";
constexpr std::string_view k_put_position =
    "INSERT INTO position(one, journal_id, cursor, chain, receipts) VALUES (1, ?, ?, ?, ?)"
    " ON CONFLICT(one) DO UPDATE SET (journal_id, cursor, chain, receipts) ="
    " (excluded.journal_id, excluded.cursor, excluded.chain, excluded.receipts)";
constexpr std::string_view k_put_note =
    "INSERT INTO note(key, value) VALUES (?, ?)"
    " ON CONFLICT(key) DO UPDATE SET value = excluded.value";
constexpr std::string_view k_put_delivery =
    "INSERT INTO delivery(seq, received_at, app_id, type, conf_num, state, reason, duplicates)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(seq) DO UPDATE SET"
    " (received_at, app_id, type, conf_num, state, reason, duplicates) = (excluded.received_at,"
    " excluded.app_id, excluded.type, excluded.conf_num, excluded.state, excluded.reason,"
    " excluded.duplicates)";
constexpr std::string_view k_insert_session =
    "INSERT INTO session(app_id, conf_num, room_id, started_at, ended_at, cdr_ready,"
    " first_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view k_update_session =
    "UPDATE session SET (app_id, conf_num, room_id, started_at, ended_at, cdr_ready,"
    " first_seen_at) = (?, ?, ?, ?, ?, ?, ?) WHERE row = ?";

ArtifactRow read_row(Query& query) {
  return query.next<ArtifactRow>();
}

}  // namespace

Status SqliteCatalog::transact(const std::function<Status()>& work) {
  Status done = m_transactions.run(work);
  if (!done) {
    m_known.forget_all();
    m_roots.clear();
  }
  return done;
}

Result<std::optional<JournalPosition>> SqliteCatalog::position() {
  return m_connection->guarded(
      [&]() -> Result<std::optional<JournalPosition>> { return read_position(*m_connection); });
}

Status SqliteCatalog::set_position(const JournalPosition& position) {
  return change([&] {
    Query(*m_connection, k_put_position, position.journal_id, position.cursor, position.chain,
          position.receipts)
        .run();
  });
}

Result<std::optional<std::string>> SqliteCatalog::note(const std::string& key) {
  return m_connection->guarded([&]() -> Result<std::optional<std::string>> {
    Query query(*m_connection, "SELECT value FROM note WHERE key = ?", key);
    if (!query.step()) return std::optional<std::string>();
    return std::optional<std::string>(query.next<std::string>());
  });
}

Status SqliteCatalog::set_note(const std::string& key, const std::optional<std::string>& value) {
  // Which root a store has is noted with every replica.
  if (!key.starts_with(k_kept_notes)) return write_note(key, value);
  const auto known = m_roots.find(key);
  if (value && known != m_roots.end() && known->second == *value)
    return m_transactions.check_open();
  REELKEEP_TRY(write_note(key, value));
  if (value)
    m_roots.insert_or_assign(key, *value);
  else
    m_roots.erase(key);
  return {};
}

Status SqliteCatalog::write_note(const std::string& key, const std::optional<std::string>& value) {
  return change([&] {
    if (value)
      Query(*m_connection, k_put_note, key, *value).run();
    else
      Query(*m_connection, "DELETE FROM note WHERE key = ?", key).run();
  });
}

Result<std::map<std::string, std::string>> SqliteCatalog::notes(const std::string& prefix) {
  return m_connection->guarded([&]() -> Result<std::map<std::string, std::string>> {
    return read_notes(*m_connection, prefix);
  });
}

Status SqliteCatalog::clear() {
  REELKEEP_ASSIGN(const auto kept, notes(std::string(k_kept_notes)));
  REELKEEP_TRY(change([&] {
    // Tables are dropped, not emptied: millions of rows go without being visited.
    drop_catalog_tables(*m_connection);
    for (const auto step : catalog_schema().steps) m_connection->execute(step);
  }));
  m_transactions.forget();
  m_known.forget_all();
  m_roots.clear();
  for (const auto& [key, value] : kept) REELKEEP_TRY(set_note(key, value));
  return {};
}

Status SqliteCatalog::put_delivery(const DeliveryRecord& record) {
  return change([&] {
    Query(*m_connection, k_put_delivery, record.seq, record.received_at, record.app_id, record.type,
          record.conf_num, record.state, record.reason, record.duplicates)
        .run();
  });
}

Result<std::optional<DeliveryRecord>> SqliteCatalog::delivery(Seq seq) {
  static const std::string k_sql =
      fmt::format("SELECT {} FROM delivery WHERE seq = ?", k_delivery_columns);
  return first(read_delivery, k_sql, seq);
}

Result<std::optional<Session>> SqliteCatalog::session(const SessionKey& key) {
  static const std::string k_sql =
      fmt::format("SELECT {} FROM session WHERE conf_num = ? AND app_id = ?", k_session_columns);
  return first(read_session, k_sql, key.conf_num, key.app_id);
}

Result<std::optional<Session>> SqliteCatalog::session(SessionRow row) {
  static const std::string k_sql =
      fmt::format("SELECT {} FROM session WHERE row = ?", k_session_columns);
  return first(read_session, k_sql, row);
}

Result<Session> SqliteCatalog::put_session(Session session) {
  const bool is_new = session.row.get() == 0;
  std::int64_t changed = 0;
  REELKEEP_TRY(change([&] {
    Query query(*m_connection, is_new ? k_insert_session : k_update_session, session.key.app_id,
                session.key.conf_num, session.room_id, session.started_at, session.ended_at,
                session.cdr_ready, session.first_seen_at);
    if (!is_new) query.bind(session.row);
    changed = query.run();
    if (is_new) session.row = SessionRow(m_connection->last_row());
  }));
  if (changed == 0) return no_row("session", session.row.get());
  return session;
}

Result<std::vector<Artifact>> SqliteCatalog::artifacts(SessionRow session) {
  return all("WHERE session = ? ORDER BY row", session);
}

Result<std::vector<Artifact>> SqliteCatalog::artifacts_with_source(SessionRow session,
                                                                   ArtifactKind kind,
                                                                   const SourceKey& source_key) {
  return all("WHERE session = ? AND kind = ? AND source_key = ? ORDER BY row", session, kind,
             source_key);
}

Result<std::vector<Artifact>> SqliteCatalog::artifacts_named(SessionRow session,
                                                             const std::string& name) {
  return all("WHERE session = ? AND name = ? ORDER BY row", session, name);
}

Result<std::optional<Artifact>> SqliteCatalog::artifact(ArtifactRow row) {
  if (const Artifact* known = m_known.find(row)) return std::optional(*known);
  static const std::string k_sql = select_artifacts("WHERE row = ?");
  return remembered(first(read_artifact, k_sql, row));
}

Result<std::optional<Artifact>> SqliteCatalog::artifact(const ArtifactIdentity& identity) {
  if (const Artifact* known = m_known.find(identity)) return std::optional(*known);
  constexpr std::string_view k_sql =
      "SELECT row FROM artifact WHERE session = (SELECT row FROM session WHERE conf_num = ?"
      " AND app_id = ?) AND kind = ? AND source_key = ? AND stage = ?";
  REELKEEP_ASSIGN(const std::optional<ArtifactRow> row,
                  first(read_row, k_sql, identity.session.conf_num, identity.session.app_id,
                        identity.kind, identity.source_key, identity.stage));
  return row ? artifact(*row) : std::optional<Artifact>();
}

Result<std::optional<Artifact>> SqliteCatalog::artifact(const ArtifactId& id) {
  return remembered(first(read_artifact, select_artifacts("WHERE id = ?"), id));
}

Result<Artifact> SqliteCatalog::put_artifact(Artifact artifact) {
  ArtifactRow row;
  REELKEEP_TRY(change([&] {
    const auto before = state_of(artifact.row);
    row = write_artifact(*m_connection, artifact);
    if (row.get() != 0) recount(before, artifact.state);
  }));
  if (row.get() == 0) return no_row("artifact", artifact.row.get());
  m_transactions.touch(artifact.session_row);
  const bool is_new = artifact.row.get() == 0;
  artifact.row = row;
  if (is_new)
    m_known.remember_new(artifact);
  else
    m_known.remember(artifact);
  return artifact;
}

Status SqliteCatalog::put_progress(const Artifact& artifact) {
  Artifact* known = m_known.find(artifact.row);
  std::int64_t changed = 0;
  REELKEEP_TRY(change([&] {
    const auto before = known != nullptr ? known->state : state_of(artifact.row);
    changed = write_progress(*m_connection, artifact, known);
    if (changed != 0) recount(before, artifact.state);
  }));
  if (changed == 0) return no_row("artifact", artifact.row.get());
  if (known == nullptr) {
    m_transactions.touch(artifact.session_row);
    return {};
  }
  const Counts before = counts_of(*known);
  take_progress(*known, artifact);
  if (before != counts_of(*known)) m_transactions.touch(known->session_row);
  if (artifact.state == ArtifactState::archived && !artifact.refetch) m_known.settled(artifact.row);
  return {};
}

Status SqliteCatalog::remove_artifact(ArtifactRow row) {
  return change([&] {
    touch_session_of(row);
    recount(state_of(row), std::nullopt);
    m_known.forget(row);
    for (const Replica& replica : read_replicas(*m_connection, row))
      m_transactions.count(Counted::replicas, to_string(replica.state), -1);
    Query(*m_connection, "DELETE FROM replica WHERE artifact = ?", row).run();
    Query(*m_connection, k_remove_pending, row).run();
    Query(*m_connection, "DELETE FROM attempt WHERE artifact = ?", row).run();
    Query(*m_connection, "DELETE FROM artifact WHERE row = ?", row).run();
  });
}

Result<bool> SqliteCatalog::path_taken(const std::string& path) {
  return exists("SELECT 1 FROM artifact WHERE path_fold = ?", text::fold_name(path));
}

Result<std::vector<Replica>> SqliteCatalog::replicas(ArtifactRow row) {
  return m_connection->guarded(
      [&]() -> Result<std::vector<Replica>> { return read_replicas(*m_connection, row); });
}

Status SqliteCatalog::put_replica(ArtifactRow row, const Replica& replica) {
  return change([&] {
    if (!add_replica(*m_connection, row, replica)) {
      const auto before = replica_state(row, replica.location);
      update_replica(*m_connection, row, replica);
      if (before) m_transactions.count(Counted::replicas, to_string(*before), -1);
    }
    m_transactions.count(Counted::replicas, to_string(replica.state), 1);
    touch_session_of(row);
  });
}

Status SqliteCatalog::remove_replica(ArtifactRow row, const std::string& location) {
  return change([&] {
    const auto before = replica_state(row, location);
    Query(*m_connection, "DELETE FROM replica WHERE artifact = ? AND location = ?", row, location)
        .run();
    if (before) m_transactions.count(Counted::replicas, to_string(*before), -1);
    touch_session_of(row);
  });
}

Status SqliteCatalog::add_attempt(ArtifactRow row, const Attempt& attempt) {
  return change([&] { write_attempt(*m_connection, row, attempt); });
}

Result<bool> SqliteCatalog::holds_replica(const StoreId& store) {
  return exists("SELECT 1 FROM replica WHERE store = ? LIMIT 1", store);
}

Result<bool> SqliteCatalog::knows_staging(const std::string& staging_name) {
  return exists(k_knows_staging, staging_name);
}

/// Nothing: there is no such row.
std::optional<ArtifactState> SqliteCatalog::state_of(ArtifactRow row) {
  if (row.get() == 0) return std::nullopt;
  if (const Artifact* known = m_known.find(row)) return known->state;
  Query query(*m_connection, "SELECT state FROM artifact WHERE row = ?", row);
  return query.step() ? std::optional(query.next<ArtifactState>()) : std::nullopt;
}

void SqliteCatalog::recount(std::optional<ArtifactState> before,
                            std::optional<ArtifactState> after) {
  if (before == after) return;
  if (before) m_transactions.count(Counted::artifacts, to_string(*before), -1);
  if (after) m_transactions.count(Counted::artifacts, to_string(*after), 1);
}

/// Nothing: there is no such replica.
std::optional<ReplicaState> SqliteCatalog::replica_state(ArtifactRow row,
                                                         const std::string& location) {
  Query query(*m_connection, "SELECT state FROM replica WHERE artifact = ? AND location = ?", row,
              location);
  return query.step() ? std::optional(query.next<ReplicaState>()) : std::nullopt;
}

void SqliteCatalog::touch_session_of(ArtifactRow row) {
  if (const Artifact* known = m_known.find(row)) return m_transactions.touch(known->session_row);
  Query query(*m_connection, "SELECT session FROM artifact WHERE row = ?", row);
  if (query.step()) m_transactions.touch(query.next<SessionRow>());
}

Error SqliteCatalog::no_row(std::string_view table, std::int64_t row) const {
  return Error{Errc::not_found,
               fmt::format("{}: there is no {} in row {}", m_connection->path(), table, row)};
}

Result<std::unique_ptr<Catalog>> open_catalog(const std::string& path, CatalogOptions options) {
  const SchemaPolicy policy{.create = options.create, .migrate = options.migrate};
  REELKEEP_ASSIGN(auto connection, open_for_writing(path, catalog_schema(), policy));
  return std::unique_ptr<Catalog>(std::make_unique<SqliteCatalog>(std::move(connection)));
}

}  // namespace reelkeep::sqlite
