#include <algorithm>
#include <atomic>
#include <fmt/core.h>
#include <future>
#include <thread>
#include <utility>
#include <variant>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/base/thread_name.hpp"
#include "reelkeep/base/time.hpp"

#include "sqlite/journal.hpp"
#include "sqlite/journal_rows.hpp"
#include "sqlite/journal_schema.hpp"
#include "sqlite/known_deliveries.hpp"

namespace reelkeep::sqlite {

namespace {

// Bounds of one commit: what a reader of the WAL or a second process may have to wait for.
constexpr std::size_t k_batch_rows = 256;
constexpr std::size_t k_batch_bytes = 16U << 20U;
constexpr std::int64_t k_erase_rows = 200;
// Below SQLite's own limit of a row, far above any max_body.
constexpr std::size_t k_body_limit = 512U << 20U;

struct Append {
  NewEntry entry;
  JournalWriter::Done done;
};
struct AppendAll {
  std::vector<NewEntry> entries;
  std::promise<Result<std::vector<Appended>>> answer;
};
struct Probe {
  std::promise<Status> answer;
};
struct Erase {
  Timestamp before;
  std::int64_t erased = 0;
  std::promise<Result<std::int64_t>> answer;
};
struct Checkpoint {
  std::promise<Status> answer;
};
using Message = std::variant<Append, AppendAll, Probe, Erase, Checkpoint>;

/// The row itself was refused: others may still pass.
bool blames_the_row(Errc code) noexcept {
  switch (code) {
    case Errc::invalid:
    case Errc::conflict:
    case Errc::internal:
      return true;
    case Errc::not_found:
    case Errc::unauthorized:
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::no_space:
    case Errc::corrupt:
    case Errc::cancelled:
      return false;
  }
  return false;
}

class Writer final : public JournalWriter {
 public:
  Writer(std::unique_ptr<Connection> connection, JournalOptions options)
      : m_options(std::move(options)),
        m_connection(std::move(connection)),
        m_known(m_options.known_in_memory),
        m_thread([this] { run(); }) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  ~Writer() override {
    m_mailbox.close();
    m_thread.join();
  }

  void append(NewEntry entry, Done done) override {
    post(Append{std::move(entry), std::move(done)});
  }

  Result<std::vector<Appended>> append_all(std::vector<NewEntry> entries) override {
    return ask<Result<std::vector<Appended>>>(AppendAll{std::move(entries), {}});
  }

  Status probe() override { return ask<Status>(Probe{}); }

  Result<std::int64_t> erase_bodies(Timestamp before) override {
    return ask<Result<std::int64_t>>(Erase{before, 0, {}});
  }

  Status checkpoint() override { return ask<Status>(Checkpoint{}); }

  [[nodiscard]] Duration longest_turn() const override {
    const std::int64_t began = m_turn_began;
    return began == 0 ? Duration(0) : steady_now().time_since_epoch() - Duration(began);
  }

 private:
  /// From now on the writer has something to do, whether it wakes for it or not.
  void post(Message message) {
    std::int64_t idle = 0;
    m_turn_began.compare_exchange_strong(idle, steady_now().time_since_epoch().count());
    m_mailbox.post(std::move(message));
  }

  template <class Answer, class Question>
  Answer ask(Question question) {
    auto answer = question.answer.get_future();
    post(std::move(question));
    return answer.get();
  }

  // --- from here on: the writer's thread only ---

  void run() {
    name_this_thread("journal");
    for (;;) {
      m_turn_began = 0;
      std::vector<Message> messages = m_mailbox.take_all(k_batch_rows);
      if (messages.empty()) return;
      turn_goes_on();
      std::vector<Append> batch;
      std::size_t bytes = 0;
      for (Message& message : messages) {
        if (auto* append = std::get_if<Append>(&message)) {
          bytes += append->entry.body.size();
          batch.push_back(std::move(*append));
          if (bytes < k_batch_bytes) continue;
        }
        flush(batch);
        bytes = 0;
        std::visit([this](auto& other) { handle(other); }, message);
      }
      flush(batch);
    }
  }

  /// For longest_turn(): what follows is short again.
  void turn_goes_on() { m_turn_began = steady_now().time_since_epoch().count(); }

  void flush(std::vector<Append>& batch) {
    if (batch.empty()) return;
    std::vector<Result<Appended>> results = write(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(results[i]));
    batch.clear();
  }

  /// One result per row; a row that is refused does not take the others with it.
  std::vector<Result<Appended>> write(const std::vector<Append>& batch) {
    std::vector<const NewEntry*> entries;
    entries.reserve(batch.size());
    for (const Append& append : batch) entries.push_back(&append.entry);

    std::vector<Result<Appended>> results;
    results.reserve(batch.size());
    auto together = commit(entries);
    if (together) {
      for (const Appended& appended : *together) results.emplace_back(appended);
      return results;
    }
    Error failure = together.error();
    bool go_on = batch.size() > 1 && blames_the_row(failure.code);
    for (const NewEntry* entry : entries) {
      if (go_on) {
        auto alone = commit({entry});
        if (alone) {
          results.emplace_back(alone->front());
          continue;
        }
        failure = alone.error();
        go_on = blames_the_row(failure.code);
      }
      results.emplace_back(failure);
    }
    return results;
  }

  /// All or none; a full disk is met once with the reserve, damage to what is known once with less.
  Result<std::vector<Appended>> commit(const std::vector<const NewEntry*>& entries) {
    bool was_damaged = m_known.is_damaged();
    bool has_reserve = m_options.release_reserve != nullptr;
    for (;;) {
      auto committed = try_commit(entries);
      if (committed) {
        if (m_options.committed) m_options.committed(entries.size());
        return committed;
      }
      if (m_known.is_damaged() && !was_damaged) {
        was_damaged = true;
        continue;
      }
      if (committed.error().code != Errc::no_space || !std::exchange(has_reserve, false) ||
          !m_options.release_reserve())
        return committed;
    }
  }

  Result<std::vector<Appended>> try_commit(const std::vector<const NewEntry*>& entries) {
    return m_connection->guarded([&]() -> Result<std::vector<Appended>> {
      for (const NewEntry* entry : entries) {
        if (entry->body.size() > k_body_limit) {
          return Error{Errc::invalid, fmt::format("a body of {} bytes is too large for the journal",
                                                  entry->body.size())};
        }
      }
      std::vector<Appended> appended;
      appended.reserve(entries.size());
      const bool delivers = std::any_of(entries.begin(), entries.end(), [](const NewEntry* entry) {
        return entry->kind == EntryKind::delivery;
      });
      while (delivers && !m_known.load(*m_connection)) turn_goes_on();
      Transaction transaction(*m_connection, Access::write);
      // Inside the transaction: other processes append to the same chain.
      Tail tail = read_tail(*m_connection);
      if (delivers) m_known.begin(*m_connection, tail.seq);
      for (const NewEntry* entry : entries) {
        appended.push_back(append_row(*m_connection, *entry, tail, m_known));
      }
      if (delivers) m_known.make_room(*m_connection, tail.seq);
      transaction.commit();
      if (delivers) m_known.keep();
      return appended;
    });
  }

  void handle(Append&) {}  // went into the batch

  void handle(AppendAll& all) {
    std::vector<const NewEntry*> entries;
    entries.reserve(all.entries.size());
    for (const NewEntry& entry : all.entries) entries.push_back(&entry);
    if (entries.empty())
      all.answer.set_value(std::vector<Appended>{});
    else
      all.answer.set_value(commit(entries));
  }

  void handle(Probe& probe) {
    probe.answer.set_value(m_connection->guarded([this]() -> Status {
      Transaction transaction(*m_connection, Access::write);
      m_connection->execute("UPDATE meta SET value = value + 1 WHERE key = 'probe'");
      transaction.commit();
      return {};
    }));
  }

  /// One batch at a time, so that appends pass in between.
  void handle(Erase& erase) {
    auto erased = m_connection->guarded([&]() -> Result<std::int64_t> {
      Transaction transaction(*m_connection, Access::write);
      const auto count = erase_some_bodies(*m_connection, erase.before, k_erase_rows);
      transaction.commit();
      return count;
    });
    if (!erased) {
      erase.answer.set_value(erased.error());
      return;
    }
    erase.erased += *erased;
    if (*erased == k_erase_rows && !m_mailbox.closed()) {
      m_mailbox.post(std::move(erase));
      return;
    }
    // The erased bytes may still be in the WAL. A reader in the way only delays that.
    if (auto done = m_connection->checkpoint(); !done) {
      log::debug("erased bodies stay in the journal's -wal for now",
                 {{"reason", done.error().message}});
    }
    erase.answer.set_value(erase.erased);
  }

  void handle(Checkpoint& checkpoint) { checkpoint.answer.set_value(m_connection->checkpoint()); }

  // constant after construction
  const JournalOptions m_options;
  // any thread
  Mailbox<Message> m_mailbox;
  std::atomic<std::int64_t> m_turn_began = 0;  ///< 0: nothing to do
  // the writer's thread only
  const std::unique_ptr<Connection> m_connection;
  KnownDeliveries m_known;
  std::thread m_thread;
};

}  // namespace

Result<std::unique_ptr<JournalWriter>> open_journal_writer(const std::string& path,
                                                           JournalOptions options) {
  const SchemaPolicy policy{.create = options.create, .migrate = options.migrate};
  REELKEEP_ASSIGN(auto connection, open_for_writing(path, journal_schema(), policy));
  return std::unique_ptr<JournalWriter>(
      std::make_unique<Writer>(std::move(connection), std::move(options)));
}

}  // namespace reelkeep::sqlite
