#include <fmt/core.h>
#include <utility>

#include "crypto/sha256.hpp"
#include "sqlite/journal.hpp"
#include "sqlite/journal_rows.hpp"
#include "sqlite/journal_schema.hpp"
#include "sqlite/query.hpp"

namespace reelkeep::sqlite {

namespace {

/// A page of rows ends early when its bodies reach this: memory stays bounded.
constexpr std::size_t k_page_bytes = std::size_t{8} << 20U;
constexpr std::string_view k_page =
    "SELECT entry.seq, kind, entry.received_at, digest, chain, remote, user, content_type, bytes"
    " FROM entry LEFT JOIN body ON body.seq = entry.seq"
    " WHERE entry.seq > ? ORDER BY entry.seq LIMIT ?";
constexpr std::string_view k_receipts =
    "SELECT id, seq, received_at, remote, user FROM receipt WHERE id > ? ORDER BY id LIMIT ?";
// One statement: one moment.
constexpr std::string_view k_end =
    "SELECT (SELECT value FROM meta WHERE key = 'id'), ifnull(max(seq), 0),"
    " (SELECT chain FROM entry ORDER BY seq DESC LIMIT 1),"
    " (SELECT ifnull(max(id), 0) FROM receipt) FROM entry";
constexpr std::string_view k_unknown =
    "SELECT count(*) FROM entry WHERE kind = 'delivery'"
    " AND seq <= ifnull((SELECT value FROM meta WHERE key = 'delivered_up_to'), 0)"
    " AND NOT EXISTS (SELECT 1 FROM delivered WHERE digest = entry.digest)";
// Bodies may be large: few at a time.
constexpr std::size_t k_verify_rows = 32;

Entry read_entry(Query& query) {
  Entry entry;
  query.read(entry.seq);
  query.read(entry.kind);
  query.read(entry.received_at);
  query.read(entry.digest);
  query.read(entry.chain);
  query.read(entry.remote);
  query.read(entry.user);
  query.read(entry.content_type);
  query.read(entry.body);
  return entry;
}

class Reader final : public JournalReader {
 public:
  explicit Reader(std::unique_ptr<Connection> connection) : m_connection(std::move(connection)) {}

  Result<std::string> id() override {
    REELKEEP_ASSIGN(const JournalPosition position, end());
    return position.journal_id;
  }

  Result<std::vector<Entry>> read(Seq after, std::size_t limit) override {
    return m_connection->guarded([&]() -> Result<std::vector<Entry>> {
      std::vector<Entry> entries;
      Query query(*m_connection, k_page, after, as_limit(limit));
      std::size_t bytes = 0;
      while (bytes < k_page_bytes && query.step()) {
        entries.push_back(read_entry(query));
        if (entries.back().body) bytes += entries.back().body->size();
      }
      return entries;
    });
  }

  Result<std::optional<Entry>> find(Seq seq) override {
    REELKEEP_ASSIGN(auto entries, read(Seq(seq.get() - 1), 1));
    if (entries.empty() || entries.front().seq != seq) return std::optional<Entry>();
    return std::optional<Entry>(std::move(entries.front()));
  }

  Result<std::vector<Receipt>> receipts(std::int64_t after, std::size_t limit) override {
    return m_connection->guarded([&]() -> Result<std::vector<Receipt>> {
      std::vector<Receipt> receipts;
      Query query(*m_connection, k_receipts, after, as_limit(limit));
      while (query.step()) {
        Receipt receipt;
        query.read(receipt.id);
        query.read(receipt.seq);
        query.read(receipt.received_at);
        query.read(receipt.remote);
        query.read(receipt.user);
        receipts.push_back(std::move(receipt));
      }
      return receipts;
    });
  }

  Result<std::int64_t> duplicates(Seq seq) override {
    return m_connection->guarded([&]() -> Result<std::int64_t> {
      Query query(*m_connection, "SELECT count(*) FROM receipt WHERE seq = ?", seq);
      query.step();
      return query.next<std::int64_t>();
    });
  }

  Result<JournalPosition> end() override {
    return m_connection->guarded([&]() -> Result<JournalPosition> {
      Query query(*m_connection, k_end);
      query.step();
      JournalPosition position;
      query.read(position.journal_id);
      query.read(position.cursor);
      position.chain = query.next<std::optional<Digest>>().value_or(Digest{});
      query.read(position.receipts);
      return position;
    });
  }

  Result<std::optional<Digest>> chain_at(Seq seq) override {
    return m_connection->guarded([&]() -> Result<std::optional<Digest>> {
      Query query(*m_connection, "SELECT chain FROM entry WHERE seq = ?", seq);
      if (!query.step()) return std::optional<Digest>();
      return std::optional<Digest>(query.next<Digest>());
    });
  }

  Status verify_chain() override {
    Digest previous;
    Seq last(0);
    for (;;) {
      REELKEEP_ASSIGN(const auto entries, read(last, k_verify_rows));
      if (entries.empty()) return verify_known();
      for (const Entry& entry : entries) {
        REELKEEP_TRY(verify(entry, previous));
        previous = entry.chain;
        last = entry.seq;
      }
    }
  }

 private:
  [[nodiscard]] Status verify(const Entry& entry, const Digest& previous) const {
    const bool body_fits = !entry.body || sha256(*entry.body) == entry.digest;
    if (body_fits && chain_link(previous, entry) == entry.chain) return {};
    return Error{Errc::corrupt,
                 fmt::format("journal {}: row {} was changed, or a row before it is missing",
                             m_connection->path(), entry.seq.get())};
  }

  /// Every delivery would be known if it came again.
  [[nodiscard]] Status verify_known() {
    return m_connection->guarded([&]() -> Status {
      Query query(*m_connection, k_unknown);
      query.step();
      const auto unknown = query.next<std::int64_t>();
      if (unknown == 0) return {};
      return Error{Errc::corrupt,
                   fmt::format("journal {}: its table of what was delivered lacks {} deliveries "
                               "(the last line of the README's recipe alone fills it anew)",
                               m_connection->path(), unknown)};
    });
  }

  const std::unique_ptr<Connection> m_connection;
};

}  // namespace

Result<std::unique_ptr<JournalReader>> open_journal_reader(const std::string& path) {
  REELKEEP_ASSIGN(auto connection, open_for_reading(path, journal_schema()));
  return std::unique_ptr<JournalReader>(std::make_unique<Reader>(std::move(connection)));
}

}  // namespace reelkeep::sqlite
