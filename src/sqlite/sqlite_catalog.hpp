#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "reelkeep/port/catalog.hpp"

#include "sqlite/catalog_rows.hpp"
#include "sqlite/known_artifacts.hpp"
#include "sqlite/write_transaction.hpp"

namespace reelkeep::sqlite {

/// The catalog over its only writing connection. Its facts are in catalog.cpp, its queues in
/// catalog_queue.cpp.
class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(std::unique_ptr<Connection> connection)
      : m_connection(std::move(connection)), m_transactions(*m_connection) {}

  Status transact(const std::function<Status()>& work) override;
  Result<std::optional<JournalPosition>> position() override;
  Status set_position(const JournalPosition& position) override;
  Result<std::optional<std::string>> note(const std::string& key) override;
  Status set_note(const std::string& key, const std::optional<std::string>& value) override;
  Result<std::map<std::string, std::string>> notes(const std::string& prefix) override;
  Status clear() override;
  Status put_delivery(const DeliveryRecord& record) override;
  Result<std::optional<DeliveryRecord>> delivery(Seq seq) override;
  Result<std::optional<Session>> session(const SessionKey& key) override;
  Result<std::optional<Session>> session(SessionRow row) override;
  Result<Session> put_session(Session session) override;
  Result<std::vector<Artifact>> artifacts(SessionRow session) override;
  Result<std::vector<Artifact>> artifacts_with_source(SessionRow session, ArtifactKind kind,
                                                      const SourceKey& source_key) override;
  Result<std::vector<Artifact>> artifacts_named(SessionRow session,
                                                const std::string& name) override;
  Result<std::optional<Artifact>> artifact(ArtifactRow row) override;
  Result<std::optional<Artifact>> artifact(const ArtifactIdentity& identity) override;
  Result<std::optional<Artifact>> artifact(const ArtifactId& id) override;
  Result<Artifact> put_artifact(Artifact artifact) override;
  Status put_progress(const Artifact& artifact) override;
  Status remove_artifact(ArtifactRow row) override;
  Result<bool> path_taken(const std::string& path) override;
  Result<std::vector<Replica>> replicas(ArtifactRow row) override;
  Status put_replica(ArtifactRow row, const Replica& replica) override;
  Status remove_replica(ArtifactRow row, const std::string& location) override;
  Result<std::optional<ArtifactId>> delivered_to(const std::string& location,
                                                 ArtifactRow row) override;
  Status add_attempt(ArtifactRow row, const Attempt& attempt) override;
  Result<std::vector<ReplicaOf>> audit_due(const StoreId& store, Timestamp now,
                                           std::size_t limit) override;
  Status put_audit(ArtifactRow row, const std::string& location, std::optional<Timestamp> read_at,
                   Timestamp audit_at) override;
  Status put_pushed_file(SessionRow session, const PushedFile& file) override;
  Result<std::vector<PushedFile>> pushed_files(SessionRow session,
                                               const std::string& name) override;
  Status put_pushed_look(SessionRow session, const PushedFile& file) override;
  Result<std::vector<PushedFile>> due_looks(const StoreId& destination, Timestamp now,
                                            std::size_t limit) override;
  Result<std::optional<Timestamp>> next_look(const StoreId& destination, Timestamp after) override;
  Result<std::vector<PushedFile>> all_pushed(std::int64_t& after, std::size_t limit) override;
  Result<std::vector<Lane>> lanes() override;
  Result<std::vector<Artifact>> claimable(const Lane& lane, std::size_t limit) override;
  Result<std::int64_t> release_due(Timestamp now, std::size_t limit) override;
  Result<std::int64_t> bring_forward(Timestamp now, Timestamp horizon) override;
  Result<std::int64_t> bring_audits_forward(Timestamp now, Timestamp horizon) override;
  Result<std::optional<Timestamp>> next_due() override;
  Status put_pending(const PendingPut& pending) override;
  Status remove_pending(ArtifactRow artifact, const StoreId& store) override;
  Status remove_pending(ArtifactRow artifact) override;
  Result<std::vector<PendingPut>> pending(ArtifactRow artifact) override;
  Result<std::vector<PendingPut>> pending(
      const StoreId& store, std::size_t limit,
      const std::optional<std::pair<Timestamp, ArtifactRow>>& after) override;
  Result<std::optional<Timestamp>> next_pending(const StoreId& store, Timestamp after) override;
  Result<std::vector<Artifact>> in_state(ArtifactState state, std::size_t limit,
                                         ArtifactRow after) override;
  Result<std::vector<Artifact>> in_hand(std::size_t limit, ArtifactRow after) override;
  Result<bool> holds_replica(const StoreId& store) override;
  Result<bool> needs_staging(const std::string& staging_name) override;
  Result<bool> knows_staging(const std::string& staging_name) override;

 private:
  template <class Work>
  Status change(Work&& work) {
    REELKEEP_TRY(m_transactions.check_open());
    return m_connection->guarded([&]() -> Status {
      work();
      return {};
    });
  }

  template <class Row, class... Values>
  Result<std::optional<Row>> first(Row (*read)(Query&), std::string_view sql,
                                   const Values&... values) {
    return m_connection->guarded([&]() -> Result<std::optional<Row>> {
      Query query(*m_connection, sql, values...);
      if (!query.step()) return std::optional<Row>();
      return std::optional<Row>(read(query));
    });
  }

  template <class... Values>
  Result<std::vector<Artifact>> all(std::string_view rest, const Values&... values) {
    return m_connection->guarded([&]() -> Result<std::vector<Artifact>> {
      Query query(*m_connection, select_artifacts(rest), values...);
      std::vector<Artifact> artifacts = read_artifacts(query);
      for (const Artifact& artifact : artifacts) m_known.remember(artifact);
      return artifacts;
    });
  }

  Result<std::optional<Artifact>> remembered(Result<std::optional<Artifact>> read) {
    if (read && *read) m_known.remember(**read);
    return read;
  }

  template <class Value>
  Result<bool> exists(std::string_view sql, const Value& value) {
    return m_connection->guarded(
        [&]() -> Result<bool> { return Query(*m_connection, sql, value).step(); });
  }

  Status write_note(const std::string& key, const std::optional<std::string>& value);
  void touch_session_of(ArtifactRow row);
  std::optional<ArtifactState> state_of(ArtifactRow row);
  void recount(std::optional<ArtifactState> before, std::optional<ArtifactState> after);
  std::optional<ReplicaState> replica_state(ArtifactRow row, const std::string& location);
  [[nodiscard]] Error no_row(std::string_view table, std::int64_t row) const;

  const std::unique_ptr<Connection> m_connection;
  KnownArtifacts m_known;
  std::map<std::string, std::string> m_roots;  ///< notes as they lie in the table
  /// Most have none, and every file is asked about. Nothing: not looked yet; true may be wrong.
  std::optional<bool> m_has_pushed_files;
  WriteTransactions m_transactions;
};

}  // namespace reelkeep::sqlite
