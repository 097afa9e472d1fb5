#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "reelkeep/base/mailbox.hpp"

#include "core/archiver.hpp"
#include "core/backlog.hpp"
#include "core/breaker.hpp"
#include "core/claims.hpp"
#include "core/destination_lanes.hpp"
#include "core/projector.hpp"
#include "core/rate_meter.hpp"

namespace reelkeep::core {

/// What the agent needs of the world. Borrowed ports outlive it. The factories run on the agent's
/// thread, because database objects stay on one.
struct AgentPorts {
  std::function<Result<std::unique_ptr<JournalReader>>()> open_journal;
  std::function<Result<std::unique_ptr<Catalog>>()> open_catalog;
  std::function<Status()> remove_catalog;  ///< a damaged one, before it is rebuilt
  JournalWriter* journal = nullptr;
  const Provider* provider = nullptr;
  Staging* staging = nullptr;
  std::vector<Store*> stores;
  std::vector<Destination*> destinations{};
  const Clock* clock = nullptr;
  /// Called first on the agent's thread, before it makes its workers, which inherit what is set for
  /// the thread. May be empty.
  std::function<void()> thread_began{};
  /// Called once on the agent's thread: the catalog is what the journal says. May be empty.
  std::function<void()> caught_up;
  std::function<std::unique_ptr<Fetcher>(FetchSink&)> make_fetcher;
};

/// For /readyz, /metrics and the log: a copy, any thread.
struct AgentStatus {
  bool catching_up = true;
  std::string staging_problem;  ///< empty: none
  std::string catalog_problem;  ///< empty: none
  std::optional<Error> ended;   ///< the agent gave up: the process has to be started again
  bool disk_paused = false;
  std::size_t without_room = 0;  ///< files larger than the free space, while others go on
  std::map<std::string, std::string> store_problems;  ///< store id -> cause
  std::vector<OpenBreaker> open_breakers;
  std::set<std::string> unconfigured;      ///< app_ids with files to fetch and without a project
  std::optional<double> bytes_per_second;  ///< as measured lately under load
  std::map<Errc, std::uint64_t> failures;  ///< attempts by cause
  /// (destination, what became of a file there): a replica state, "fetched", or an error's code.
  std::map<std::pair<std::string, std::string>, std::uint64_t> at_destinations;
  std::map<std::string, std::string> destination_problems;  ///< destination -> cause, while away
  std::uint64_t successes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t audited_bytes = 0;  ///< read back since the start
  std::size_t running = 0;
};

/// PendingPut::run of bytes that nobody vouches for: they are read back before they are published.
inline constexpr std::int64_t k_no_run = 0;
/// What store_problems says of a store before it was tried.
inline constexpr std::string_view k_not_opened_yet = "not opened yet";

/// The agent: sole owner of the domain state. Applies the journal to the catalog, claims due work
/// earliest deadline first within its limits, and takes every artifact through transfer, judgement
/// and publishing. Commits before every side effect. A crash at any point loses nothing: the queue
/// is the catalog, and the facts are the journal.
class Agent final : public FetchSink {
 public:
  Agent(AgentPorts ports, std::shared_ptr<const Policy> policy);
  ~Agent() override;

  void start();
  /// Cancels what runs (its bytes are kept), notes a clean stop and ends. Seconds at most.
  void stop();

  /// The journal may have grown. Any thread; cheap.
  void wake();
  void set_policy(std::shared_ptr<const Policy> policy);
  void set_limits(const FetchLimits& limits);
  [[nodiscard]] AgentStatus status() const;
  /// Age of the oldest loop turn, for the watchdog.
  [[nodiscard]] Duration longest_turn() const;

  // FetchSink
  void checkpointed(Checkpoint checkpoint) override;
  void fetched(Fetched fetched) override;

 private:
  /// The end of a transfer.
  struct Ended {
    Fetched fetched;
    std::optional<Judged> judged;    ///< with complete bytes
    std::optional<StoreId> express;  ///< the store that it is on its way into
  };
  struct PolicyChanged {
    std::shared_ptr<const Policy> policy;
  };
  struct Stop {};
  /// Claimed and taken back before it began.
  struct Withdrawn {
    std::uint64_t ticket = 0;
  };
  using Message =
      std::variant<Checkpoint, Ended, ArchiverMessage, Examined, PolicyChanged, Stop, Withdrawn>;
  using AfterCommit = std::vector<std::function<void()>>;

  /// A transfer in hand.
  struct Running {
    ArtifactRow artifact;
    std::string host;
    std::string credential;   ///< breaker key
    ByteCount declared;       ///< what the event declared, 0: nothing
    ByteCount declared_left;  ///< still to come of it
    bool dropped = false;     ///< cancelled by the operator meanwhile
    std::size_t connections = 1;
    bool is_probe = false;  ///< of a credential that is refused
  };
  /// A short file between its transfer and its outcome.
  struct Express {
    StoreId store;
    Judged judged;
    MonotonicTime since;
    bool is_stored = false;  ///< the outcome is in the journal
  };
  /// How far the complete bytes were looked over.
  struct LookOver {
    bool refetched = false;  ///< first what is new, then what was fetched again
    ArtifactRow last;
  };
  /// How a destination does.
  struct DestinationStanding {
    std::set<std::string> in_hand;  ///< what is being looked at, bounded
    std::int64_t failures = 0;      ///< in a row
    Timestamp not_before;           ///< nothing is asked of it earlier
  };

  // agent.cpp: from the start to the end
  void run();
  bool open_at_last();
  Status open();
  void give_up_catalog(const Error& error);
  void shut_down(std::vector<Message> kept);
  void journal_outcome(const Outcome& outcome);

  // agent_turns.cpp: what one turn does
  std::vector<Message> take_messages(bool more);
  Result<bool> turn(std::vector<Message>& messages);
  Status handle_all(std::vector<Message>& messages);
  void take_over(const std::shared_ptr<const Policy>& policy);
  void rest(std::chrono::steady_clock::time_point turn_began);
  [[nodiscard]] Duration until_next() const;
  void publish_status();

  // agent_recovery.cpp: what the last run had in hand
  Status recover(bool unclean);
  Status recover_one(Artifact artifact, bool unclean);
  [[nodiscard]] bool has_begun(const Artifact& artifact) const;
  Status suspect_publishing();

  // agent_clock.cpp: a clock that is set
  Status look_at_clock();
  void erase_old_bodies();
  Status clock_was_set_back(Timestamp now);
  Status bring_forward(Timestamp now);
  Status ask_again(Timestamp now);
  Status ask_again_for(ArtifactState state, Timestamp now);

  // agent_effects.cpp: what follows outside the catalog
  Result<bool> staging_is_there();
  Status go_on();
  void sweep_staging();
  void carry_out(const Effects& effects);

  // agent_express.cpp: short files that go straight on
  [[nodiscard]] Claim claim_of(const Artifact& artifact) const;
  [[nodiscard]] bool is_at_swift_store(const ProjectPolicy& project) const;
  [[nodiscard]] std::size_t express_at(const StoreId& store) const;
  [[nodiscard]] bool has_enough_at_store(const ProjectPolicy& project) const;
  std::optional<PublishTask> judge(Ended& end, Claim& claim);
  Status express_failed(const Published& message, const Judged& judged, AfterCommit& after);
  Status follow_express(bool is_applied);
  Status hold_express(AfterCommit& after);
  Status take_the_long_way(ArtifactRow row, const Judged& judged, AfterCommit& after);

  // agent_connections.cpp: who downloads, and over how many connections
  Status claim();
  void take_in_hand(const Artifact& artifact);
  void begin_transfers();
  void share_connections();
  void cancel_dropped();
  bool withdraw(std::uint64_t ticket);
  void withdraw_all();
  void withdraw_refused();

  // agent_choice.cpp: which of the waiting work is next
  [[nodiscard]] std::size_t ahead_of_connections() const;
  [[nodiscard]] std::size_t most_of(const std::string& host) const;
  Result<std::vector<Artifact>> choose_work(std::size_t slots, ByteCount free);
  [[nodiscard]] std::size_t fitting(const std::vector<Artifact>& ready, ByteCount free) const;
  Result<std::vector<Artifact>> candidates(std::size_t slots, ByteCount free,
                                           const std::map<std::string, std::size_t>& on_host);
  Result<std::optional<Artifact>> choose_probe(const std::string& credential,
                                               const std::vector<Lane>& lanes);
  void tell_unconfigured(std::set<std::string> app_ids);
  [[nodiscard]] bool is_busy(const Artifact& artifact) const;

  // agent_transfers.cpp: transfers and their ends
  Result<std::vector<Artifact>> choose_next();
  Status handle(Checkpoint& message, AfterCommit& after);
  Status handle(Ended& message, AfterCommit& after, AfterCommit& after_verdict);
  Status handle(const Withdrawn& message, AfterCommit& after);
  Status attempt_failed(Artifact artifact, const Error& error, AfterCommit& after);
  /// Remembers how this attempt ended. In a transaction.
  [[nodiscard]] ByteCount room() const;
  void pause_for_space(const Error& cause);
  Status note_attempt(const Artifact& artifact, const std::optional<Error>& error);
  Status give_up(Artifact& artifact, Verdict verdict, const Error& error, AfterCommit& after);

  // agent_publishing.cpp: from judged bytes to replicas
  Status handle(ArchiverMessage& message, AfterCommit& after);
  Status take_verdict(Artifact artifact, const Judged& judged, std::int64_t run,
                      AfterCommit& after);
  Status handle(Published& message, AfterCommit& after);
  Status handle(StoreOpened& message, AfterCommit& after);
  Status put_failed(PendingPut pending, Artifact artifact, const Published& message,
                    AfterCommit& after);
  void works_again(const StoreId& store);
  Status remove_superseded(const RemoveSuperseded& effect,
                           const std::optional<StoreId>& only_in = std::nullopt);
  void resume_removals(const StoreId& store);
  void tend_stores();
  std::string expected_root(const StoreId& store);
  [[nodiscard]] std::string place_of(const StoreId& store) const;

  // agent_audit.cpp: replicas are read back
  Status handle(Inspected& message, AfterCommit& after);
  [[nodiscard]] bool is_idle() const;
  Status audit();
  Status audit_destinations();
  Status audited(const Examined& message);

  // agent_pending.cpp: the queue of what waits for a store
  Status begin_publishing(Artifact artifact, Effects& effects);
  Status line_up(const Artifact& artifact, PendingPut bytes, Effects& effects);
  Status nothing_to_put(const Artifact& artifact, PendingPut bytes, Effects& effects);
  Result<bool> look_over_pending();
  Status look_over_refetched(const Artifact& artifact, Effects& effects);
  Result<bool> journal_waiting();
  Status hand_out();
  Status hand_out(const StoreId& store);
  [[nodiscard]] PublishTask publish_task(const Artifact& artifact, const ProjectPolicy& project,
                                         const StoreId& store) const;
  static void give_bytes(PublishTask& task, ByteCount size, const Digest& digest);
  Result<std::vector<CopySource>> copies_for(const PendingPut& pending);
  [[nodiscard]] std::optional<std::string> why_closed(const StoreId& store) const;

  // agent_destinations.cpp: what the provider pushed elsewhere
  Result<bool> assign_pushed();
  Status look_at_destinations();
  void count_at_destination(const StoreId& destination, const std::string& outcome);
  static std::string key_of(const PushedFile& file);
  [[nodiscard]] bool is_at(const PushedFile& file, const StoreId& destination) const;
  Result<ExamineTask> examination_of(const PushedFile& file, DestinationAction action);
  Result<std::optional<ArtifactId>> owner_besides(const Artifact& artifact, const PushedFile& file);
  Status handle(Examined& message, AfterCommit& after);
  Status claim_from_destinations();
  Status leave_hand(Artifact& artifact, AfterCommit& after);
  void bring(const Artifact& artifact, const StoreId& destination,
             const std::vector<PushedFile>& files);
  void note_standing(const StoreId& destination, const Status& status);
  [[nodiscard]] Duration backoff(std::int64_t failures) const;

  // agent_rescue.cpp: what the source does not give is brought from a destination
  Status take_turns(Artifact& artifact, const Error& error);
  Result<bool> rescue_refused();
  Status rescue_refused(const PushedFile& file);
  [[nodiscard]] bool is_refused(const Artifact& artifact) const;

  // constant after construction
  const AgentPorts m_ports;

  // own thread only
  std::shared_ptr<const Policy> m_policy;
  std::unique_ptr<JournalReader> m_journal;
  std::unique_ptr<Catalog> m_catalog;
  FreshOutcomes m_fresh_outcomes;
  std::unique_ptr<Projector> m_projector;
  std::unique_ptr<Archiver> m_archiver;
  std::unique_ptr<DestinationLanes> m_destination_lanes;
  Breakers m_breakers{RetryPolicy{}};
  std::map<std::uint64_t, Running> m_running;  ///< by ticket
  std::map<ArtifactRow, std::uint64_t> m_tickets;
  std::map<StoreId, std::set<ArtifactRow>> m_at_stores;  ///< handed out, bounded; the rest waits
                                                         ///< in the catalog
  std::map<ArtifactRow, Express> m_express;              ///< on their way, not in the catalog
  std::set<StoreId> m_doubted_stores;                    ///< refused the last one: tried one by one
  /// Closed stores, and how far it was journaled that bytes for them are here.
  std::map<StoreId, std::optional<std::pair<Timestamp, ArtifactRow>>> m_journaling;
  std::optional<LookOver> m_looked_over;  ///< what is pending is compared with the policy
  std::map<StoreId, DestinationStanding> m_destinations;
  bool m_rules_checked = false;  ///< pushed files were assigned by the rules of now, or will be
  std::optional<std::int64_t> m_assigned_to;  ///< how far, while that goes on
  std::optional<std::int64_t> m_swept_to;     ///< how far rescue_refused() is
  Timestamp m_next_sweep;
  std::set<std::string> m_told_unconfigured;  ///< app_ids that were warned of
  std::vector<PushedFile> m_found;  ///< looked at while a pair is refused, not thought of yet
  std::map<ArtifactRow, int> m_refetch_failures;
  std::map<StoreId, Timestamp> m_closed_stores;  ///< when to try to open again
  Timestamp m_next_store_look;
  std::set<StoreId> m_untried_stores;  ///< did not answer for the first time yet
  std::set<StoreId> m_removing_in;     ///< were open in this run: superseded versions go
  std::uint64_t m_next_ticket = 1;
  bool m_caught_up = false;     ///< the catalog is what the journal says
  std::size_t m_new_rows = 64;  ///< read for one commit once caught up: as many as fit lately
  std::int64_t m_applied = 0;   ///< rows of the journal in the last turn
  bool m_went_on = false;       ///< what the last run left in staging was taken up
  bool m_disk_paused = false;
  bool m_stopping = false;
  std::size_t m_inspections = 0;  ///< in hand
  RateMeter m_rate;
  std::size_t m_ran = 0;                  ///< transfers after the turn before this one
  Timestamp m_turned_at;                  ///< when the last turn began
  std::optional<Timestamp> m_look_again;  ///< for what a clock that was ahead gave up
  Duration m_clock_lead{};  ///< of the wall clock before the monotonic one, when last looked at
  Timestamp m_next_erase;
  Timestamp m_next_disk_look;
  /// Files that are larger than all the room there is, and until when that is to be believed.
  std::map<ArtifactRow, Timestamp> m_without_room;
  Duration m_disk_pause{};     ///< grows while writes fail although there seems to be space
  std::string m_last_problem;  ///< of the catalog, as logged
  /// The last outcome could not be journaled, as logged. Shared with the journal's callbacks, which
  /// may outlive this agent.
  std::shared_ptr<std::atomic<bool>> m_outcome_failed = std::make_shared<std::atomic<bool>>(false);
  std::mt19937_64 m_random{std::random_device{}()};
  const std::int64_t m_run =
      static_cast<std::int64_t>(m_random());  ///< this agent, told from earlier ones

  // any thread
  Mailbox<Message> m_mailbox;
  Backlog m_backlog;
  Claims m_claims;
  Fetcher* m_submits = nullptr;  ///< m_fetcher's; constant once a transfer was submitted
  mutable std::mutex m_mutex;
  AgentStatus m_status;                 ///< guarded by m_mutex
  std::shared_ptr<Fetcher> m_fetcher;   ///< guarded by m_mutex; shared with status() readers
  std::optional<FetchLimits> m_limits;  ///< guarded by m_mutex: set before there was a fetcher
  std::atomic<bool> m_wake_pending = false;
  std::atomic<std::int64_t> m_last_turn{0};  ///< steady milliseconds
  std::thread m_thread;                      ///< last member: started when everything else stands
};

}  // namespace reelkeep::core
