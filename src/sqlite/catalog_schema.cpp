#include "sqlite/catalog_schema.hpp"

#include <array>

namespace reelkeep::sqlite {

namespace {

constexpr std::string_view k_tables = R"sql(
CREATE TABLE position(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  journal_id TEXT NOT NULL,
  cursor INTEGER NOT NULL,
  chain BLOB NOT NULL,
  receipts INTEGER NOT NULL);
CREATE TABLE note(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE delivery(
  seq INTEGER PRIMARY KEY,
  received_at INTEGER NOT NULL,
  app_id TEXT NOT NULL,
  type TEXT NOT NULL,
  conf_num TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  duplicates INTEGER NOT NULL);
CREATE TABLE session(
  row INTEGER PRIMARY KEY,
  app_id TEXT NOT NULL,
  conf_num TEXT NOT NULL,
  room_id TEXT NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  cdr_ready INTEGER NOT NULL,
  first_seen_at INTEGER NOT NULL,
  artifacts INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  counted INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  work INTEGER NOT NULL DEFAULT 0,
  urgent_deadline INTEGER,
  latest_deadline INTEGER);
CREATE UNIQUE INDEX session_key ON session(conf_num, app_id);
CREATE TABLE artifact(
  row INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session,
  app_id TEXT NOT NULL,
  conf_num TEXT NOT NULL,
  kind TEXT NOT NULL,
  source_key TEXT NOT NULL,
  stage TEXT NOT NULL,
  id TEXT NOT NULL,
  room_id TEXT NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  url_at INTEGER NOT NULL,
  host TEXT NOT NULL,
  staging_name TEXT NOT NULL,
  path TEXT NOT NULL,
  declared_size INTEGER,
  offered_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  known_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  disputed INTEGER NOT NULL,
  refetch INTEGER NOT NULL,
  replace_old INTEGER NOT NULL,
  in_hand INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER,
  error_code TEXT,
  error_message TEXT,
  error_retry_after INTEGER,
  size INTEGER,
  digest BLOB,
  received INTEGER NOT NULL,
  resume_offset INTEGER,
  resume_validator TEXT,
  resume_length INTEGER,
  resume_boot_id TEXT,
  bad_digest BLOB,
  deaths INTEGER NOT NULL,
  path_fold TEXT,
  work INTEGER NOT NULL,
  needs_source INTEGER NOT NULL,
  claimable INTEGER NOT NULL,
  due_at INTEGER,
  staged INTEGER NOT NULL);
CREATE UNIQUE INDEX artifact_identity ON artifact(session, kind, source_key, stage);
CREATE UNIQUE INDEX artifact_id ON artifact(id);
CREATE UNIQUE INDEX artifact_path ON artifact(path_fold) WHERE path_fold IS NOT NULL;
CREATE INDEX artifact_name ON artifact(session, name);
CREATE INDEX artifact_state ON artifact(state);
CREATE INDEX artifact_claim ON artifact(app_id, host, deadline) WHERE claimable = 1;
CREATE INDEX artifact_due ON artifact(due_at) WHERE due_at IS NOT NULL;
CREATE INDEX artifact_in_hand ON artifact(row) WHERE in_hand = 1;
CREATE INDEX artifact_staged ON artifact(staging_name) WHERE staged = 1;
CREATE TABLE replica(
  row INTEGER PRIMARY KEY,
  artifact INTEGER NOT NULL REFERENCES artifact,
  store TEXT,
  path TEXT NOT NULL,
  location TEXT NOT NULL,
  size INTEGER NOT NULL,
  digest BLOB,
  state TEXT NOT NULL,
  verified_at INTEGER);
CREATE UNIQUE INDEX replica_location ON replica(artifact, location);
CREATE TABLE pushed_file(
  row INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session,
  name TEXT NOT NULL,
  location TEXT NOT NULL,
  url TEXT NOT NULL,
  destination_name TEXT NOT NULL,
  source_key TEXT NOT NULL,
  at INTEGER NOT NULL);
CREATE UNIQUE INDEX pushed_file_location ON pushed_file(session, name, location);
CREATE TABLE artifact_count(state TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER artifact_counted AFTER INSERT ON artifact BEGIN
  INSERT INTO artifact_count VALUES (new.state, 1)
    ON CONFLICT(state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER artifact_recounted AFTER UPDATE OF state ON artifact
WHEN old.state <> new.state BEGIN
  UPDATE artifact_count SET count = count - 1 WHERE state = old.state;
  INSERT INTO artifact_count VALUES (new.state, 1)
    ON CONFLICT(state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER artifact_discounted AFTER DELETE ON artifact BEGIN
  UPDATE artifact_count SET count = count - 1 WHERE state = old.state;
END;
)sql";

// What the listing commands and the figures ask for. An index on the row number itself lets a
// partial index be read in the order of the listing.
constexpr std::string_view k_listings = R"sql(
CREATE INDEX IF NOT EXISTS delivery_app ON delivery(app_id);
CREATE INDEX IF NOT EXISTS delivery_state ON delivery(state);
CREATE INDEX IF NOT EXISTS delivery_received ON delivery(received_at);
CREATE INDEX IF NOT EXISTS session_app ON session(app_id);
CREATE INDEX IF NOT EXISTS session_seen ON session(first_seen_at);
CREATE INDEX IF NOT EXISTS session_lost ON session(row) WHERE lost > 0;
CREATE INDEX IF NOT EXISTS session_work ON session(row) WHERE work > 0;
CREATE INDEX IF NOT EXISTS session_idle ON session(row)
  WHERE counted = 0 OR (started_at IS NOT NULL AND ended_at IS NULL);
CREATE INDEX IF NOT EXISTS artifact_known ON artifact(known_at) WHERE work = 1;
CREATE INDEX IF NOT EXISTS artifact_deadline ON artifact(deadline) WHERE needs_source = 1;
)sql";

constexpr std::string_view k_pending_puts = R"sql(
CREATE TABLE pending_put(
  artifact INTEGER NOT NULL,
  store TEXT NOT NULL,
  digest BLOB NOT NULL,
  size INTEGER NOT NULL,
  disputed INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  journaled INTEGER NOT NULL,
  run INTEGER NOT NULL,
  PRIMARY KEY (artifact, store)) WITHOUT ROWID;
CREATE INDEX pending_put_due ON pending_put(store, due_at, artifact);
)sql";

// What `why` and the forecast ask for. The wider index on deadlines answers the forecast alone.
constexpr std::string_view k_prospects = R"sql(
CREATE TABLE attempt(
  row INTEGER PRIMARY KEY,
  artifact INTEGER NOT NULL REFERENCES artifact,
  at INTEGER NOT NULL,
  number INTEGER NOT NULL,
  received INTEGER NOT NULL,
  error_code TEXT,
  error_message TEXT);
CREATE INDEX attempt_artifact ON attempt(artifact);
CREATE INDEX delivery_session ON delivery(conf_num) WHERE conf_num <> '';
DROP INDEX artifact_deadline;
CREATE INDEX artifact_deadline ON artifact(deadline, row, kind, declared_size, needs_source)
  WHERE needs_source = 1;
)sql";

// What is verified and was never read back since is due in the order in which it was stored.
constexpr std::string_view k_audits = R"sql(
ALTER TABLE replica ADD COLUMN found_at INTEGER;
ALTER TABLE replica ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE replica ADD COLUMN audit_at INTEGER;
UPDATE replica SET audit_at = max(ifnull(verified_at, 1), 1)
  WHERE state = 'verified' AND store IS NOT NULL AND digest IS NOT NULL;
CREATE INDEX replica_audit ON replica(store, audit_at)
  WHERE state = 'verified' AND audit_at IS NOT NULL;
CREATE TABLE replica_count(state TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO replica_count SELECT state, count(*) FROM replica GROUP BY state;
CREATE TRIGGER replica_counted AFTER INSERT ON replica BEGIN
  INSERT INTO replica_count VALUES (new.state, 1)
    ON CONFLICT(state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER replica_recounted AFTER UPDATE OF state ON replica
WHEN old.state <> new.state BEGIN
  UPDATE replica_count SET count = count - 1 WHERE state = old.state;
  INSERT INTO replica_count VALUES (new.state, 1)
    ON CONFLICT(state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER replica_discounted AFTER DELETE ON replica BEGIN
  UPDATE replica_count SET count = count - 1 WHERE state = old.state;
END;
)sql";

// A transfer that is under way has told its length.
constexpr std::string_view k_lengths = R"sql(
DROP INDEX artifact_deadline;
CREATE INDEX artifact_deadline ON artifact(deadline, row, kind, declared_size, resume_length,
  received, needs_source) WHERE needs_source = 1;
)sql";

// What was found of pushed files at their destinations, and when to look again.
constexpr std::string_view k_destinations = R"sql(
ALTER TABLE pushed_file ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE pushed_file ADD COLUMN found TEXT;
ALTER TABLE pushed_file ADD COLUMN found_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushed_file ADD COLUMN found_digest BLOB;
ALTER TABLE pushed_file ADD COLUMN found_at INTEGER;
ALTER TABLE pushed_file ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE pushed_file ADD COLUMN next_look_at INTEGER;
ALTER TABLE pushed_file ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushed_file ADD COLUMN problem TEXT NOT NULL DEFAULT '';
CREATE INDEX pushed_file_look ON pushed_file(destination, next_look_at)
  WHERE next_look_at IS NOT NULL;
)sql";

// When replicas and pushed files were last read whole. What a destination said of a digest before
// is read again: it is no proof.
constexpr std::string_view k_readings = R"sql(
ALTER TABLE replica ADD COLUMN read_at INTEGER;
ALTER TABLE pushed_file ADD COLUMN read_at INTEGER;
UPDATE pushed_file SET next_look_at = found_at
  WHERE found = 'verified' AND found_digest IS NOT NULL AND destination <> '';
)sql";

// Bytes at a destination that are known to differ from what was downloaded.
constexpr std::string_view k_refusals = R"sql(
ALTER TABLE pushed_file ADD COLUMN refused BLOB;
)sql";

// Complete bytes that a destination has to hold and does not.
constexpr std::string_view k_stuck = R"sql(
ALTER TABLE session ADD COLUMN stuck INTEGER NOT NULL DEFAULT 0;
UPDATE session SET stuck = (SELECT count(*) FROM artifact WHERE artifact.session = session.row
    AND state = 'verifying' AND error_code IS 'corrupt'
    AND EXISTS (SELECT 1 FROM replica WHERE replica.artifact = artifact.row
                AND replica.store IS NOT NULL AND replica.path = ''
                AND replica.state IN ('missing', 'corrupt')))
  WHERE work > 0;
)sql";

// Whose copies lie where the provider pushes to.
constexpr std::string_view k_delivered = R"sql(
CREATE INDEX replica_delivered ON replica(location) WHERE path = '';
)sql";

// Counted by the transaction instead (see WriteTransactions). What comes and goes with every file
// is found by other indexes.
constexpr std::string_view k_fewer_writes = R"sql(
DROP TRIGGER artifact_counted;
DROP TRIGGER artifact_recounted;
DROP TRIGGER artifact_discounted;
DROP TRIGGER replica_counted;
DROP TRIGGER replica_recounted;
DROP TRIGGER replica_discounted;
DROP INDEX artifact_state;
CREATE INDEX artifact_state ON artifact(state) WHERE state NOT IN ('planned', 'running');
)sql";

// What lies in staging has the id that its artifact had first; few get another one.
constexpr std::string_view k_renamed = R"sql(
DROP INDEX artifact_staged;
CREATE INDEX artifact_renamed ON artifact(staging_name) WHERE staging_name <> id;
)sql";

constexpr std::array k_steps{k_tables,    k_listings,     k_pending_puts, k_prospects, k_audits,
                             k_lengths,   k_destinations, k_readings,     k_refusals,  k_stuck,
                             k_delivered, k_fewer_writes, k_renamed};
constexpr Schema k_schema{.noun = "catalog",
                          .application_id = 0x726B6374,  // "rkct"
                          .steps = k_steps,
                          // A page of an index over ids or digests is written again by nearly every
                          // commit; with 4 MiB it went into the file each time (the agent's CPU for
                          // short files 12 % higher).
                          .wal_pages = 8192};

}  // namespace

const Schema& catalog_schema() noexcept {
  return k_schema;
}

void drop_catalog_tables(Connection& connection) {
  // Children first: then nothing has to be looked up row by row.
  for (const char* table :
       {"attempt", "replica", "pending_put", "pushed_file", "artifact", "session", "delivery",
        "artifact_count", "replica_count", "note", "position"}) {
    connection.execute(std::string("DROP TABLE ") + table);
  }
}

}  // namespace reelkeep::sqlite
