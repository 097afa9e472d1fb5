#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "sqlite/catalog.hpp"
#include "sqlite/catalog_listing.hpp"
#include "sqlite/catalog_queue.hpp"
#include "sqlite/catalog_rows.hpp"
#include "sqlite/catalog_schema.hpp"

namespace reelkeep::sqlite {

namespace {

// Rows of one read transaction: a page is in memory before any of it is printed.
constexpr std::int64_t k_page_rows = 200;
constexpr std::int64_t k_typical_of = 500;  ///< artifacts that typical sizes are taken from

// With a store or without; every one that is_comparable().
constexpr std::string_view k_replica_total =
    "SELECT count(*), ifnull(sum(size), 0) FROM replica WHERE store IS NOT NULL"
    " AND digest IS NOT NULL AND state <> 'superseded' AND store = ifnull(?, store)"
    " AND CASE WHEN state = 'verified' THEN 1 ELSE NOT EXISTS (SELECT 1 FROM replica AS other"
    " WHERE other.artifact = replica.artifact AND other.store = replica.store"
    " AND other.digest = replica.digest AND other.state = 'verified') END";

bool is_comparable(const Replica& replica, const std::vector<Replica>& all) {
  if (!replica.store || !replica.digest || replica.state == ReplicaState::superseded) return false;
  // A bad one that was repaired under another name is history.
  return replica.state == ReplicaState::verified ||
         std::ranges::none_of(all, [&](const Replica& other) {
           return other.store == replica.store && other.digest == replica.digest &&
                  other.state == ReplicaState::verified;
         });
}

class SqliteCatalogReader final : public CatalogReader {
 public:
  explicit SqliteCatalogReader(std::unique_ptr<Connection> connection)
      : m_connection(std::move(connection)) {}

  Status sessions(const ListFilter& filter, Timestamp now, Duration warn_before,
                  const std::function<bool(const SessionSummary&, std::int64_t)>& row) override {
    const SessionListing listing(filter, now + warn_before);
    return pages<SessionSummary>(
        filter, listing, [](const SessionSummary& summary) { return summary.session.row.get(); },
        [&](const SessionSummary& summary) { return row(summary, summary.session.row.get()); });
  }

  Status deliveries(const ListFilter& filter,
                    const std::function<bool(const DeliveryRecord&)>& row) override {
    const DeliveryListing listing(filter);
    return pages<DeliveryRecord>(
        filter, listing, [](const DeliveryRecord& record) { return record.seq.get(); }, row);
  }

  Result<std::vector<SessionView>> find(const ConfNum& conf_num,
                                        const std::optional<AppId>& app_id) override {
    return m_connection->guarded([&]() -> Result<std::vector<SessionView>> {
      Transaction moment(*m_connection, Access::read);
      std::vector<SessionView> views;
      for (Session& session : sessions_of(conf_num, app_id)) {
        SessionView view{std::move(session), {}};
        Query query(*m_connection, select_artifacts("WHERE session = ? ORDER BY row"),
                    view.session.row);
        for (Artifact& artifact : read_artifacts(query)) {
          auto replicas = read_replicas(*m_connection, artifact.row);
          view.artifacts.push_back({std::move(artifact), std::move(replicas)});
        }
        views.push_back(std::move(view));
      }
      moment.commit();
      return views;
    });
  }

  Result<std::vector<SessionView>> find_artifact(const std::string& prefix) override {
    static const std::string k_session =
        fmt::format("SELECT {} FROM session WHERE row = ?", k_session_columns);
    return m_connection->guarded([&]() -> Result<std::vector<SessionView>> {
      Transaction moment(*m_connection, Access::read);
      std::vector<SessionView> views;
      const std::string low = text::lower(prefix);
      // Ids are hexadecimal: 'g' is the first letter after all that may follow the prefix.
      Query query(*m_connection, select_artifacts("WHERE id >= ? AND id < ? ORDER BY id LIMIT 2"),
                  low, low + "g");
      for (Artifact& artifact : read_artifacts(query)) {
        Query owner(*m_connection, k_session, artifact.session_row);
        if (!owner.step()) throw UnreadableRow("an artifact without its session");
        auto replicas = read_replicas(*m_connection, artifact.row);
        views.push_back({read_session(owner), {{std::move(artifact), std::move(replicas)}}});
      }
      moment.commit();
      return views;
    });
  }

  Result<std::vector<Attempt>> attempts(ArtifactRow row) override {
    return m_connection->guarded(
        [&]() -> Result<std::vector<Attempt>> { return read_attempts(*m_connection, row); });
  }

  Status queue(const std::optional<QueuedSource>& after,
               const std::function<bool(const QueuedSource&)>& each) override {
    return m_connection->guarded([&]() -> Status {
      constexpr auto k_first = std::numeric_limits<std::int64_t>::min();
      Query query(*m_connection, k_queue);
      query.bind(after ? after->deadline : Timestamp(Duration(k_first)));
      query.bind(after ? after->row.get() : k_first);
      while (query.step()) {
        QueuedSource one;
        query.read(one.deadline);
        query.read(one.kind);
        query.read(one.declared_size);
        query.read(one.length);
        query.read(one.received);
        query.read(one.row);
        if (!each(one)) return {};
      }
      return {};
    });
  }

  Result<std::map<ArtifactKind, ByteCount>> typical_sizes() override {
    return m_connection->guarded([&]() -> Result<std::map<ArtifactKind, ByteCount>> {
      std::map<ArtifactKind, ByteCount> sizes;
      Query query(*m_connection, k_typical_sizes, k_typical_of);
      while (query.step()) {
        const auto kind = query.next<ArtifactKind>();
        sizes[kind] = query.next<ByteCount>();
      }
      return sizes;
    });
  }

  Result<std::optional<ArtifactView>> artifact(ArtifactRow row) override {
    return m_connection->guarded([&]() -> Result<std::optional<ArtifactView>> {
      Transaction moment(*m_connection, Access::read);
      std::optional<ArtifactView> view;
      Query query(*m_connection, select_artifacts("WHERE row = ?"), row);
      if (query.step()) view = ArtifactView{read_artifact(query), {}};
      if (view) view->replicas = read_replicas(*m_connection, row);
      moment.commit();
      return view;
    });
  }

  Status replicas(const ReplicaFilter& filter,
                  const std::function<bool(const Artifact&, const Replica&)>& row) override {
    ArtifactRow last;
    for (;;) {
      std::vector<ArtifactView> page;
      REELKEEP_TRY(m_connection->guarded([&]() -> Status {
        Transaction moment(*m_connection, Access::read);
        for (Artifact& artifact : artifacts_behind(last, filter)) {
          auto all = read_replicas(*m_connection, artifact.row);
          page.push_back({std::move(artifact), std::move(all)});
        }
        moment.commit();
        return {};
      }));
      if (page.empty()) return {};
      last = page.back().artifact.row;
      for (const ArtifactView& view : page)
        for (const Replica& replica : view.replicas) {
          if (!is_comparable(replica, view.replicas) ||
              (filter.store && replica.store != filter.store))
            continue;
          if (!row(view.artifact, replica)) return {};
        }
    }
  }

  Result<ReplicaTotal> total(const ReplicaFilter& filter) override {
    ReplicaTotal total;
    if (filter.session || filter.artifact) {
      REELKEEP_TRY(replicas(filter, [&](const Artifact&, const Replica& replica) {
        ++total.replicas;
        total.bytes = total.bytes + replica.size;
        return true;
      }));
      return total;
    }
    return m_connection->guarded([&]() -> Result<ReplicaTotal> {
      Query query(*m_connection, k_replica_total, filter.store);
      query.step();
      query.read(total.replicas);
      query.read(total.bytes);
      return total;
    });
  }

  Result<std::map<std::string, std::string>> notes(const std::string& prefix) override {
    return m_connection->guarded([&]() -> Result<std::map<std::string, std::string>> {
      return read_notes(*m_connection, prefix);
    });
  }

  Result<CatalogFigures> figures() override {
    return m_connection->guarded([&]() -> Result<CatalogFigures> {
      Transaction moment(*m_connection, Access::read);
      CatalogFigures figures;
      Query counts(*m_connection, "SELECT state, count FROM artifact_count WHERE count > 0");
      while (counts.step()) {
        const auto state = counts.next<ArtifactState>();
        figures.artifacts[state] = counts.next<std::int64_t>();
      }
      Query extremes(*m_connection, k_figures);
      extremes.step();
      extremes.read(figures.oldest_unarchived);
      extremes.read(figures.nearest_deadline);
      Query verdicts(*m_connection, "SELECT state, count FROM replica_count WHERE count > 0");
      while (verdicts.step()) {
        const auto state = verdicts.next<ReplicaState>();
        figures.replicas[state] = verdicts.next<std::int64_t>();
      }
      Query quarantined(*m_connection, k_quarantined_deliveries);
      quarantined.step();
      figures.quarantined_deliveries = quarantined.next<std::int64_t>();
      figures.next_audit = read_next_audits(*m_connection);
      figures.position = read_position(*m_connection).value_or(JournalPosition{});
      moment.commit();
      return figures;
    });
  }

  Result<std::optional<JournalPosition>> position() override {
    return m_connection->guarded(
        [&]() -> Result<std::optional<JournalPosition>> { return read_position(*m_connection); });
  }

  Result<std::int64_t> data_version() override {
    return m_connection->guarded(
        [&]() -> Result<std::int64_t> { return m_connection->number("PRAGMA data_version"); });
  }

 private:
  /// Calls `row` for each row of each page, with nothing of the file held meanwhile.
  template <class Row, class Listing, class Key, class Callback>
  Status pages(const ListFilter& filter, const Listing& listing, Key key, const Callback& row) {
    constexpr auto k_all = std::numeric_limits<std::int64_t>::max();
    REELKEEP_ASSIGN(const std::int64_t floor, m_connection->guarded([&]() -> Result<std::int64_t> {
      return listing.floor(*m_connection);
    }));
    PageBounds bounds{.below = filter.after.value_or(k_all), .floor = floor, .limit = k_page_rows};
    std::int64_t left = filter.limit < 0 ? k_all : filter.limit;
    while (left > 0) {
      bounds.limit = std::min(left, k_page_rows);
      REELKEEP_ASSIGN(const auto rows, m_connection->guarded([&]() -> Result<std::vector<Row>> {
        return listing.page(*m_connection, bounds);
      }));
      for (const Row& one : rows) {
        if (!row(one)) return {};
      }
      if (static_cast<std::int64_t>(rows.size()) < bounds.limit) return {};
      left -= bounds.limit;
      bounds.below = key(rows.back());
    }
    return {};
  }

  std::vector<Artifact> artifacts_behind(ArtifactRow last, const ReplicaFilter& filter) {
    if (filter.artifact) {
      Query query(*m_connection, select_artifacts("WHERE row = ? AND row > ?"), *filter.artifact,
                  last);
      return read_artifacts(query);
    }
    if (filter.session) {
      Query query(*m_connection,
                  select_artifacts("WHERE session = ? AND row > ? ORDER BY row LIMIT ?"),
                  *filter.session, last, k_page_rows);
      return read_artifacts(query);
    }
    Query query(*m_connection, select_artifacts("WHERE row > ? ORDER BY row LIMIT ?"), last,
                k_page_rows);
    return read_artifacts(query);
  }

  std::vector<Session> sessions_of(const ConfNum& conf_num, const std::optional<AppId>& app_id) {
    static const std::string k_sql = fmt::format(
        "SELECT {} FROM session WHERE conf_num = ? AND app_id = ifnull(?, app_id) ORDER BY app_id",
        k_session_columns);
    std::vector<Session> sessions;
    Query query(*m_connection, k_sql, conf_num, app_id);
    while (query.step()) sessions.push_back(read_session(query));
    return sessions;
  }

  const std::unique_ptr<Connection> m_connection;
};

}  // namespace

Result<std::unique_ptr<CatalogReader>> open_catalog_reader(const std::string& path) {
  REELKEEP_ASSIGN(auto connection, open_for_reading(path, catalog_schema()));
  return std::unique_ptr<CatalogReader>(
      std::make_unique<SqliteCatalogReader>(std::move(connection)));
}

}  // namespace reelkeep::sqlite
