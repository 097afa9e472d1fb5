#include "sqlite/catalog.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <utility>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "sqlite/catalog_queue.hpp"
#include "sqlite/catalog_rows.hpp"
#include "sqlite/catalog_schema.hpp"
#include "sqlite/known_artifacts.hpp"
#include "sqlite/place.hpp"
#include "sqlite/write_transaction.hpp"

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
// The newest word about a location wins, whatever order they came in.
constexpr std::string_view k_put_pushed_file =
    "INSERT INTO pushed_file(session, name, location, url, destination_name, source_key, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(session, name, location) DO UPDATE SET"
    " (url, destination_name, source_key, at) = (excluded.url, excluded.destination_name,"
    " excluded.source_key, excluded.at) WHERE (excluded.at, excluded.url) >= (at, url)";

constexpr std::string_view k_put_pushed_look =
    "UPDATE pushed_file SET (destination, found, found_size, found_digest, found_at, read_at,"
    " refused, place, next_look_at, looks, problem) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " WHERE session = ? AND name = ? AND location = ?";

constexpr std::string_view k_put_pending =
    "INSERT INTO pending_put(artifact, store, digest, size, disputed, due_at, tries, journaled, "
    "run)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(artifact, store) DO UPDATE SET"
    " (digest, size, disputed, due_at, tries, journaled, run) = (excluded.digest, excluded.size,"
    " excluded.disputed, excluded.due_at, excluded.tries, excluded.journaled, excluded.run)";
constexpr std::string_view k_remove_pending = "DELETE FROM pending_put WHERE artifact = ?";

class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(std::unique_ptr<Connection> connection)
      : m_connection(std::move(connection)), m_transactions(*m_connection) {}

  Status transact(const std::function<Status()>& work) override {
    Status done = m_transactions.run(work);
    if (!done) m_known.forget_all();
    return done;
  }

  Result<std::optional<JournalPosition>> position() override {
    return m_connection->guarded(
        [&]() -> Result<std::optional<JournalPosition>> { return read_position(*m_connection); });
  }

  Status set_position(const JournalPosition& position) override {
    return change([&] {
      Query(*m_connection, k_put_position, position.journal_id, position.cursor, position.chain,
            position.receipts)
          .run();
    });
  }

  Result<std::optional<std::string>> note(const std::string& key) override {
    return m_connection->guarded([&]() -> Result<std::optional<std::string>> {
      Query query(*m_connection, "SELECT value FROM note WHERE key = ?", key);
      if (!query.step()) return std::optional<std::string>();
      return std::optional<std::string>(query.next<std::string>());
    });
  }

  Status set_note(const std::string& key, const std::optional<std::string>& value) override {
    return change([&] {
      if (value)
        Query(*m_connection, k_put_note, key, *value).run();
      else
        Query(*m_connection, "DELETE FROM note WHERE key = ?", key).run();
    });
  }

  Result<std::map<std::string, std::string>> notes(const std::string& prefix) override {
    return m_connection->guarded([&]() -> Result<std::map<std::string, std::string>> {
      return read_notes(*m_connection, prefix);
    });
  }

  Status clear() override {
    REELKEEP_ASSIGN(const auto kept, notes(std::string(k_kept_notes)));
    REELKEEP_TRY(change([&] {
      // Tables are dropped, not emptied: millions of rows go without being visited.
      drop_catalog_tables(*m_connection);
      for (const auto step : catalog_schema().steps) m_connection->execute(step);
    }));
    m_transactions.forget_touched();
    m_known.forget_all();
    for (const auto& [key, value] : kept) REELKEEP_TRY(set_note(key, value));
    return {};
  }

  Status put_delivery(const DeliveryRecord& record) override {
    return change([&] {
      Query(*m_connection, k_put_delivery, record.seq, record.received_at, record.app_id,
            record.type, record.conf_num, record.state, record.reason, record.duplicates)
          .run();
    });
  }

  Result<std::optional<DeliveryRecord>> delivery(Seq seq) override {
    static const std::string k_sql =
        fmt::format("SELECT {} FROM delivery WHERE seq = ?", k_delivery_columns);
    return first(read_delivery, k_sql, seq);
  }

  Result<std::optional<Session>> session(const SessionKey& key) override {
    static const std::string k_sql =
        fmt::format("SELECT {} FROM session WHERE conf_num = ? AND app_id = ?", k_session_columns);
    return first(read_session, k_sql, key.conf_num, key.app_id);
  }

  Result<std::optional<Session>> session(SessionRow row) override {
    static const std::string k_sql =
        fmt::format("SELECT {} FROM session WHERE row = ?", k_session_columns);
    return first(read_session, k_sql, row);
  }

  Result<Session> put_session(Session session) override {
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

  Result<std::vector<Artifact>> artifacts(SessionRow session) override {
    return all("WHERE session = ? ORDER BY row", session);
  }

  Result<std::vector<Artifact>> artifacts_with_source(SessionRow session, ArtifactKind kind,
                                                      const SourceKey& source_key) override {
    return all("WHERE session = ? AND kind = ? AND source_key = ? ORDER BY row", session, kind,
               source_key);
  }

  Result<std::vector<Artifact>> artifacts_named(SessionRow session,
                                                const std::string& name) override {
    return all("WHERE session = ? AND name = ? ORDER BY row", session, name);
  }

  Result<std::optional<Artifact>> artifact(ArtifactRow row) override {
    static const std::string k_sql = select_artifacts("WHERE row = ?");
    return remembered(first(read_artifact, k_sql, row));
  }

  Result<std::optional<Artifact>> artifact(const ArtifactIdentity& identity) override {
    static const std::string k_sql = select_artifacts(
        "WHERE session = (SELECT row FROM session WHERE conf_num = ?"
        " AND app_id = ?) AND kind = ? AND source_key = ? AND stage = ?");
    return remembered(first(read_artifact, k_sql, identity.session.conf_num,
                            identity.session.app_id, identity.kind, identity.source_key,
                            identity.stage));
  }

  Result<std::optional<Artifact>> artifact(const ArtifactId& id) override {
    return remembered(first(read_artifact, select_artifacts("WHERE id = ?"), id));
  }

  Result<Artifact> put_artifact(Artifact artifact) override {
    ArtifactRow row;
    REELKEEP_TRY(change([&] { row = write_artifact(*m_connection, artifact); }));
    if (row.get() == 0) return no_row("artifact", artifact.row.get());
    m_transactions.touch(artifact.session_row);
    artifact.row = row;
    m_known.remember(artifact);
    return artifact;
  }

  Status put_progress(const Artifact& artifact) override {
    const Artifact* known = m_known.find(artifact.row);
    std::int64_t changed = 0;
    REELKEEP_TRY(change([&] { changed = write_progress(*m_connection, artifact, known); }));
    if (changed == 0) return no_row("artifact", artifact.row.get());
    if (known == nullptr) {
      m_transactions.touch(artifact.session_row);
      return {};
    }
    Artifact now = *known;
    take_progress(now, artifact);
    if (!counts_the_same(*known, now)) m_transactions.touch(now.session_row);
    m_known.remember(now);
    return {};
  }

  Status remove_artifact(ArtifactRow row) override {
    m_known.forget(row);
    return change([&] {
      touch_session_of(row);
      Query(*m_connection, "DELETE FROM replica WHERE artifact = ?", row).run();
      Query(*m_connection, k_remove_pending, row).run();
      Query(*m_connection, "DELETE FROM attempt WHERE artifact = ?", row).run();
      Query(*m_connection, "DELETE FROM artifact WHERE row = ?", row).run();
    });
  }

  Result<bool> path_taken(const std::string& path) override {
    return exists("SELECT 1 FROM artifact WHERE path_fold = ?", text::fold_name(path));
  }

  Result<std::vector<Replica>> replicas(ArtifactRow row) override {
    return m_connection->guarded(
        [&]() -> Result<std::vector<Replica>> { return read_replicas(*m_connection, row); });
  }

  Status put_replica(ArtifactRow row, const Replica& replica) override {
    return change([&] {
      write_replica(*m_connection, row, replica);
      touch_session_of(row);
    });
  }

  Status remove_replica(ArtifactRow row, const std::string& location) override {
    return change([&] {
      Query(*m_connection, "DELETE FROM replica WHERE artifact = ? AND location = ?", row, location)
          .run();
      touch_session_of(row);
    });
  }

  Status add_attempt(ArtifactRow row, const Attempt& attempt) override {
    return change([&] { write_attempt(*m_connection, row, attempt); });
  }

  Result<std::vector<ReplicaOf>> audit_due(const StoreId& store, Timestamp now,
                                           std::size_t limit) override {
    return m_connection->guarded([&]() -> Result<std::vector<ReplicaOf>> {
      Query query(*m_connection, k_audit_due, store, now, as_limit(limit));
      return read_audit_due(query);
    });
  }

  Status put_audit(ArtifactRow row, const std::string& location, std::optional<Timestamp> read_at,
                   Timestamp audit_at) override {
    return change([&] { write_audit(*m_connection, row, location, read_at, audit_at); });
  }

  Status put_pushed_file(SessionRow session, const PushedFile& file) override {
    return change([&] {
      Query(*m_connection, k_put_pushed_file, session, file.name, file.location, file.url,
            file.destination_name, file.source_key, file.at)
          .run();
    });
  }

  Result<std::vector<PushedFile>> pushed_files(SessionRow session,
                                               const std::string& name) override {
    return m_connection->guarded([&]() -> Result<std::vector<PushedFile>> {
      Query query(*m_connection,
                  select_pushed_files("JOIN session ON session.row = pushed_file.session"
                                      " WHERE pushed_file.session = ? AND name = ?"
                                      " ORDER BY location"),
                  session, name);
      return read_pushed_files(query);
    });
  }

  Status put_pushed_look(SessionRow session, const PushedFile& file) override {
    return change([&] {
      Query(*m_connection, k_put_pushed_look, file.destination, file.found, file.found_size,
            file.found_digest, file.found_at, file.read_at, file.refused, file.place,
            file.next_look_at, file.looks, file.problem, session, file.name, file.location)
          .run();
    });
  }

  Result<std::vector<PushedFile>> due_looks(const StoreId& destination, Timestamp now,
                                            std::size_t limit) override {
    return m_connection->guarded([&]() -> Result<std::vector<PushedFile>> {
      Query query(*m_connection, select_pushed_files(k_due_looks), destination, now,
                  as_limit(limit));
      return read_pushed_files(query);
    });
  }

  Result<std::optional<Timestamp>> next_look(const StoreId& destination, Timestamp after) override {
    return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
      Query query(*m_connection, k_next_look, destination, after);
      query.step();
      return query.next<std::optional<Timestamp>>();
    });
  }

  Result<std::vector<PushedFile>> all_pushed(std::int64_t& after, std::size_t limit) override {
    return m_connection->guarded([&]() -> Result<std::vector<PushedFile>> {
      Query query(*m_connection,
                  select_pushed_files("JOIN session ON session.row = pushed_file.session"
                                      " WHERE pushed_file.row > ? ORDER BY pushed_file.row"
                                      " LIMIT ?"),
                  after, as_limit(limit));
      std::vector<PushedFile> files = read_pushed_files(query);
      Query last(*m_connection,
                 "SELECT max(row) FROM (SELECT row FROM pushed_file WHERE row > ? ORDER BY row"
                 " LIMIT ?)",
                 after, as_limit(limit));
      last.step();
      after = last.next<std::optional<std::int64_t>>().value_or(after);
      return files;
    });
  }

  Result<std::vector<Lane>> lanes() override {
    return m_connection->guarded(
        [&]() -> Result<std::vector<Lane>> { return read_lanes(*m_connection); });
  }

  Result<std::vector<Artifact>> claimable(const Lane& lane, std::size_t limit) override {
    return all(k_claimable, lane.app_id, lane.host, as_limit(limit));
  }

  Result<std::int64_t> release_due(Timestamp now, std::size_t limit) override {
    std::int64_t released = 0;
    m_known.forget_all();
    REELKEEP_TRY(change(
        [&] { released = Query(*m_connection, k_release_due, now, as_limit(limit)).run(); }));
    return released;
  }

  Result<std::int64_t> bring_forward(Timestamp now, Timestamp horizon) override {
    std::int64_t brought = 0;
    m_known.forget_all();
    REELKEEP_TRY(change([&] {
      brought = Query(*m_connection, k_bring_forward, now, horizon).run();
      brought +=
          Query(*m_connection, "UPDATE pending_put SET due_at = ? WHERE due_at > ?", now, horizon)
              .run();
      brought += Query(*m_connection,
                       "UPDATE pushed_file INDEXED BY pushed_file_look SET next_look_at = ?1"
                       " WHERE next_look_at IS NOT NULL AND next_look_at > ?2",
                       now, horizon)
                     .run();
    }));
    return brought;
  }

  Result<std::int64_t> bring_audits_forward(Timestamp now, Timestamp horizon) override {
    std::int64_t brought = 0;
    REELKEEP_TRY(change([&] {
      for (const auto& [store, first] : read_next_audits(*m_connection))
        brought += Query(*m_connection, k_bring_audits_forward, now, store, horizon).run();
    }));
    return brought;
  }

  Result<std::optional<Timestamp>> next_due() override {
    return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
      Query query(*m_connection, k_next_due);
      query.step();
      return query.next<std::optional<Timestamp>>();
    });
  }

  Status put_pending(const PendingPut& pending) override {
    return change([&] {
      Query(*m_connection, k_put_pending, pending.artifact, pending.store, pending.digest,
            pending.size, pending.disputed, pending.due_at, pending.tries, pending.journaled,
            pending.run)
          .run();
    });
  }
  Status remove_pending(ArtifactRow artifact, const StoreId& store) override {
    return change([&] {
      Query(*m_connection, "DELETE FROM pending_put WHERE artifact = ? AND store = ?", artifact,
            store)
          .run();
    });
  }
  Status remove_pending(ArtifactRow artifact) override {
    return change([&] { Query(*m_connection, k_remove_pending, artifact).run(); });
  }
  Result<std::vector<PendingPut>> pending(ArtifactRow artifact) override {
    return m_connection->guarded([&]() -> Result<std::vector<PendingPut>> {
      Query query(*m_connection,
                  "SELECT artifact, store, digest, size, disputed, due_at, tries, journaled, run"
                  " FROM pending_put WHERE artifact = ? ORDER BY store",
                  artifact);
      return read_pending(query);
    });
  }
  Result<std::vector<PendingPut>> pending(
      const StoreId& store, std::size_t limit,
      const std::optional<std::pair<Timestamp, ArtifactRow>>& after) override {
    return m_connection->guarded([&]() -> Result<std::vector<PendingPut>> {
      const auto [due_at, artifact] = after.value_or(std::pair(Timestamp::min(), ArtifactRow(0)));
      Query query(*m_connection, k_pending_of_store, store, due_at, artifact, as_limit(limit));
      return read_pending(query);
    });
  }
  Result<std::optional<Timestamp>> next_pending(const StoreId& store, Timestamp after) override {
    return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
      Query query(*m_connection, k_next_pending, store, after);
      query.step();
      return query.next<std::optional<Timestamp>>();
    });
  }

  Result<std::vector<Artifact>> in_state(ArtifactState state, std::size_t limit,
                                         ArtifactRow after) override {
    return all(k_in_state, state, after, as_limit(limit));
  }

  Result<std::vector<Artifact>> in_hand(std::size_t limit, ArtifactRow after) override {
    return all(k_in_hand, after, as_limit(limit));
  }

  Result<bool> holds_replica(const StoreId& store) override {
    return exists("SELECT 1 FROM replica WHERE store = ? LIMIT 1", store);
  }
  Result<bool> needs_staging(const std::string& staging_name) override {
    return exists(k_needs_staging, staging_name);
  }
  Result<bool> knows_staging(const std::string& staging_name) override {
    return exists("SELECT 1 FROM artifact WHERE staging_name = ? LIMIT 1", staging_name);
  }

 private:
  template <class Work>
  Status change(Work&& work) {
    REELKEEP_TRY(m_transactions.check_open());
    return m_connection->guarded([&]() -> Status {
      work();
      return {};
    });
  }

  template <class Row, class... Values>
  Result<std::optional<Row>> first(Row (*read)(Query&), std::string_view sql,
                                   const Values&... values) {
    return m_connection->guarded([&]() -> Result<std::optional<Row>> {
      Query query(*m_connection, sql, values...);
      if (!query.step()) return std::optional<Row>();
      return std::optional<Row>(read(query));
    });
  }

  template <class... Values>
  Result<std::vector<Artifact>> all(std::string_view rest, const Values&... values) {
    return m_connection->guarded([&]() -> Result<std::vector<Artifact>> {
      Query query(*m_connection, select_artifacts(rest), values...);
      std::vector<Artifact> artifacts = read_artifacts(query);
      for (const Artifact& artifact : artifacts) m_known.remember(artifact);
      return artifacts;
    });
  }

  Result<std::optional<Artifact>> remembered(Result<std::optional<Artifact>> read) {
    if (read && *read) m_known.remember(**read);
    return read;
  }

  template <class Value>
  Result<bool> exists(std::string_view sql, const Value& value) {
    return m_connection->guarded(
        [&]() -> Result<bool> { return Query(*m_connection, sql, value).step(); });
  }

  void touch_session_of(ArtifactRow row) {
    Query query(*m_connection, "SELECT session FROM artifact WHERE row = ?", row);
    if (query.step()) m_transactions.touch(query.next<SessionRow>());
  }

  [[nodiscard]] Error no_row(std::string_view table, std::int64_t row) const {
    return Error{Errc::not_found,
                 fmt::format("{}: there is no {} in row {}", m_connection->path(), table, row)};
  }

  const std::unique_ptr<Connection> m_connection;
  KnownArtifacts m_known;
  WriteTransactions m_transactions;
};

}  // namespace

Result<std::unique_ptr<Catalog>> open_catalog(const std::string& path, CatalogOptions options) {
  const SchemaPolicy policy{.create = options.create, .migrate = options.migrate};
  REELKEEP_ASSIGN(auto connection, open_for_writing(path, catalog_schema(), policy));
  return std::unique_ptr<Catalog>(std::make_unique<SqliteCatalog>(std::move(connection)));
}

Status copy_catalog(const std::string& path, const std::string& to) {
  REELKEEP_ASSIGN(const bool taken, file_exists(to));
  if (taken) return Error{Errc::conflict, fmt::format("{} is there already", to)};
  REELKEEP_ASSIGN(const auto connection,
                  open_for_writing(path, catalog_schema(), {.create = false, .migrate = true}));
  const std::string part = to + ".part";
  const auto copy = [&]() -> Status {
    if (::unlink(part.c_str()) != 0 && errno != ENOENT)
      return Error::from_errno(errno, fmt::format("cannot remove {}", part));
    REELKEEP_TRY(create_private_file(part));  // SQLite fills an empty file, and keeps its mode
    REELKEEP_TRY(connection->guarded([&]() -> Status {
      Query(*connection, "VACUUM INTO ?", part).run();
      return {};
    }));
    const UniqueFd file(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0)
      return Error::from_errno(errno, fmt::format("cannot sync {}", part));
    if (::rename(part.c_str(), to.c_str()) != 0)
      return Error::from_errno(errno, fmt::format("cannot rename {}", part));
    return sync_folder(to);
  };
  Status copied = copy();
  if (!copied) ::unlink(part.c_str());  // what is left of it is overwritten the next time
  return copied;
}

Status remove_catalog(const std::string& path) {
  // The file first: SQLite throws a -wal without its file away, while a file without its -wal may
  // be torn.
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string name = path + suffix;
    if (::unlink(name.c_str()) != 0 && errno != ENOENT) {
      return Error::from_errno(errno, fmt::format("cannot remove {}", name));
    }
  }
  return {};
}

}  // namespace reelkeep::sqlite
