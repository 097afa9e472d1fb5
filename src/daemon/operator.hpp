#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/model/record.hpp"
#include "reelkeep/port/catalog.hpp"
#include "reelkeep/port/store.hpp"

#include "core/reconcile.hpp"
#include "daemon/agent_report.hpp"
#include "daemon/config.hpp"
#include "daemon/obstacles.hpp"
#include "daemon/pending_findings.hpp"

namespace reelkeep::daemon {

/// What of the provider's archive is to be compared.
struct ReconcileOrder {
  std::optional<std::chrono::sys_days> from;  ///< nothing: as far back as the agent looks
  std::optional<std::chrono::sys_days> to;    ///< nothing: today
  std::optional<RoomId> room_id;
  std::optional<ConfNum> conf_num;
  std::optional<AppId> app_id;
  core::Youth youth = core::Youth::left_alone;
  bool dry_run = false;
};

/// What came out of one project.
struct ProjectFindings {
  AppId app_id;  ///< of the [[project]] block
  core::Findings findings;
  std::vector<core::FoundSession> found;
  std::vector<Seq> rows;  ///< of `found`, in the journal; empty after a dry run
  std::optional<Error> error;
};

/// Artifacts whose way is followed after an order.
struct Follow {
  SessionKey session;
  std::vector<ArtifactId> artifacts;
  Seq order;  ///< the journal row that has to be applied first
  std::optional<Duration> limit;
};

/// Nothing is still to be done for it.
[[nodiscard]] bool is_settled(const Artifact& artifact);

/// Where the followed artifacts stand, read at one moment, in the order asked for.
struct Standing {
  std::vector<ArtifactView> artifacts;
  bool applied = false;  ///< the order has reached the catalog
  /// Applied, and nothing of it is still to be done.
  [[nodiscard]] bool settled() const;
};

/// A place in the queue.
struct QueueRow {
  ArtifactView view;
  ByteCount expected;            ///< declared, else typical of its kind
  std::optional<Timestamp> eta;  ///< nothing: the pace is not known
};
struct QueuePage {
  std::int64_t limit = -1;           ///< -1: all
  std::optional<std::string> after;  ///< continue behind this artifact: an id or a prefix of it
};

enum class FollowEnd { settled, time_over, no_agent };

/// A replica that is not what it was.
struct VerifyFinding {
  Artifact artifact;
  Replica replica;  ///< its location is where it was looked for
  ReplicaState state = ReplicaState::missing;
  std::string cause;
};

/// How far a verification is, and what it found.
struct Verified {
  ReplicaTotal total;
  std::int64_t good = 0;
  std::int64_t wrong = 0;
  std::int64_t given_up = 0;  ///< of the wrong ones, those of cancelled artifacts
  std::int64_t unread = 0;    ///< their store could not be read
  ByteCount bytes;            ///< read so far
  std::map<StoreId, Error> away;
  [[nodiscard]] std::int64_t done() const { return good + wrong + unread; }
};

/// What commands do with the state of an agent, whether or not it runs: reads catalog and journal,
/// and appends orders to the journal. Never creates, migrates or rebuilds anything.
/// One thread. Files are opened when they are first needed.
/// Errors: not_found (the agent never ran here), unavailable (its catalog is not ready),
/// conflict (another schema version), unauthorized, corrupt.
class Operator {
 public:
  /// As root the process acts as the owner of `state_dir` from here on.
  static Result<Operator> open(Config config);
  Operator(Operator&&) noexcept;
  Operator& operator=(Operator&&) noexcept;
  ~Operator();

  /// Reads the configuration again with the secrets in files, which most commands do without.
  Status read_secrets();
  [[nodiscard]] const Config& config() const noexcept { return m_config; }
  /// The process that works on the state; 0: it did not say; nothing: none.
  [[nodiscard]] Result<std::optional<long>> agent() const;

  /// What the running agent alone knows. Errc::unavailable: none runs, or it does not answer;
  /// Errc::conflict: another process answers.
  Result<AgentReport> report() const;

  /// The same for people: a problem is told, not an error.
  [[nodiscard]] AgentState agent_state() const;

  // --- sessions and artifacts ---
  Status sessions(const ListFilter& filter, Timestamp now,
                  const std::function<bool(const SessionSummary&, std::int64_t)>& row);
  /// Errc::not_found; Errc::conflict names the app_ids when there are several.
  Result<SessionView> find(const ConfNum& conf_num, const std::optional<AppId>& app_id);
  /// The session of an artifact with that artifact alone. Errc::conflict: more than one id begins
  /// with `prefix`.
  Result<SessionView> find_artifact(const std::string& prefix);
  /// The newest tries of an artifact that did not come at once; oldest first.
  Result<std::vector<Attempt>> attempts(const Artifact& artifact);
  /// What must still come from its source: first the whole (with figures, for what is beyond that),
  /// then row by row, earliest deadline first; false from `row` stops.
  Status queue(const QueuePage& page, Timestamp now, std::optional<double> bytes_per_second,
               const std::function<void(const Forecast&, const CatalogFigures&)>& whole,
               const std::function<bool(const QueueRow&)>& row);
  /// Bytes in staging now, with those of the running transfer.
  [[nodiscard]] ByteCount received(const Artifact& artifact) const;
  /// Size of the artifact's incomplete file; nothing: there is none, or it may not be looked at.
  [[nodiscard]] std::optional<ByteCount> transferred(const Artifact& artifact) const;
  /// Where it is offered: no user info, no signing parameters. Nothing: at no URL.
  [[nodiscard]] std::optional<std::string> source(const Artifact& artifact) const;

  /// Marks verified replicas in local stores whose file is gone or of another size, as a look at
  /// the filesystem tells: `missing` or `corrupt`. A store that is not mounted tells nothing.
  void look_at_replicas(SessionView& view) const;

  /// A URL that anybody may read the replica at for so long. Nothing: it lies in no S3 store that
  /// is configured.
  [[nodiscard]] std::optional<std::string> presigned(const Replica& replica,
                                                     std::chrono::seconds lifetime,
                                                     Timestamp now) const;

  // --- deliveries ---
  /// Newest first; what the catalog does not know yet is pending.
  Status deliveries(const ListFilter& filter,
                    const std::function<bool(const DeliveryRecord&)>& row);
  /// A delivery as received; without its body where that was erased. Errc::not_found.
  Result<Entry> delivery(Seq seq);
  /// A body for people: as received but for what may be a secret.
  [[nodiscard]] std::string masked(const std::string& body) const;

  // --- reading back ---
  /// Reads the replicas back and compares them; what is wrong, and what is good again, goes into
  /// the journal at once; that all is as it was too where a session or an artifact is named.
  /// `finding` is called for each that is wrong, `seen` as bytes are read. A store that is away
  /// proves nothing: its replicas are counted as unread. Errc::not_found: there is no such store.
  Result<Verified> verify(const ReplicaFilter& filter, Depth depth,
                          const std::function<void(const VerifyFinding&)>& finding,
                          const std::function<void(const Verified&)>& seen);

  // --- the provider's archive ---
  /// Asks every project that has API credentials (or that one). With `dry_run` nothing is
  /// journaled; else an agent fetches what is lacking now, or when it starts. Errc::invalid: no
  /// project has credentials. A project that cannot be asked has its own error.
  Result<std::vector<ProjectFindings>> reconcile(const ReconcileOrder& order, Timestamp now);
  /// Journals what a dry run found; fills in the rows.
  Status queue(std::vector<core::FoundSession>& found, std::vector<Seq>& rows);

  // --- orders ---
  /// Appends the command to the journal: an agent follows it now, or when it starts.
  Result<Seq> order(const Command& command);
  /// Deliveries to apply once more: each has to be one whose body is still there.
  Result<Seq> replay(const std::vector<Seq>& entries);

  Result<Standing> look(const Follow& follow);
  /// Waits until all is settled; `seen` is called about four times a second, and at the end.
  Result<FollowEnd> follow(const Follow& follow, const std::function<void(const Standing&)>& seen);
  /// Does the work in this process. Errc::conflict: an agent runs; Errc::cancelled: SIGINT.
  Result<FollowEnd> work_here(const Follow& follow,
                              const std::function<void(const Standing&)>& seen);

 private:
  explicit Operator(Config config);
  Result<CatalogReader*> catalog();
  Result<JournalReader*> journal();
  /// What verify found and no agent has taken up yet. Asked before the catalog is read: what an
  /// agent takes up in between then shows in the one, in the other, or in both.
  Result<PendingFindings> findings();
  /// Replicas in local stores lie where the store is now: an archive may be moved as a whole.
  void relocate(SessionView& view) const;
  [[nodiscard]] Error never_ran(Error error, std::string_view what) const;
  /// What of the journal the catalog holds; 0 where it is none of this journal.
  Result<Seq> applied_to();
  /// "; 3 deliveries ..." where that may be why something is not known; else nothing.
  std::string backlog_remark();
  Result<bool> pending_deliveries(const ListFilter& filter, Seq applied, std::int64_t& left,
                                  const std::function<bool(const DeliveryRecord&)>& row);

  Config m_config;
  std::unique_ptr<CatalogReader> m_catalog;
  std::unique_ptr<JournalReader> m_journal;
};

}  // namespace reelkeep::daemon
