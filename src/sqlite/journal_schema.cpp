#include "sqlite/journal_schema.hpp"

#include <array>

namespace reelkeep::sqlite {

namespace {

constexpr std::string_view k_tables = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('id',
  lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) ||
        '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' ||
        hex(randomblob(6)))), ('probe', 0);
CREATE TABLE entry(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  digest BLOB NOT NULL,
  remote TEXT NOT NULL,
  user TEXT NOT NULL,
  content_type TEXT NOT NULL,
  chain BLOB NOT NULL);
CREATE UNIQUE INDEX entry_delivery ON entry(digest) WHERE kind = 'delivery';
CREATE TABLE body(
  seq INTEGER PRIMARY KEY REFERENCES entry,
  received_at INTEGER NOT NULL,
  bytes BLOB NOT NULL);
CREATE TABLE receipt(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  seq INTEGER NOT NULL REFERENCES entry,
  received_at INTEGER NOT NULL,
  remote TEXT NOT NULL,
  user TEXT NOT NULL);
)sql";

constexpr std::string_view k_lookups = R"sql(
CREATE INDEX IF NOT EXISTS body_received ON body(received_at);
CREATE INDEX IF NOT EXISTS receipt_seq ON receipt(seq);
)sql";

// A unique index over digests wrote a page for each delivery: see known_deliveries.hpp. Digests are
// no secret: the pages of a large index need not be overwritten.
constexpr std::string_view k_delivered = R"sql(
CREATE TABLE delivered(digest BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO delivered
  SELECT digest, seq FROM entry WHERE kind = 'delivery' ORDER BY digest;
INSERT INTO meta VALUES ('delivered_up_to', (SELECT ifnull(max(seq), 0) FROM entry));
PRAGMA secure_delete = OFF;
DROP INDEX IF EXISTS entry_delivery;
PRAGMA secure_delete = ON;
)sql";

// A program of before would take rows that name several replicas for what it cannot apply.
constexpr std::string_view k_rows_of_several = "SELECT 1";

constexpr std::array k_steps{k_tables, k_lookups, k_delivered, k_rows_of_several};
constexpr Schema k_schema{.noun = "journal",
                          .application_id = 0x726B6A6C,  // "rkjl"
                          .steps = k_steps,
                          .evidence = true};

}  // namespace

const Schema& journal_schema() noexcept {
  return k_schema;
}

}  // namespace reelkeep::sqlite
