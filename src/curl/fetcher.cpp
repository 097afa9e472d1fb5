#include "curl/fetcher.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "curl/transfer_loop.hpp"

namespace reelkeep::curl {
namespace {

class CurlFetcher final : public Fetcher {
 public:
  CurlFetcher(FetchSink& sink, const FetchLimits& limits, FetcherOptions options)
      : m_limits(limits),
        m_rate(limits.bytes_per_second, steady_now()),
        m_buffers(std::max<std::size_t>(options.buffers, 2),
                  std::max<std::size_t>(options.buffer_size, CURL_MAX_WRITE_SIZE),
                  [this] {
                    for (const auto& loop : m_loops) loop->buffer_returned();
                  }),
        m_writers(std::max<std::size_t>(options.writers, 1), m_buffers) {
    const std::size_t loops = std::max<std::size_t>(options.loops, 1);
    for (std::size_t i = 0; i < loops; ++i)
      m_loops.push_back(std::make_unique<TransferLoop>(
          TransferLoop::Services{m_buffers, m_writers, m_rate, m_received_bytes, m_granting,
                                 [this] {
                                   for (const auto& loop : m_loops) loop->granted();
                                 },
                                 sink, [this] { return this->limits(); }, loops, options.ranges}));
  }

  ~CurlFetcher() override {
    for (const auto& loop : m_loops) loop->stop();
    m_writers.stop();  // before the loops go: a writer may be waking one
  }

  void submit(FetchRequest request) override { next_loop().submit(std::move(request)); }

  // Only one of them knows the ticket.
  void cancel(std::uint64_t ticket) override {
    for (const auto& loop : m_loops) loop->cancel(ticket);
  }

  void grant(std::uint64_t ticket, std::size_t connections) override {
    m_granting += m_loops.size();
    for (const auto& loop : m_loops) loop->grant(ticket, connections);
  }

  void set_limits(const FetchLimits& limits) override {
    {
      std::lock_guard lock(m_mutex);
      m_limits = limits;
    }
    m_rate.set_rate(limits.bytes_per_second, steady_now());
  }

  std::uint64_t received_bytes() const override {
    return m_received_bytes.load(std::memory_order_relaxed);
  }

  Duration longest_turn() const override {
    Duration longest{0};
    for (const auto& loop : m_loops) longest = std::max(longest, loop->turn_age());
    return longest;
  }

 private:
  FetchLimits limits() const {
    std::lock_guard lock(m_mutex);
    return m_limits;
  }

  /// The one with the least to do, the first of several, so that a single transfer after another
  /// finds the connection again. What follows a transfer on its thread stays there.
  TransferLoop& next_loop() {
    TransferLoop* chosen = m_loops.front().get();
    for (const auto& loop : m_loops)
      if (loop->load() < chosen->load()) chosen = loop.get();
    for (const auto& loop : m_loops)
      if (loop->is_this_thread() && loop->load() <= chosen->load()) chosen = loop.get();
    return *chosen;
  }

  mutable std::mutex m_mutex;
  FetchLimits m_limits;  // guarded by m_mutex
  RateBucket m_rate;
  std::atomic<std::uint64_t> m_received_bytes{0};
  std::atomic<std::size_t> m_granting{0};
  std::vector<std::unique_ptr<TransferLoop>> m_loops;  ///< constant after construction
  BufferPool m_buffers;
  WriterPool m_writers;
};

}  // namespace

std::unique_ptr<Fetcher> make_fetcher(FetchSink& sink, const FetchLimits& limits,
                                      FetcherOptions options) {
  return std::make_unique<CurlFetcher>(sink, limits, options);
}

}  // namespace reelkeep::curl
