#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "reelkeep/port/fetcher.hpp"

#include "curl/buffer_pool.hpp"

namespace reelkeep::curl {

/// What a loop says when a transfer is over; the rest of Fetched comes from the file.
struct Ending {
  Status status;
  int http_status = 0;
  std::string content_type;
  std::optional<ByteCount> length;
  bool tells_end = true;
  ByteCount from_network;
  bool credential_accepted = false;
};

/// Work for the writers on one transfer's file, done in the order posted.
struct Prepare {};
/// An answer was accepted: what follows is its body.
struct Begin {
  bool is_whole = true;  ///< from the first byte: what is there goes
  std::string validator;
  std::optional<ByteCount> length;
  bool is_short = false;  ///< all of it in one buffer
};
struct Append {
  Buffer buffer;
  ByteCount at;  ///< where in the file
};
/// What was written and has yet to be hashed.
struct Hash {
  Buffer buffer;
};
/// More than one connection is going to bring the rest.
struct Spread {};
struct Finish {
  Ending ending;
};
using Job = std::variant<Prepare, Begin, Append, Hash, Spread, Finish>;

/// What a writer tells the loop of a transfer. Called on writers, outside any lock.
class IntakeEvents {
 public:
  virtual ~IntakeEvents() = default;
  virtual void prepared(std::uint64_t ticket, Result<ByteCount> size) = 0;
  /// Whether Append may now come in any order.
  virtual void spread(std::uint64_t ticket, Status possible) = 0;
  virtual void write_failed(std::uint64_t ticket) = 0;
  /// The completion is about to be given to the sink.
  virtual void completing(std::uint64_t ticket) = 0;
  /// The completion was given to the sink and the Intake is no longer touched.
  virtual void finished(std::uint64_t ticket) = 0;
};

/// The writers' side of one transfer: owns its file from submit to completion. The work methods are
/// called by one writer at a time, hash() by another beside write() and checkpoint_if_due(); a
/// failure is kept and ends the transfer through finish().
class Intake {
 public:
  /// Takes `file` out of the request.
  Intake(FetchRequest& request, FetchSink& sink, IntakeEvents& events);

  Result<ByteCount> prepare();
  void begin(Begin answer);
  /// The bytes that come next; hash() is owed those that were written.
  void write(ByteCount at, std::span<const std::byte> bytes);
  /// write() of all of a short body.
  void write_whole(std::span<const std::byte> bytes);
  void hash(std::span<const std::byte> bytes);
  /// hash() of two files at once. They are not the same.
  static void hash_both(Intake& one, std::span<const std::byte> of_one, Intake& two,
                        std::span<const std::byte> of_two);
  /// Writes and hashes; after spread() also what lies ahead.
  void append(ByteCount at, std::span<const std::byte> bytes);
  Status spread();
  /// Syncs and tells the sink when 64 MiB or 10 s have passed since the last time.
  void checkpoint_if_due(MonotonicTime now);
  /// Syncs what is there, whatever the ending. Gives the file away: the last call.
  Fetched finish(Ending ending);

  /// finish(), and the completion goes to the sink. `last`: what was written last, where it is
  /// still in memory.
  void complete(Ending ending, std::span<const std::byte> last = {});

  [[nodiscard]] std::uint64_t ticket() const noexcept { return m_ticket; }
  /// A body of this length or less ends without a sync.
  [[nodiscard]] ByteCount unsynced_up_to() const noexcept { return m_unsynced_up_to; }
  [[nodiscard]] IntakeEvents& events() const noexcept { return m_events; }
  [[nodiscard]] bool has_failed() const noexcept { return m_failure.has_value(); }
  /// The loop's thread, before Finish is posted: a running prepare() gives up.
  void interrupt() noexcept { m_file->interrupt(); }

  /// Buffers posted and still in use. Any thread.
  std::atomic<std::size_t> queued{0};
  /// How many fill them. The loop's thread.
  std::size_t connections = 1;
  /// A new file that may be short: the loop does the work of a writer itself until an answer says
  /// otherwise, and posts nothing before, since to hand 200 KiB to another core and to wake it
  /// costs more than to write and hash them here, where they are still in the cache. The loop's
  /// thread.
  bool is_by_loop = false;

  /// Jobs that are done in their order, by one writer at a time. Owned by the WriterPool.
  struct Lane {
    Intake* intake;
    std::deque<Job> jobs;       // guarded by the pool's mutex
    bool is_scheduled = false;  // or in hand; guarded by the pool's mutex
  };
  Lane writing{this, {}, false};
  Lane hashing{this, {}, false};
  /// All further work is done on the hashing lane. The writer of the writing lane only.
  bool is_in_series = false;
  /// A short body: one writer does it all, on the writing lane. The writer of that lane only.
  bool is_alone = false;

 private:
  void expect();
  void take_in(ByteCount most);
  void finish_complete(Fetched& fetched);
  void finish_partial(Fetched& fetched);
  void forget_resume();

  const std::uint64_t m_ticket;
  const ByteCount m_unsynced_up_to;
  FetchSink& m_sink;
  IntakeEvents& m_events;

  // The writer in charge only: of the hashing lane once that is given more than Hash.
  std::unique_ptr<StagingFile> m_file;
  std::optional<ResumePoint> m_resume;  ///< proven by a sync, of this attempt or an earlier one
  std::string m_validator;
  std::optional<ByteCount> m_length;
  bool m_is_prepared = false;
  bool m_is_changed = false;  ///< since m_resume was proven
  bool m_is_spread = false;
  /// Written ahead of the file's size: first byte -> end. As many as there are ranges under way.
  std::map<ByteCount, ByteCount> m_ahead;
  std::optional<Error> m_failure;
  ByteCount m_checkpoint_at;
  MonotonicTime m_checkpoint_time{};
};

}  // namespace reelkeep::curl
