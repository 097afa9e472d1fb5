#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "curl/download.hpp"

namespace reelkeep::curl {

/// One thread that owns a CURLM and the transfers on it. It sleeps in curl_multi_poll for at most a
/// second, so that the age of its last turn shows whether it hangs.
class TransferLoop final : public IntakeEvents, public Connections {
 public:
  struct Services {
    BufferPool& buffers;
    WriterPool& writers;
    RateBucket& rate;
    std::atomic<std::uint64_t>& received_bytes;
    /// grant() calls that a loop has still to carry out: until then no submit begins.
    std::atomic<std::size_t>& granting;
    std::function<void()> granted;  ///< there are none left: calls granted() of all loops
    FetchSink& sink;
    std::function<FetchLimits()> limits;  ///< as they are now; any thread
    std::size_t loops;                    ///< how many share the buffers
    RangeTuning ranges;
  };

  explicit TransferLoop(Services services);
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;
  /// The writers must be stopped before: they wake the loop through its CURLM.
  ~TransferLoop() override;

  /// Any thread. After stop() the request is completed as cancelled at once.
  void submit(FetchRequest request);
  void cancel(std::uint64_t ticket);
  /// Nothing is done for a ticket of another loop. The caller has counted it in `granting`.
  void grant(std::uint64_t ticket, std::size_t connections);
  /// Any thread: what was put off may begin.
  void granted() noexcept { wake(); }
  /// Any thread: a buffer came back.
  void buffer_returned() noexcept;
  /// Completes all that runs as cancelled and ends the thread. The writers must still work.
  void stop();
  [[nodiscard]] Duration turn_age() const noexcept;
  /// Submits that have not ended. Any thread.
  [[nodiscard]] std::size_t load() const noexcept { return m_load; }
  [[nodiscard]] bool is_this_thread() const noexcept;

  void prepared(std::uint64_t ticket, Result<ByteCount> size) override;
  void spread(std::uint64_t ticket, Status possible) override;
  void write_failed(std::uint64_t ticket) override;
  void completing(std::uint64_t ticket) override;
  void finished(std::uint64_t ticket) override;

 private:
  struct Submit {
    FetchRequest request;
  };
  struct Cancel {
    std::uint64_t ticket;
  };
  struct Grant {
    std::uint64_t ticket;
    std::size_t connections;
  };
  struct Prepared {
    std::uint64_t ticket;
    Result<ByteCount> size;
  };
  struct SpreadTried {
    std::uint64_t ticket;
    Status possible;
  };
  struct WriteFailed {
    std::uint64_t ticket;
  };
  struct Finished {
    std::uint64_t ticket;
  };
  using Event = std::variant<Submit, Cancel, Grant, Prepared, SpreadTried, WriteFailed, Finished>;

  void post(Event event);
  void wake() noexcept;
  void run();
  void wait(Duration most);
  void settle();
  bool take_events();
  void begin(FetchRequest request);
  FetchRequest* put_off(std::uint64_t ticket);
  void handle(Submit& submit);
  void handle(Cancel& cancel);
  void handle(Grant& grant);
  void handle(Prepared& prepared);
  void handle(SpreadTried& tried);
  void handle(WriteFailed& failed);
  void handle(Finished& finished);
  Status start(Transfer& transfer) override;
  void take_off(Transfer& transfer) override;
  void collect_done();
  Duration care(MonotonicTime now);
  void trim_buffers(MonotonicTime now);
  void cancel_all();
  Download* find(std::uint64_t ticket);
  Easy take_easy();

  // Constant after construction.
  const Services m_services;
  const Multi m_multi;

  // Any thread.
  std::atomic<std::int64_t> m_last_turn_ms;
  std::atomic<std::size_t> m_load{0};  ///< submits that have not ended
  std::atomic<bool> m_is_starved{false};
  std::atomic<bool> m_is_woken{false};  ///< since it began to sleep: once is enough
  std::mutex m_mutex;
  std::vector<Event> m_events;  // guarded by m_mutex
  bool m_is_closed = false;     // guarded by m_mutex

  // The loop's thread only.
  std::unordered_map<std::uint64_t, std::unique_ptr<Download>> m_downloads;
  std::vector<Download*> m_order;       ///< the same, in the order of care
  std::vector<FetchRequest> m_put_off;  ///< until all grants are carried out
  std::vector<Easy> m_idle;             ///< handles to use again
  PairedHashing m_hashing;
  std::size_t m_share = 0;
  bool m_looks_again = false;  ///< woken by itself: it does not sleep before
  MonotonicTime m_busy_at{};   ///< when there was a download last
  bool m_is_trimmed = true;    ///< since then

  std::jthread m_thread;
};

}  // namespace reelkeep::curl
