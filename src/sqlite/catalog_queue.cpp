#include "sqlite/catalog_queue.hpp"

#include "sqlite/catalog_rows.hpp"
#include "sqlite/query.hpp"
#include "sqlite/sqlite_catalog.hpp"

namespace reelkeep::sqlite {
namespace {

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

}  // namespace

std::vector<PendingPut> read_pending(Query& query) {
  std::vector<PendingPut> rows;
  while (query.step()) {
    PendingPut& pending = rows.emplace_back();
    query.read(pending.artifact);
    query.read(pending.store);
    query.read(pending.digest);
    query.read(pending.size);
    query.read(pending.disputed);
    query.read(pending.due_at);
    query.read(pending.tries);
    query.read(pending.journaled);
    query.read(pending.run);
  }
  return rows;
}

void write_audit(Connection& connection, ArtifactRow row, const std::string& location,
                 std::optional<Timestamp> read_at, Timestamp audit_at) {
  Query(connection,
        "UPDATE replica SET verified_at = ifnull(?1, verified_at), read_at = ifnull(?1, read_at),"
        " audit_at = ?2 WHERE artifact = ?3 AND location = ?4 AND state = 'verified'",
        read_at, audit_at, row, location)
      .run();
}

std::vector<ReplicaOf> read_audit_due(Query& query) {
  std::vector<ReplicaOf> due;
  while (query.step()) {
    const auto artifact = query.next<ArtifactRow>();
    due.push_back({artifact, read_replica(query)});
  }
  return due;
}

std::map<std::string, Timestamp> read_next_audits(Connection& connection) {
  std::map<std::string, Timestamp> next;
  std::string store;
  for (;;) {
    Query query(connection, k_next_audit, store);
    if (!query.step()) return next;
    query.read(store);
    next[store] = query.next<Timestamp>();
  }
}

std::vector<Lane> read_lanes(Connection& connection) {
  std::vector<Lane> lanes;
  // No lane sorts before two empty texts; one that equals them is looked for apart.
  Query unnamed(connection,
                "SELECT 1 FROM artifact INDEXED BY artifact_claim"
                " WHERE claimable = 1 AND app_id = '' AND host = '' LIMIT 1");
  if (unnamed.step()) lanes.emplace_back();
  Lane last;
  const auto found = [&](Query& query) {
    if (!query.step()) return false;
    query.read(last.app_id);
    query.read(last.host);
    lanes.push_back(last);
    return true;
  };
  for (;;) {
    Query host(connection, k_next_host, last.app_id, last.host);
    if (found(host)) continue;
    Query project(connection, k_next_project, last.app_id);
    if (!found(project)) return lanes;
  }
}

Result<std::optional<ArtifactId>> SqliteCatalog::delivered_to(const std::string& location,
                                                              ArtifactRow row) {
  return m_connection->guarded([&]() -> Result<std::optional<ArtifactId>> {
    Query query(*m_connection, k_delivered_to, location, row);
    if (!query.step()) return std::optional<ArtifactId>();
    return std::optional(query.next<ArtifactId>());
  });
}

Result<std::vector<ReplicaOf>> SqliteCatalog::audit_due(const StoreId& store, Timestamp now,
                                                        std::size_t limit) {
  return m_connection->guarded([&]() -> Result<std::vector<ReplicaOf>> {
    Query query(*m_connection, k_audit_due, store, now, as_limit(limit));
    return read_audit_due(query);
  });
}

Status SqliteCatalog::put_audit(ArtifactRow row, const std::string& location,
                                std::optional<Timestamp> read_at, Timestamp audit_at) {
  return change([&] { write_audit(*m_connection, row, location, read_at, audit_at); });
}

Status SqliteCatalog::put_pushed_file(SessionRow session, const PushedFile& file) {
  m_has_pushed_files = true;
  return change([&] {
    Query(*m_connection, k_put_pushed_file, session, file.name, file.location, file.url,
          file.destination_name, file.source_key, file.at)
        .run();
  });
}

Result<std::vector<PushedFile>> SqliteCatalog::pushed_files(SessionRow session,
                                                            const std::string& name) {
  return m_connection->guarded([&]() -> Result<std::vector<PushedFile>> {
    if (!m_has_pushed_files)
      m_has_pushed_files = Query(*m_connection, "SELECT 1 FROM pushed_file LIMIT 1").step();
    if (!*m_has_pushed_files) return std::vector<PushedFile>();
    Query query(*m_connection,
                select_pushed_files("JOIN session ON session.row = pushed_file.session"
                                    " WHERE pushed_file.session = ? AND name = ?"
                                    " ORDER BY location"),
                session, name);
    return read_pushed_files(query);
  });
}

Status SqliteCatalog::put_pushed_look(SessionRow session, const PushedFile& file) {
  return change([&] {
    Query(*m_connection, k_put_pushed_look, file.destination, file.found, file.found_size,
          file.found_digest, file.found_at, file.read_at, file.refused, file.place,
          file.next_look_at, file.looks, file.problem, session, file.name, file.location)
        .run();
  });
}

Result<std::vector<PushedFile>> SqliteCatalog::due_looks(const StoreId& destination, Timestamp now,
                                                         std::size_t limit) {
  return m_connection->guarded([&]() -> Result<std::vector<PushedFile>> {
    Query query(*m_connection, select_pushed_files(k_due_looks), destination, now, as_limit(limit));
    return read_pushed_files(query);
  });
}

Result<std::optional<Timestamp>> SqliteCatalog::next_look(const StoreId& destination,
                                                          Timestamp after) {
  return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
    Query query(*m_connection, k_next_look, destination, after);
    query.step();
    return query.next<std::optional<Timestamp>>();
  });
}

Result<std::vector<PushedFile>> SqliteCatalog::all_pushed(std::int64_t& after, std::size_t limit) {
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

Result<std::vector<Lane>> SqliteCatalog::lanes() {
  return m_connection->guarded(
      [&]() -> Result<std::vector<Lane>> { return read_lanes(*m_connection); });
}

Result<std::vector<Artifact>> SqliteCatalog::claimable(const Lane& lane, std::size_t limit) {
  std::vector<ArtifactRow> rows;
  REELKEEP_TRY(m_connection->guarded([&]() -> Status {
    Query query(*m_connection, k_claimable, lane.app_id, lane.host, as_limit(limit));
    while (query.step()) rows.push_back(query.next<ArtifactRow>());
    return {};
  }));
  // Those that came lately are known.
  std::vector<Artifact> found;
  found.reserve(rows.size());
  for (const ArtifactRow row : rows) {
    REELKEEP_ASSIGN(std::optional<Artifact> one, artifact(row));
    if (one) found.push_back(std::move(*one));
  }
  return found;
}

Result<std::int64_t> SqliteCatalog::release_due(Timestamp now, std::size_t limit) {
  std::int64_t released = 0;
  m_known.forget_all();
  REELKEEP_TRY(change([&] {
    Query query(*m_connection, k_release_due, now, as_limit(limit));
    for (; query.step(); ++released)
      if (query.next<ArtifactState>() == ArtifactState::planned)
        recount(ArtifactState::waiting, ArtifactState::planned);
  }));
  return released;
}

Result<std::int64_t> SqliteCatalog::bring_forward(Timestamp now, Timestamp horizon) {
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

Result<std::int64_t> SqliteCatalog::bring_audits_forward(Timestamp now, Timestamp horizon) {
  std::int64_t brought = 0;
  REELKEEP_TRY(change([&] {
    for (const auto& [store, first] : read_next_audits(*m_connection))
      brought += Query(*m_connection, k_bring_audits_forward, now, store, horizon).run();
  }));
  return brought;
}

Result<std::optional<Timestamp>> SqliteCatalog::next_due() {
  return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
    Query query(*m_connection, k_next_due);
    query.step();
    return query.next<std::optional<Timestamp>>();
  });
}

Status SqliteCatalog::put_pending(const PendingPut& pending) {
  return change([&] {
    Query(*m_connection, k_put_pending, pending.artifact, pending.store, pending.digest,
          pending.size, pending.disputed, pending.due_at, pending.tries, pending.journaled,
          pending.run)
        .run();
  });
}

Status SqliteCatalog::remove_pending(ArtifactRow artifact, const StoreId& store) {
  return change([&] {
    Query(*m_connection, "DELETE FROM pending_put WHERE artifact = ? AND store = ?", artifact,
          store)
        .run();
  });
}

Status SqliteCatalog::remove_pending(ArtifactRow artifact) {
  return change([&] { Query(*m_connection, k_remove_pending, artifact).run(); });
}

Result<std::vector<PendingPut>> SqliteCatalog::pending(ArtifactRow artifact) {
  return m_connection->guarded([&]() -> Result<std::vector<PendingPut>> {
    Query query(*m_connection,
                "SELECT artifact, store, digest, size, disputed, due_at, tries, journaled, run"
                " FROM pending_put WHERE artifact = ? ORDER BY store",
                artifact);
    return read_pending(query);
  });
}

Result<std::vector<PendingPut>> SqliteCatalog::pending(
    const StoreId& store, std::size_t limit,
    const std::optional<std::pair<Timestamp, ArtifactRow>>& after) {
  return m_connection->guarded([&]() -> Result<std::vector<PendingPut>> {
    const auto [due_at, artifact] = after.value_or(std::pair(Timestamp::min(), ArtifactRow(0)));
    Query query(*m_connection, k_pending_of_store, store, due_at, artifact, as_limit(limit));
    return read_pending(query);
  });
}

Result<std::optional<Timestamp>> SqliteCatalog::next_pending(const StoreId& store,
                                                             Timestamp after) {
  return m_connection->guarded([&]() -> Result<std::optional<Timestamp>> {
    Query query(*m_connection, k_next_pending, store, after);
    query.step();
    return query.next<std::optional<Timestamp>>();
  });
}

Result<std::vector<Artifact>> SqliteCatalog::in_state(ArtifactState state, std::size_t limit,
                                                      ArtifactRow after) {
  return all(k_in_state, state, after, as_limit(limit));
}

Result<std::vector<Artifact>> SqliteCatalog::in_hand(std::size_t limit, ArtifactRow after) {
  return all(k_in_hand, after, as_limit(limit));
}

Result<bool> SqliteCatalog::needs_staging(const std::string& staging_name) {
  return exists(k_needs_staging, staging_name);
}

}  // namespace reelkeep::sqlite
