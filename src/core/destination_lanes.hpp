#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/model/destination_rule.hpp"
#include "reelkeep/model/record.hpp"
#include "reelkeep/model/session.hpp"
#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/destination.hpp"
#include "reelkeep/port/fetcher.hpp"
#include "reelkeep/port/journal.hpp"

#include "core/read_pace.hpp"

namespace reelkeep::core {

/// A pushed file that is to be looked at, or moved, at its destination.
struct ExamineTask {
  PushedFile file;
  RoomId room_id;
  ArtifactKind kind = ArtifactKind::delivered;  ///< of the artifact that it belongs to
  DestinationAction action = DestinationAction::verify;
  std::string path;                       ///< where it belongs in our layout; organise only
  std::optional<Digest> digest;           ///< of the artifact's bytes, as far as known
  std::optional<ArtifactId> other_owner;  ///< an artifact that has a copy at that location as well
  /// Of which artifact it is a replica that is read back, at so many bytes a second (0: no limit).
  /// Nothing: it is no audit.
  std::optional<ArtifactRow> audit_of{};
  ByteCount audit_rate{};
};

/// A pushed file that is to be brought into staging.
struct BringTask {
  std::uint64_t ticket = 0;
  StoreId destination;
  std::string location;
  std::unique_ptr<StagingFile> file;
  std::optional<ResumePoint> resume;
  bool is_prepared = false;  ///< the file is what `received` and `resume` are told of
};

/// The end of an ExamineTask.
struct Examined {
  PushedFile file;
  /// Success: what was found, good or bad, is in the journal. Errc::not_found: it is not there, and
  /// that was seen for the first time only. Of an audit: success means that it is still good, and
  /// Errc::corrupt that it is not, which is in the journal.
  Status status;
  std::optional<ArtifactRow> audit_of{};
  std::optional<ReplicaState> found{};  ///< nothing: nothing was found out
};

/// The workers at the destinations: three threads for each, one looks and moves, one brings, one
/// reads back what was adopted, so that an outage or a large file holds up nothing else. All
/// methods from the agent's thread; `examined` and the sink are called on the workers. Ports are
/// borrowed and outlive it.
class DestinationLanes {
 public:
  DestinationLanes(const std::vector<Destination*>& destinations, JournalWriter& journal,
                   const Clock& clock, FetchSink& sink, std::function<void(Examined)> examined);
  ~DestinationLanes();

  void examine(ExamineTask task);
  /// Exactly one completion (FetchSink::fetched) for each, also at shutdown.
  void bring(BringTask task);
  /// What is being brought ends soon with Errc::cancelled; nothing if it ended already.
  void cancel(std::uint64_t ticket);
  /// Read back so far. Any thread.
  [[nodiscard]] std::uint64_t audited_bytes() const { return m_audited; }
  /// Interrupts what is in hand and ends the threads.
  void stop();

 private:
  struct Lane {
    Destination* destination = nullptr;
    Mailbox<ExamineTask> looking;
    Mailbox<BringTask> bringing;
    Mailbox<ExamineTask> auditing;
    std::thread looker;
    std::thread bringer;
    std::thread auditor;
  };

  void look_loop(Destination& destination, Mailbox<ExamineTask>& tasks);
  void bring_loop(Lane& lane);
  Status examine_one(Destination& destination, const ExamineTask& task,
                     std::optional<ReplicaState>& told);
  Status audit_one(Destination& destination, const ExamineTask& task,
                   std::optional<ReplicaState>& told);
  Status journal(Destination& destination, DeliveredFound found);
  Status keep_pace(const ExamineTask& task, ByteCount bytes);
  [[nodiscard]] bool is_cancelled(std::uint64_t ticket);
  Result<DestinationFile> look(Destination& destination, const ExamineTask& task);
  Result<Digest> hash(Destination& destination, const std::string& location,
                      const DestinationFile& seen, const ExamineTask& task);
  Status keep_out_of_archives(Destination& destination, const std::string& from,
                              const std::string& to);
  Status move(Destination& destination, const ExamineTask& task, DeliveredFound& found);
  Status believe(Destination& destination, const ExamineTask& task, const std::string& place,
                 const MovedFile& moved, DeliveredFound& found);
  Fetched bring_one(Destination& destination, BringTask& task);
  Status receive(Destination& destination, BringTask& task, Fetched& fetched);

  JournalWriter& m_journal;
  const Clock& m_clock;
  FetchSink& m_sink;
  const std::function<void(Examined)> m_examined;
  std::atomic<bool> m_stopping = false;
  std::atomic<std::uint64_t> m_audited = 0;
  std::mutex m_mutex;
  std::condition_variable m_rest;       ///< ends with m_stopping
  std::set<std::uint64_t> m_brought;    ///< guarded by m_mutex: handed in and not ended
  std::set<std::uint64_t> m_cancelled;  ///< guarded by m_mutex: of those
  ReadPace m_pace;                      ///< guarded by m_mutex: of all audits together
  std::map<StoreId, std::unique_ptr<Lane>> m_lanes;  ///< constant after construction
};

}  // namespace reelkeep::core
