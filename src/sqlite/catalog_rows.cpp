#include "sqlite/catalog_rows.hpp"

#include <utility>

namespace reelkeep::sqlite {

namespace {

// The same judgement as model::session_state() and session_deadline(), artifact by artifact; a test
// compares them over random sessions. CASE, because AND looks at replicas whatever comes before it.
constexpr std::string_view k_summarise = R"sql(
UPDATE session SET (artifacts, archived, bytes, counted, lost, work, stuck, urgent_deadline,
                    latest_deadline) =
  (SELECT count(*), ifnull(sum(state = 'archived'), 0),
          ifnull(sum(CASE WHEN state = 'archived' THEN size END), 0),
          ifnull(sum(counts), 0), ifnull(sum(is_lost), 0), ifnull(sum(is_left), 0),
          ifnull(sum(is_stuck), 0),
          min(CASE WHEN is_left AND NOT complete THEN deadline END),
          max(CASE WHEN counts THEN deadline END)
   FROM (SELECT state, size, deadline, complete, state NOT IN ('cancelled', 'delivered') AS counts,
                CASE WHEN state IN ('expired', 'quarantined') AND NOT complete
                     THEN NOT verified ELSE 0 END AS is_lost,
                CASE WHEN NOT work THEN 0 WHEN refetch THEN NOT verified ELSE 1 END AS is_left,
                CASE WHEN state = 'verifying' AND error_code IS 'corrupt'
                     THEN bad_push ELSE 0 END AS is_stuck
         FROM (SELECT state, size, deadline, error_code, work, refetch,
                      state = 'verifying' OR digest IS NOT NULL AS complete,
                      EXISTS (SELECT 1 FROM replica WHERE replica.artifact = artifact.row
                              AND replica.state = 'verified') AS verified,
                      EXISTS (SELECT 1 FROM replica WHERE replica.artifact = artifact.row
                              AND replica.store IS NOT NULL AND replica.path = ''
                              AND replica.state IN ('missing', 'corrupt')) AS bad_push
               FROM artifact WHERE artifact.session = ?1)))
WHERE row = ?1
)sql";

constexpr std::string_view k_replicas =
    "SELECT store, path, location, size, digest, state, verified_at, found_at, cause, read_at,"
    " audit_at FROM replica WHERE artifact = ? ORDER BY row";
// The row stays: replicas keep the order in which they came.
constexpr std::string_view k_add_replica =
    "INSERT INTO replica(artifact, location, store, path, size, digest, state, verified_at,"
    " found_at, cause, read_at, audit_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(artifact, location) DO NOTHING";
constexpr std::string_view k_update_replica =
    "UPDATE replica SET (store, path, size, digest, state, verified_at, found_at, cause, read_at,"
    " audit_at) = (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) WHERE artifact = ?1 AND location = "
    "?2";

constexpr std::string_view k_attempts =
    "SELECT at, number, received, error_code, error_message FROM attempt WHERE artifact = ?"
    " ORDER BY row";
constexpr std::string_view k_add_attempt =
    "INSERT INTO attempt(artifact, at, number, received, error_code, error_message)"
    " VALUES (?, ?, ?, ?, ?, ?)";
constexpr std::string_view k_forget_attempts =
    "DELETE FROM attempt WHERE row IN (SELECT row FROM attempt WHERE artifact = ?"
    " ORDER BY row DESC LIMIT -1 OFFSET ?)";

}  // namespace

Session read_session(Query& query) {
  Session session;
  query.read(session.row);
  query.read(session.key.app_id);
  query.read(session.key.conf_num);
  query.read(session.room_id);
  query.read(session.started_at);
  query.read(session.ended_at);
  query.read(session.cdr_ready);
  query.read(session.first_seen_at);
  return session;
}

DeliveryRecord read_delivery(Query& query) {
  DeliveryRecord record;
  query.read(record.seq);
  query.read(record.received_at);
  query.read(record.app_id);
  query.read(record.type);
  query.read(record.conf_num);
  query.read(record.state);
  query.read(record.reason);
  query.read(record.duplicates);
  return record;
}

Replica read_replica(Query& query) {
  Replica replica;
  query.read(replica.store);
  query.read(replica.path);
  query.read(replica.location);
  query.read(replica.size);
  query.read(replica.digest);
  query.read(replica.state);
  query.read(replica.verified_at);
  query.read(replica.found_at);
  query.read(replica.cause);
  query.read(replica.read_at);
  query.read(replica.audit_at);
  return replica;
}

std::string select_pushed_files(std::string_view rest) {
  return "SELECT app_id, conf_num, name, location, url, destination_name, source_key, at,"
         " destination, found, found_size, found_digest, found_at, read_at, refused, place,"
         " next_look_at, looks, problem FROM pushed_file " +
         std::string(rest);
}

std::vector<PushedFile> read_pushed_files(Query& query) {
  std::vector<PushedFile> files;
  while (query.step()) {
    PushedFile file;
    query.read(file.session.app_id);
    query.read(file.session.conf_num);
    query.read(file.name);
    query.read(file.location);
    query.read(file.url);
    query.read(file.destination_name);
    query.read(file.source_key);
    query.read(file.at);
    query.read(file.destination);
    query.read(file.found);
    query.read(file.found_size);
    query.read(file.found_digest);
    query.read(file.found_at);
    query.read(file.read_at);
    query.read(file.refused);
    query.read(file.place);
    query.read(file.next_look_at);
    query.read(file.looks);
    query.read(file.problem);
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<Replica> read_replicas(Connection& connection, ArtifactRow artifact) {
  std::vector<Replica> replicas;
  Query query(connection, k_replicas, artifact);
  while (query.step()) replicas.push_back(read_replica(query));
  return replicas;
}

namespace {

std::int64_t run_with_replica(Connection& connection, std::string_view sql, ArtifactRow artifact,
                              const Replica& replica) {
  return Query(connection, sql, artifact, BorrowedText{replica.location}, replica.store,
               BorrowedText{replica.path}, replica.size, replica.digest, replica.state,
               replica.verified_at, replica.found_at, BorrowedText{replica.cause}, replica.read_at,
               replica.audit_at)
      .run();
}

}  // namespace

bool add_replica(Connection& connection, ArtifactRow artifact, const Replica& replica) {
  return run_with_replica(connection, k_add_replica, artifact, replica) != 0;
}

void update_replica(Connection& connection, ArtifactRow artifact, const Replica& replica) {
  run_with_replica(connection, k_update_replica, artifact, replica);
}

std::vector<Attempt> read_attempts(Connection& connection, ArtifactRow artifact) {
  std::vector<Attempt> attempts;
  Query query(connection, k_attempts, artifact);
  while (query.step()) {
    Attempt attempt;
    query.read(attempt.at);
    query.read(attempt.number);
    query.read(attempt.received);
    const auto code = query.next<std::optional<Errc>>();
    const auto message = query.next<std::optional<std::string>>();
    if (code) attempt.error = Error{*code, message.value_or("")};
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

void write_attempt(Connection& connection, ArtifactRow artifact, const Attempt& attempt) {
  const auto code = attempt.error ? std::optional(attempt.error->code) : std::nullopt;
  const auto message = attempt.error ? std::optional(attempt.error->message) : std::nullopt;
  Query(connection, k_add_attempt, artifact, attempt.at, attempt.number, attempt.received, code,
        message)
      .run();
  Query(connection, k_forget_attempts, artifact, as_limit(k_remembered_attempts)).run();
}

std::map<std::string, std::string> read_notes(Connection& connection, const std::string& prefix) {
  std::map<std::string, std::string> found;
  Query query(connection, "SELECT key, value FROM note WHERE key >= ? ORDER BY key", prefix);
  while (query.step()) {
    auto key = query.next<std::string>();
    if (!key.starts_with(prefix)) break;
    found.emplace(std::move(key), query.next<std::string>());
  }
  return found;
}

std::optional<JournalPosition> read_position(Connection& connection) {
  Query query(connection, "SELECT journal_id, cursor, chain, receipts FROM position");
  if (!query.step()) return std::nullopt;
  JournalPosition position;
  query.read(position.journal_id);
  query.read(position.cursor);
  query.read(position.chain);
  query.read(position.receipts);
  return position;
}

void summarise(Connection& connection, SessionRow session) {
  Query(connection, k_summarise, session).run();
}

}  // namespace reelkeep::sqlite
