#pragma once

#include <map>
#include <string>
#include <vector>

#include "reelkeep/model/attempt.hpp"
#include "reelkeep/model/delivery.hpp"
#include "reelkeep/model/session.hpp"
#include "reelkeep/port/journal.hpp"

#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

// How values of the model lie in the catalog's tables; used by both of its sides. All of it throws
// as Query does. `*_columns` and `read_*` belong together: same columns, same order.

inline constexpr std::string_view k_session_columns =
    "row, app_id, conf_num, room_id, started_at, ended_at, cdr_ready, first_seen_at";
inline constexpr std::string_view k_delivery_columns =
    "seq, received_at, app_id, type, conf_num, state, reason, duplicates";

Session read_session(Query& query);
DeliveryRecord read_delivery(Query& query);

/// "SELECT <columns of an artifact> FROM artifact <rest>".
std::string select_artifacts(std::string_view rest);
Artifact read_artifact(Query& query);
std::vector<Artifact> read_artifacts(Query& query);
/// Inserts (row 0) or updates; returns the row. 0: there is no such row.
ArtifactRow write_artifact(Connection& connection, const Artifact& artifact);
/// Updates the columns of its progress alone, and of those what is not as `known` (nothing: all);
/// 0: there is no such row.
std::int64_t write_progress(Connection& connection, const Artifact& artifact,
                            const Artifact* known);
/// What write_progress() writes.
void take_progress(Artifact& into, const Artifact& from);
/// What the summary of its session is made of.
struct Counts {
  bool archived;
  bool given_up;
  bool not_counted;
  bool work;
  bool complete;
  bool may_be_stuck;
  bool refetch;
  std::optional<ByteCount> size;
  Timestamp deadline;
  friend bool operator==(const Counts&, const Counts&) = default;
};
Counts counts_of(const Artifact& artifact);

/// SELECT of pushed files FROM pushed_file, and the rest of it.
std::string select_pushed_files(std::string_view rest);
std::vector<PushedFile> read_pushed_files(Query& query);

/// store, path, location, size, digest, state, verified_at, found_at, cause, audit_at
Replica read_replica(Query& query);
std::vector<Replica> read_replicas(Connection& connection, ArtifactRow artifact);
/// False: the artifact has one there, which stays as it is.
bool add_replica(Connection& connection, ArtifactRow artifact, const Replica& replica);
void update_replica(Connection& connection, ArtifactRow artifact, const Replica& replica);

std::vector<Attempt> read_attempts(Connection& connection, ArtifactRow artifact);
/// Forgets the oldest where there are too many.
void write_attempt(Connection& connection, ArtifactRow artifact, const Attempt& attempt);

std::map<std::string, std::string> read_notes(Connection& connection, const std::string& prefix);
std::optional<JournalPosition> read_position(Connection& connection);

/// Brings the session's own summary columns up to date with its artifacts and replicas.
void summarise(Connection& connection, SessionRow session);

}  // namespace reelkeep::sqlite
