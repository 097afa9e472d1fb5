#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reelkeep/model/attempt.hpp"
#include "reelkeep/model/delivery.hpp"
#include "reelkeep/model/session.hpp"
#include "reelkeep/port/journal.hpp"

namespace reelkeep {

/// Which planned work shares a limit: one project's credential on one host.
struct Lane {
  AppId app_id;
  std::string host;  ///< host:port
  friend auto operator<=>(const Lane&, const Lane&) = default;
};

/// Complete bytes that one store does not hold yet: the queue of what is to be published.
struct PendingPut {
  ArtifactRow artifact;
  StoreId store;
  Digest digest;  ///< of the bytes; while something archived is fetched again not the artifact's
  ByteCount size;
  bool disputed = false;
  Timestamp due_at;
  int tries = 0;
  bool journaled = false;  ///< that the bytes are here is in the journal
  std::int64_t run = 0;    ///< of the agent that received them: another one hashes them first
  friend bool operator==(const PendingPut&, const PendingPut&) = default;
};

/// A replica with the artifact that it is of.
struct ReplicaOf {
  ArtifactRow artifact;
  Replica replica;
};

/// The derived, queryable state, and the queue. Write side: the agent's thread only.
/// All writes happen inside transact(); what was committed survives a kill (synchronous=FULL).
class Catalog {
 public:
  virtual ~Catalog() = default;

  /// Runs `work` in one transaction (BEGIN IMMEDIATE); inside another one, in a savepoint. An error
  /// from `work` rolls back exactly its own writes and is returned.
  virtual Status transact(const std::function<Status()>& work) = 0;

  // --- where the projection stands ---
  virtual Result<std::optional<JournalPosition>> position() = 0;  ///< nothing: never applied
  virtual Status set_position(const JournalPosition& position) = 0;
  /// Small values of the agent's own ("poison:17", "root:local", "place:local").
  virtual Result<std::optional<std::string>> note(const std::string& key) = 0;
  virtual Status set_note(const std::string& key, const std::optional<std::string>& value) = 0;
  virtual Result<std::map<std::string, std::string>> notes(const std::string& prefix) = 0;
  /// Removes everything derived (before a rebuild). Notes that start with "root:" stay.
  virtual Status clear() = 0;

  // --- deliveries ---
  /// Inserts or replaces by seq; `duplicates` is written as given.
  virtual Status put_delivery(const DeliveryRecord& record) = 0;
  virtual Result<std::optional<DeliveryRecord>> delivery(Seq seq) = 0;

  // --- sessions and artifacts ---
  virtual Result<std::optional<Session>> session(const SessionKey& key) = 0;
  virtual Result<std::optional<Session>> session(SessionRow row) = 0;
  /// Inserts when row is 0, else updates. Returns it with its row.
  virtual Result<Session> put_session(Session session) = 0;
  virtual Result<std::vector<Artifact>> artifacts(SessionRow session) = 0;
  virtual Result<std::vector<Artifact>> artifacts_with_source(SessionRow session, ArtifactKind kind,
                                                              const SourceKey& source_key) = 0;
  virtual Result<std::vector<Artifact>> artifacts_named(SessionRow session,
                                                        const std::string& name) = 0;
  virtual Result<std::optional<Artifact>> artifact(ArtifactRow row) = 0;
  virtual Result<std::optional<Artifact>> artifact(const ArtifactIdentity& identity) = 0;
  virtual Result<std::optional<Artifact>> artifact(const ArtifactId& id) = 0;  ///< the full id
  /// Inserts when row is 0, else updates all columns. Returns it with its row.
  /// Errc::conflict: the identity exists, or the path (compared by text::fold_name) is taken.
  virtual Result<Artifact> put_artifact(Artifact artifact) = 0;
  /// Updates where its work stands, and nothing else: state to deaths, as the members are ordered.
  /// What is written several times for each artifact costs a fraction of put_artifact() that way.
  virtual Status put_progress(const Artifact& artifact) = 0;
  virtual Status remove_artifact(ArtifactRow row) = 0;  ///< with its replicas and attempts
  [[nodiscard]] virtual Result<bool> path_taken(const std::string& path) = 0;

  virtual Result<std::vector<Replica>> replicas(ArtifactRow row) = 0;
  /// Inserts or updates by (artifact, location).
  virtual Status put_replica(ArtifactRow row, const Replica& replica) = 0;
  virtual Status remove_replica(ArtifactRow row, const std::string& location) = 0;
  /// Whether any replica lies in that store; may scan.
  virtual Result<bool> holds_replica(const StoreId& store) = 0;

  /// Remembers it behind the others; of more than k_remembered_attempts the oldest is forgotten.
  /// Another artifact than `row` that has a replica at this location in no store of ours, and not a
  /// missing one; one index look-up.
  virtual Result<std::optional<ArtifactId>> delivered_to(const std::string& location,
                                                         ArtifactRow row) = 0;
  virtual Status add_attempt(ArtifactRow row, const Attempt& attempt) = 0;

  /// Verified replicas of that store which are due to be read back, longest due first; one index
  /// look-up, however many there are.
  virtual Result<std::vector<ReplicaOf>> audit_due(const StoreId& store, Timestamp now,
                                                   std::size_t limit) = 0;
  /// The replica, if it is still verified, was read (which renews verified_at too) and is next read
  /// at `audit_at`.
  virtual Status put_audit(ArtifactRow row, const std::string& location,
                           std::optional<Timestamp> read_at, Timestamp audit_at) = 0;

  virtual Status put_pushed_file(SessionRow session, const PushedFile& file) = 0;  ///< idempotent
  virtual Result<std::vector<PushedFile>> pushed_files(SessionRow session,
                                                       const std::string& name) = 0;

  /// Everything of it that was found or is scheduled; what was told stays. It has to be known.
  virtual Status put_pushed_look(SessionRow session, const PushedFile& file) = 0;
  /// Those at a destination whose next look is not after `now`, earliest first.
  virtual Result<std::vector<PushedFile>> due_looks(const StoreId& destination, Timestamp now,
                                                    std::size_t limit) = 0;
  /// When the next one of a destination behind `after` becomes due.
  virtual Result<std::optional<Timestamp>> next_look(const StoreId& destination,
                                                     Timestamp after) = 0;
  /// A page of all, and the value for `after` of the next one (unchanged: there is none).
  virtual Result<std::vector<PushedFile>> all_pushed(std::int64_t& after, std::size_t limit) = 0;

  // --- the queue ---
  // Claimable: not in hand, and planned, or archived with a refetch that has no next attempt.
  /// Lanes that have claimable work, ordered; each costs one index look-up.
  virtual Result<std::vector<Lane>> lanes() = 0;
  /// Claimable work of a lane, earliest deadline first. At most 2 ms with 1,000,000 waiting.
  virtual Result<std::vector<Artifact>> claimable(const Lane& lane, std::size_t limit) = 0;
  /// waiting (and refetches) whose next_attempt_at is not after `now` become claimable: planned (a
  /// refetch stays archived), without a next attempt. Returns how many; those due first come first.
  /// Waiting without a next attempt counts as due.
  virtual Result<std::int64_t> release_due(Timestamp now, std::size_t limit) = 0;
  /// When the next one becomes due.
  virtual Result<std::optional<Timestamp>> next_due() = 0;
  /// Whatever is due only after `horizon`, here, for a store or at a destination, is due at `now`:
  /// the clock was set back. Returns how many.
  virtual Result<std::int64_t> bring_forward(Timestamp now, Timestamp horizon) = 0;

  /// Replicas that would be read back only after `horizon` are due at `now`: the clock was ahead
  /// when that was decided. Returns how many.
  virtual Result<std::int64_t> bring_audits_forward(Timestamp now, Timestamp horizon) = 0;

  // What waits for a store; each costs one index look-up, whatever waits.
  /// Inserts or updates by (artifact, store).
  virtual Status put_pending(const PendingPut& pending) = 0;
  virtual Status remove_pending(ArtifactRow artifact, const StoreId& store) = 0;
  virtual Status remove_pending(ArtifactRow artifact) = 0;
  virtual Result<std::vector<PendingPut>> pending(ArtifactRow artifact) = 0;
  /// Of one store, those due first come first, behind (due_at, artifact) of `after`.
  virtual Result<std::vector<PendingPut>> pending(
      const StoreId& store, std::size_t limit,
      const std::optional<std::pair<Timestamp, ArtifactRow>>& after = std::nullopt) = 0;
  /// When the next one of this store after `after` becomes due.
  virtual Result<std::optional<Timestamp>> next_pending(const StoreId& store, Timestamp after) = 0;

  /// Of a state in which artifacts stay: neither planned nor running, which come and go with every
  /// file (see claimable() and in_hand()).
  virtual Result<std::vector<Artifact>> in_state(ArtifactState state, std::size_t limit,
                                                 ArtifactRow after = ArtifactRow(0)) = 0;
  /// Artifacts that were left in hand (Artifact::in_hand), to be taken up again at start.
  virtual Result<std::vector<Artifact>> in_hand(std::size_t limit,
                                                ArtifactRow after = ArtifactRow(0)) = 0;
  /// An artifact with that staging name is work left, is refetched or in hand, is quarantined, or
  /// has a bad body kept: what staging holds for it must stay.
  virtual Result<bool> needs_staging(const std::string& staging_name) = 0;
  /// Whether any artifact ever had this staging name; may scan.
  virtual Result<bool> knows_staging(const std::string& staging_name) = 0;
};

/// Pages and filters of the listing commands; newest first.
struct ListFilter {
  std::optional<AppId> app_id;
  std::optional<ConfNum> conf_num;   ///< deliveries only
  std::optional<std::string> state;  ///< the word, already checked
  std::optional<Timestamp> since;
  std::optional<std::int64_t> after;  ///< continue below this row or seq
  std::int64_t limit = -1;            ///< -1: all
};

/// Numbers for /metrics and /readyz.
struct CatalogFigures {
  std::map<ArtifactState, std::int64_t> artifacts;
  std::optional<Timestamp> oldest_unarchived;  ///< known_at of the oldest work left
  std::optional<Timestamp> nearest_deadline;   ///< of the work left
  JournalPosition position;
  std::map<ReplicaState, std::int64_t> replicas;
  std::int64_t quarantined_deliveries = 0;
  std::map<std::string, Timestamp> next_audit;  ///< store id -> when its first replica is due
};

/// Which replicas are to be verified.
struct ReplicaFilter {
  std::optional<StoreId> store;
  std::optional<SessionRow> session;
  std::optional<ArtifactRow> artifact;
};

/// How much that is.
struct ReplicaTotal {
  std::int64_t replicas = 0;
  ByteCount bytes;
};

/// Work that must still come from its source, as the forecast needs it.
struct QueuedSource {
  Timestamp deadline;
  ArtifactKind kind = ArtifactKind::recording;
  std::optional<ByteCount> declared_size;
  std::optional<ByteCount> length;  ///< as the source said while it was fetched
  ByteCount received;               ///< is here already
  ArtifactRow row;
};

/// Reading side for commands and the admin server: every object stays on one thread. No read
/// transaction outlives a page of output. `received` of running work is what the catalog knows.
class CatalogReader {
 public:
  virtual ~CatalogReader() = default;
  /// Calls `row` for each, newest first; false from `row` stops. The second is the value for
  /// `after`.
  virtual Status sessions(const ListFilter& filter, Timestamp now, Duration warn_before,
                          const std::function<bool(const SessionSummary&, std::int64_t)>& row) = 0;
  /// Sessions with this conf_num, one read; more than one: the caller asks for --app-id.
  virtual Result<std::vector<SessionView>> find(const ConfNum& conf_num,
                                                const std::optional<AppId>& app_id) = 0;
  /// Artifacts whose id starts with `prefix` (at most 2 are looked for): a view each, of its
  /// session with that artifact alone. More than one: the prefix is ambiguous.
  virtual Result<std::vector<SessionView>> find_artifact(const std::string& prefix) = 0;
  virtual Status deliveries(const ListFilter& filter,
                            const std::function<bool(const DeliveryRecord&)>& row) = 0;
  /// Oldest first.
  virtual Result<std::vector<Attempt>> attempts(ArtifactRow row) = 0;
  /// Replicas in stores of ours with a digest, but superseded and repaired ones, in the order of
  /// their artifacts. Pages are read as they are needed; false from `row` stops.
  virtual Status replicas(
      const ReplicaFilter& filter,
      const std::function<bool(const Artifact& artifact, const Replica& replica)>& row) = 0;
  virtual Result<ReplicaTotal> total(const ReplicaFilter& filter) = 0;
  virtual Result<std::map<std::string, std::string>> notes(const std::string& prefix) = 0;
  virtual Result<CatalogFigures> figures() = 0;
  /// Calls `each` for the work that must still come from its source, earliest deadline first (then
  /// by row), from behind (deadline, row) of `after` on; false from `each` stops. Reads an index
  /// that holds the queue alone.
  virtual Status queue(const std::optional<QueuedSource>& after,
                       const std::function<bool(const QueuedSource&)>& each) = 0;
  /// Mean size of the newest archived artifacts, kind by kind.
  virtual Result<std::map<ArtifactKind, ByteCount>> typical_sizes() = 0;
  virtual Result<std::optional<ArtifactView>> artifact(ArtifactRow row) = 0;
  virtual Result<std::optional<JournalPosition>> position() = 0;
  /// Changes when another connection committed (PRAGMA data_version).
  virtual Result<std::int64_t> data_version() = 0;
};

}  // namespace reelkeep
