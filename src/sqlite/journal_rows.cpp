#include "sqlite/journal_rows.hpp"

#include <cstddef>
#include <span>
#include <string>

#include "crypto/sha256.hpp"
#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

namespace {

// seq never falls back, even if somebody removed the last rows: sqlite_sequence remembers.
constexpr std::string_view k_tail =
    "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'entry'), 0),"
    "           ifnull((SELECT max(seq) FROM entry), 0)),"
    "       (SELECT chain FROM entry ORDER BY seq DESC LIMIT 1)";
constexpr std::string_view k_insert =
    "INSERT INTO entry(seq, kind, received_at, digest, remote, user, content_type, chain)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view k_insert_body =
    "INSERT INTO body(seq, received_at, bytes) VALUES (?, ?, ?)";
constexpr std::string_view k_insert_receipt =
    "INSERT INTO receipt(seq, received_at, remote, user) VALUES (?, ?, ?, ?)";
constexpr std::string_view k_erase =
    "DELETE FROM body WHERE seq IN"
    " (SELECT b.seq FROM body b JOIN entry e ON e.seq = b.seq"
    "  WHERE b.received_at < ? AND e.kind IN ('delivery', 'reconcile')"
    "  ORDER BY b.received_at LIMIT ?)";

void add_field(std::string& text, std::string_view field) {
  text.append(std::to_string(field.size())).append(1, ':').append(field).append(1, ',');
}

void add_field(std::string& text, const Digest& digest) {
  add_field(text, std::string_view(reinterpret_cast<const char*>(digest.bytes.data()),
                                   digest.bytes.size()));
}

}  // namespace

Digest chain_link(const Digest& previous, const Entry& entry) {
  std::string text;
  text.reserve(256);
  add_field(text, previous);
  add_field(text, std::to_string(entry.seq.get()));
  add_field(text, to_string(entry.kind));
  add_field(text, std::to_string(entry.received_at.time_since_epoch().count()));
  add_field(text, entry.digest);
  add_field(text, entry.remote);
  add_field(text, entry.user);
  add_field(text, entry.content_type);
  return sha256(text);
}

Tail read_tail(Connection& connection) {
  Query query(connection, k_tail);
  query.step();
  Tail tail;
  query.read(tail.seq);
  tail.chain = query.next<std::optional<Digest>>().value_or(Digest{});
  return tail;
}

Appended append_row(Connection& connection, const NewEntry& entry, Tail& tail,
                    KnownDeliveries& known) {
  const Entry row{.seq = Seq(tail.seq + 1),
                  .kind = entry.kind,
                  .received_at = entry.received_at,
                  .digest = sha256(entry.body),
                  .chain = {},
                  .remote = entry.remote,
                  .user = entry.user,
                  .content_type = entry.content_type,
                  .body = std::nullopt};
  if (row.kind == EntryKind::delivery) {
    if (const auto first = known.find(connection, row.digest)) {
      Query(connection, k_insert_receipt, *first, row.received_at, row.remote, row.user).run();
      return Appended{*first, true};
    }
  }
  const Digest chain = chain_link(tail.chain, row);
  Query(connection, k_insert, row.seq, row.kind, row.received_at, row.digest, row.remote, row.user,
        row.content_type, chain)
      .run();
  Query(connection, k_insert_body, row.seq, row.received_at, BorrowedBlob{entry.body}).run();
  if (row.kind == EntryKind::delivery) known.add(row.digest, row.seq);
  tail = Tail{row.seq.get(), chain};
  return Appended{row.seq, false};
}

std::int64_t erase_some_bodies(Connection& connection, Timestamp before, std::int64_t limit) {
  return Query(connection, k_erase, before, limit).run();
}

}  // namespace reelkeep::sqlite
