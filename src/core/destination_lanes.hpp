#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/model/destination_rule.hpp"
#include "reelkeep/model/session.hpp"
#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/destination.hpp"
#include "reelkeep/port/fetcher.hpp"
#include "reelkeep/port/journal.hpp"

namespace reelkeep::core {

/// A pushed file that is to be looked at, or moved, at its destination.
struct ExamineTask {
  PushedFile file;
  RoomId room_id;
  ArtifactKind kind = ArtifactKind::delivered;  ///< of the artifact that it belongs to
  DestinationAction action = DestinationAction::verify;
  std::string path;  ///< where it belongs in our layout; organise only
};

/// A pushed file that is to be brought into staging.
struct BringTask {
  std::uint64_t ticket = 0;
  StoreId destination;
  std::string location;
  std::unique_ptr<StagingFile> file;
  std::optional<ResumePoint> resume;
};

/// The end of an ExamineTask.
struct Examined {
  PushedFile file;
  /// Success: what was found, good or bad, is in the journal. Errc::not_found: it is not there, and
  /// that was seen for the first time only.
  Status status;
};

/// The workers at the destinations: two threads for each, one looks and moves, one brings, so that
/// an outage or a large file at one holds up nothing else. All methods from the agent's thread;
/// `examined` and the sink are called on the workers. Ports are borrowed and outlive it.
class DestinationLanes {
 public:
  DestinationLanes(const std::vector<Destination*>& destinations, JournalWriter& journal,
                   const Clock& clock, FetchSink& sink, std::function<void(Examined)> examined);
  ~DestinationLanes();

  void examine(ExamineTask task);
  /// Exactly one completion (FetchSink::fetched) for each, also at shutdown.
  void bring(BringTask task);
  /// Interrupts what is in hand and ends the threads.
  void stop();

 private:
  struct Lane {
    Destination* destination = nullptr;
    Mailbox<ExamineTask> looking;
    Mailbox<BringTask> bringing;
    std::thread looker;
    std::thread bringer;
  };

  void look_loop(Lane& lane);
  void bring_loop(Lane& lane);
  Status examine_one(Destination& destination, const ExamineTask& task);
  Result<DestinationFile> look(Destination& destination, const ExamineTask& task);
  Result<std::string> move(Destination& destination, const ExamineTask& task, ByteCount size);
  Fetched bring_one(Destination& destination, BringTask& task);
  Status receive(Destination& destination, BringTask& task, Fetched& fetched);

  JournalWriter& m_journal;
  const Clock& m_clock;
  FetchSink& m_sink;
  const std::function<void(Examined)> m_examined;
  std::atomic<bool> m_stopping = false;
  std::map<StoreId, std::unique_ptr<Lane>> m_lanes;  ///< constant after construction
};

}  // namespace reelkeep::core
