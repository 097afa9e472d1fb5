#pragma once

#include <vector>

#include "reelkeep/port/catalog.hpp"

#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

// The queue's questions. Each is served by a partial index that holds the queue alone, so that its
// cost does not grow with what is archived; a test asserts the plans. They throw as Query does.

/// Lanes are found by skipping from one to the next: to the next host of a project, else to the
/// next project. (app_id, host) > (?, ?) would say both at once, but SQLite seeks to the first row
/// that equals it and reads all of that lane, which may be a million rows.
inline constexpr std::string_view k_next_host =
    "SELECT app_id, host FROM artifact INDEXED BY artifact_claim"
    " WHERE claimable = 1 AND app_id = ? AND host > ? ORDER BY host LIMIT 1";
inline constexpr std::string_view k_next_project =
    "SELECT app_id, host FROM artifact INDEXED BY artifact_claim"
    " WHERE claimable = 1 AND app_id > ? ORDER BY app_id, host LIMIT 1";
/// The rest of a SELECT of artifacts.
inline constexpr std::string_view k_claimable =
    "SELECT row FROM artifact INDEXED BY artifact_claim"
    " WHERE claimable = 1 AND app_id = ? AND host = ? ORDER BY deadline, row LIMIT ?";
inline constexpr std::string_view k_release_due =
    "UPDATE artifact SET state = CASE state WHEN 'waiting' THEN 'planned' ELSE state END,"
    " next_attempt_at = NULL, due_at = NULL, claimable = NOT in_hand"
    " WHERE row IN (SELECT row FROM artifact INDEXED BY artifact_due"
    "               WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?)"
    " RETURNING state";
inline constexpr std::string_view k_bring_forward =
    "UPDATE artifact INDEXED BY artifact_due SET next_attempt_at = ?1, due_at = ?1"
    " WHERE due_at IS NOT NULL AND due_at > ?2";
inline constexpr std::string_view k_next_due =
    "SELECT min(due_at) FROM artifact INDEXED BY artifact_due WHERE due_at IS NOT NULL";
inline constexpr std::string_view k_in_state =
    "INDEXED BY artifact_state WHERE state = ? AND state NOT IN ('planned', 'running')"
    " AND row > ? ORDER BY row LIMIT ?";
inline constexpr std::string_view k_in_hand =
    "INDEXED BY artifact_in_hand WHERE in_hand = 1 AND row > ? ORDER BY row LIMIT ?";
// By the id that it has now, or had when it was named.
inline constexpr std::string_view k_knows_staging =
    "SELECT 1 FROM artifact INDEXED BY artifact_id WHERE id = ?1 AND staging_name = ?1"
    " UNION ALL SELECT 1 FROM artifact INDEXED BY artifact_renamed"
    " WHERE staging_name = ?1 AND staging_name <> id";
inline constexpr std::string_view k_needs_staging =
    "SELECT 1 FROM artifact INDEXED BY artifact_id"
    " WHERE id = ?1 AND staging_name = ?1 AND staged = 1"
    " UNION ALL SELECT 1 FROM artifact INDEXED BY artifact_renamed"
    " WHERE staging_name = ?1 AND staging_name <> id AND staged = 1";

inline constexpr std::string_view k_pending_of_store =
    "SELECT artifact, store, digest, size, disputed, due_at, tries, journaled, run"
    " FROM pending_put INDEXED BY pending_put_due"
    " WHERE store = ? AND (due_at, artifact) > (?, ?) ORDER BY due_at, artifact LIMIT ?";
inline constexpr std::string_view k_remove_pending = "DELETE FROM pending_put WHERE artifact = ?";
inline constexpr std::string_view k_next_pending =
    "SELECT min(due_at) FROM pending_put INDEXED BY pending_put_due WHERE store = ? AND due_at > ?";

inline constexpr std::string_view k_audit_due =
    "SELECT artifact, store, path, location, size, digest, state, verified_at, found_at, cause,"
    " read_at, audit_at FROM replica INDEXED BY replica_audit WHERE state = 'verified'"
    " AND audit_at IS NOT NULL AND store = ? AND audit_at <= ? ORDER BY audit_at LIMIT ?";
inline constexpr std::string_view k_bring_audits_forward =
    "UPDATE replica INDEXED BY replica_audit SET audit_at = ? WHERE state = 'verified'"
    " AND audit_at IS NOT NULL AND store = ? AND audit_at > ?";
inline constexpr std::string_view k_next_audit =
    "SELECT store, audit_at FROM replica INDEXED BY replica_audit WHERE state = 'verified'"
    " AND audit_at IS NOT NULL AND store > ? ORDER BY store, audit_at LIMIT 1";

void write_audit(Connection& connection, ArtifactRow row, const std::string& location,
                 std::optional<Timestamp> verified_at, Timestamp audit_at);
std::vector<ReplicaOf> read_audit_due(Query& query);
/// The first replica that is due in each store, found by skipping from one store to the next.
std::map<std::string, Timestamp> read_next_audits(Connection& connection);
std::vector<PendingPut> read_pending(Query& query);
/// The rest of a SELECT of pushed files.
inline constexpr std::string_view k_due_looks =
    "INDEXED BY pushed_file_look JOIN session ON session.row = pushed_file.session"
    " WHERE next_look_at IS NOT NULL AND destination = ? AND next_look_at <= ?"
    " ORDER BY next_look_at LIMIT ?";
inline constexpr std::string_view k_next_look =
    "SELECT min(next_look_at) FROM pushed_file INDEXED BY pushed_file_look"
    " WHERE next_look_at IS NOT NULL AND destination = ? AND next_look_at > ?";

inline constexpr std::string_view k_delivered_to =
    "SELECT artifact.id FROM replica INDEXED BY replica_delivered"
    " JOIN artifact ON artifact.row = replica.artifact"
    " WHERE replica.location = ? AND replica.path = '' AND replica.artifact <> ?"
    " AND replica.state <> 'missing' LIMIT 1";

std::vector<Lane> read_lanes(Connection& connection);

}  // namespace reelkeep::sqlite
