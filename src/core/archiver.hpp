#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <variant>
#include <vector>

#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/model/record.hpp"
#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/journal.hpp"
#include "reelkeep/port/provider.hpp"
#include "reelkeep/port/staging.hpp"
#include "reelkeep/port/store.hpp"

#include "core/fresh_outcomes.hpp"
#include "core/read_pace.hpp"
#include "core/store_pace.hpp"
#include "media/read_at.hpp"

namespace reelkeep::core {

/// Complete bytes that wait for a verdict on their content.
struct JudgeTask {
  ArtifactKind kind = ArtifactKind::recording;
  std::string staging_name;
  ByteCount size;
  Digest digest;
  std::optional<ByteCount> declared_size;
  std::optional<Digest> bad_digest;  ///< of the body that was set aside before
  bool tells_end = true;             ///< Fetched::tells_end
  std::optional<Credential> sent;    ///< to the REST API: no error may repeat it
};

/// A good replica that the bytes can be copied from.
struct CopySource {
  StoreId store;
  std::string path;
  std::string location;
};

/// A short file, which may go straight from its transfer to its store. Longer ones are not to be
/// downloaded twice.
inline constexpr ByteCount k_longest_express = 1_MiB;

/// Judged bytes on their way into one store.
struct PublishTask {
  ArtifactRow artifact;
  ArtifactIdentity identity;
  RoomId room_id;
  StoreId store;
  std::string staging_name;
  PutRequest request;
  bool disputed = false;
  /// The bytes come from an earlier run or from aside: hashed before they are published.
  bool hash_first = false;
  /// Where the bytes are brought from when staging does not hold them.
  std::vector<CopySource> sources;
  std::vector<StoreId> wanted;  ///< every store that is to have these bytes
  /// Nobody synced the bytes, nothing waits for them in the catalog: when the store does not take
  /// them they are looked at and synced before that is told.
  bool is_express = false;
  MonotonicTime since{};  ///< with is_express: when its bytes were complete
};

/// A superseded replica that the operator does not want any more.
struct RemoveTask {
  ArtifactIdentity identity;
  StoreId store;
  std::string path;
  std::string location;
};

/// A replica to be looked at.
struct InspectTask {
  ArtifactRow artifact;
  ArtifactIdentity identity;
  StoreId store;
  std::string path;
  std::string location;
  ByteCount size;
  Digest digest;
  Depth depth = Depth::quick;
};

struct OpenTask {
  StoreId store;
  std::string expected_root;  ///< empty: first use
};

/// An open store is asked whether it is still there; only a failure is told (as StoreOpened).
struct LookTask {
  StoreId store;
};

struct Judged {
  Status status;  ///< Errc::corrupt: the body was set aside
  ByteCount size;
  Digest digest;
  bool disputed = false;  ///< only the declared size disagrees, twice with the same bytes
};
struct Published {
  ArtifactRow artifact;
  StoreId store;
  Digest digest;
  Status status;  ///< success: the outcome is in the journal
  /// With a failure that is another store's: the one that the bytes were to be copied from.
  std::optional<StoreId> source_at_fault;
  bool is_express = false;  ///< as the task's
};
struct StoreOpened {
  StoreId store;
  Result<std::string> root;
};
struct JournalGrew {};
/// A replica was looked at. What is bad is in the journal already.
struct Inspected {
  ArtifactRow artifact;
  std::string location;
  Depth depth = Depth::quick;
  Status status;  ///< Errc::corrupt: bad and journaled; other errors: nothing was learned
};
using ArchiverMessage = std::variant<Published, StoreOpened, JournalGrew, Inspected>;

/// What comes behind a completed transfer: judge its content, bring it into every store, journal
/// the outcome, read replicas back. One thread inspects, and each store has its own, so that an
/// outage of one holds up nothing else. judge() and publish() from any thread, all others from the
/// agent's; `deliver` is called on the workers. Ports are borrowed and outlive it.
class Archiver {
 public:
  using Deliver = std::function<void(ArchiverMessage)>;
  Archiver(const std::vector<Store*>& stores, Staging& staging, JournalWriter& journal,
           FreshOutcomes& fresh, const Provider& provider, const Clock& clock, Deliver deliver);
  ~Archiver();

  /// On the caller's thread. Reads the ends of the bytes, of a CDR all; what is corrupt is set
  /// aside.
  Judged judge(const JudgeTask& task, const media::ReadAt& read) const;
  void open(OpenTask task);
  void look(LookTask task);
  void publish(PublishTask task);
  void remove(RemoveTask task);
  void inspect(InspectTask task);
  void set_audit_rate(ByteCount bytes_per_second) { m_audit_rate = bytes_per_second.get(); }
  /// Of a store that is configured; nothing: it is not. Any thread.
  [[nodiscard]] const StorePace* pace_of(const StoreId& store) const;
  /// Bytes read back so far. Any thread.
  [[nodiscard]] std::uint64_t audited_bytes() const { return m_audited; }
  /// Bodies older than this are emptied, behind all inspections.
  void erase_bodies(Timestamp before);
  /// Finishes what is in hand and ends the threads; what still waits is dropped (the catalog knows
  /// it), but for express ones, which are told of: read back and synced while there is time, by the
  /// next run otherwise.
  void stop();

 private:
  using StoreTask = std::variant<OpenTask, LookTask, PublishTask, RemoveTask>;
  struct EraseTask {
    Timestamp before;
  };
  using AuditTask = std::variant<InspectTask, EraseTask>;
  struct Lane {
    Store* store = nullptr;
    std::string root;  ///< as last opened; its worker only
    Mailbox<StoreTask> tasks;
    StorePace pace;
    std::thread worker;
  };

  void store_loop(Lane& lane);
  void audit_loop();
  [[nodiscard]] Status judge_content(const JudgeTask& task, const media::ReadAt& read) const;
  static void post(Lane& lane, StoreTask task);
  static std::optional<StorePace::Work> work_of(const StoreTask& task);
  void work_on(Lane& lane, StoreTask& task);
  void publish_batch(const Lane& lane, std::vector<PublishTask>& batch);
  Status journal(std::vector<ReplicaStored> outcomes, Timestamp now);
  void tell_stopped(const std::vector<PublishTask>& batch);
  /// `at_fault`: see Published::source_at_fault.
  void tell(const PublishTask& task, Status status, std::optional<StoreId> at_fault = {});
  /// Are the staged bytes still what they were? Absent ones are the store's to judge.
  Status check_staged(const PublishTask& task);
  /// prepare() of a file of `size` bytes, given up when the agent stops unless it is short.
  Status read_back(StagingFile& file, ByteCount size);
  /// The bytes are in staging, if need be copied from another store. `at_fault` gets the store that
  /// could not be read.
  Status bring(const PublishTask& task, std::optional<StoreId>& at_fault);
  Status copy_to_staging(const PublishTask& task, const CopySource& source, Store& holder,
                         bool& is_source_bad);
  void remove_one(Store& store, const RemoveTask& task);
  Status inspect_one(const InspectTask& task, const ReadSink& seen);
  Status keep_pace(ReadPace& pace, ByteCount bytes);
  Store* store(const StoreId& id);

  Staging& m_staging;
  JournalWriter& m_journal;
  FreshOutcomes& m_fresh;
  const Provider& m_provider;
  const Clock& m_clock;
  const Deliver m_deliver;
  MonotonicTime m_checks_end{};  ///< constant once m_stopping
  std::atomic<bool> m_stopping = false;
  std::atomic<std::uint64_t> m_audit_rate = 0;
  std::atomic<std::uint64_t> m_audited = 0;
  std::mutex m_reading_mutex;
  std::set<StagingFile*> m_reading;  ///< guarded by m_reading_mutex
  std::mutex m_rest_mutex;           ///< guards nothing but the wait for m_stopping
  std::condition_variable m_rest;
  Mailbox<AuditTask> m_auditing;
  std::map<StoreId, std::unique_ptr<Lane>> m_lanes;  ///< constant after construction
  std::thread m_auditor;
};

}  // namespace reelkeep::core
