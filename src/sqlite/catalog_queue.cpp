#include "sqlite/catalog_queue.hpp"

#include "sqlite/catalog_rows.hpp"
#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

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

}  // namespace reelkeep::sqlite
