#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/delivery.hpp"

namespace reelkeep {

struct Appended {
  Seq seq;
  bool duplicate =
      false;  ///< a delivery whose body the journal already had: `seq` is the first one's
};

/// The appending side of the journal. One per process; any thread.
/// Success is reported only after the commit is durable; appends that arrive while a commit is
/// under way share the next one (group commit).
class JournalWriter {
 public:
  using Done = std::function<void(Result<Appended>)>;
  virtual ~JournalWriter() = default;

  /// Returns at once. `done` is called exactly once, on the writer's thread, outside any lock, also
  /// at shutdown (then with Errc::cancelled if the row was not written). It must not block.
  /// Errors: no_space, unavailable (the sender keeps the event).
  virtual void append(NewEntry entry, Done done) = 0;
  /// append() and wait.
  Result<Appended> append_and_wait(NewEntry entry) {
    // Shared: set_value() may still be on its way out when get() returns.
    const auto promise = std::make_shared<std::promise<Result<Appended>>>();
    auto appended = promise->get_future();
    append(std::move(entry), [promise](Result<Appended> r) { promise->set_value(std::move(r)); });
    return appended.get();
  }
  /// All rows in one commit, in order; waits. All or none.
  virtual Result<std::vector<Appended>> append_all(std::vector<NewEntry> entries) = 0;
  /// A commit is really tried, without growing the journal (readyz).
  virtual Status probe() = 0;
  /// Erases bodies of deliveries and reconcile answers received before `before`; digests and chain
  /// stay, and so do our own commands and outcomes: a rebuild needs them. Returns how many.
  virtual Result<std::int64_t> erase_bodies(Timestamp before) = 0;
  /// Moves the WAL into the file (graceful stop).
  virtual Status checkpoint() = 0;
  /// How long what the writer is at has taken already, zero while there is nothing to do: for the
  /// watchdog. Any thread.
  [[nodiscard]] virtual Duration longest_turn() const = 0;
};

/// What the catalog remembers, to notice that a journal was replaced or set back.
struct JournalPosition {
  std::string journal_id;
  Seq cursor;
  Digest chain;               ///< at the cursor; zeros at 0
  std::int64_t receipts = 0;  ///< last receipt seen
  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

/// The reading side. Every object stays on one thread; open one per thread.
class JournalReader {
 public:
  virtual ~JournalReader() = default;
  virtual Result<std::string> id() = 0;
  /// Rows with seq > after, in order, at most `limit`; fewer when their bodies are large.
  virtual Result<std::vector<Entry>> read(Seq after, std::size_t limit) = 0;
  virtual Result<std::optional<Entry>> find(Seq seq) = 0;
  /// Receipts with id > after, in order.
  virtual Result<std::vector<Receipt>> receipts(std::int64_t after, std::size_t limit) = 0;
  /// Receipts of one row.
  virtual Result<std::int64_t> duplicates(Seq seq) = 0;
  /// seq and chain of the last row (0 and zeros when empty), and the last receipt.
  virtual Result<JournalPosition> end() = 0;
  /// Chain value at `seq`; nothing: no such row.
  virtual Result<std::optional<Digest>> chain_at(Seq seq) = 0;
  /// Recomputes the chain from the first row; Errc::corrupt names the first row that does not fit.
  /// Also where a delivery would not be known if it came again.
  virtual Status verify_chain() = 0;
};

}  // namespace reelkeep
