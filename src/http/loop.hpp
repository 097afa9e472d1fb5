#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "reelkeep/base/unique_fd.hpp"

#include "http/connection.hpp"
#include "http/inbox.hpp"
#include "http/server.hpp"

namespace reelkeep::http {

/// The server's thread: run() owns listener and connections from its first line to its last.
class Loop final : private ConnectionOwner {
 public:
  Loop(const ServerOptions& options, Handler handler, UniqueFd listener);
  ~Loop() override;

  /// Errc::unavailable: no descriptors left.
  Status prepare();
  /// Until stop(). One thread, once.
  void run();

  // Any thread.
  void stop(Duration grace) noexcept;
  void use_tls(std::shared_ptr<const TlsServerContext> context);
  [[nodiscard]] Duration age() const noexcept;
  [[nodiscard]] ServerCounters counters() const noexcept;

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    std::uint32_t interest = 0;               ///< as epoll knows it
    std::optional<MonotonicTime> registered;  ///< in m_deadlines; never later than the real one
  };
  using Entries = std::unordered_map<std::uint64_t, Entry>;

  std::optional<Response> on_head(const Request& request) override;
  void on_request(std::uint64_t connection, Request request) override;
  void on_refused(int status) override;
  void on_timed_out() override;
  [[nodiscard]] KeepAlive keep_alive() const override;
  [[nodiscard]] MonotonicTime now() const override { return m_now; }
  [[nodiscard]] const Limits& limits() const override { return m_limits; }
  Codec& codec() override { return m_codec; }

  void turn_clock();
  void wait_for_events();
  void handle_event(std::uint64_t id, std::uint32_t events);
  void deliver_answers();
  void expire();
  void accept_all();
  bool accept_one();
  void admit(UniqueFd socket, std::string remote);
  bool evict_one();
  void settle(Entries::iterator entry);
  void remove(Entries::iterator entry);
  void begin_stop();

  // constant after construction
  const Limits m_limits;
  const std::size_t m_max_connections;
  const Handler m_handler;
  const std::shared_ptr<Inbox> m_inbox;  // shared with the tickets, which may outlive the server

  // loop thread only
  Codec m_codec;
  UniqueFd m_listener;
  UniqueFd m_epoll;
  UniqueFd m_spare;  ///< given up to turn a client away when descriptors run out
  Entries m_entries;
  std::set<std::pair<MonotonicTime, std::uint64_t>> m_deadlines;
  std::uint64_t m_next_id;
  MonotonicTime m_now;
  bool m_stopping = false;

  // any thread
  std::atomic<bool> m_stop_wanted{false};
  std::atomic<Duration::rep> m_stop_by{
      0};  ///< since the steady clock's epoch; set before m_stop_wanted
  std::atomic<Duration::rep> m_turned{0};
  struct {
    std::atomic<std::uint64_t> accepted{0}, requests{0}, malformed{0}, too_large{0}, timed_out{0},
        evicted{0}, open{0};
  } m_count;
  mutable std::mutex m_tls_mutex;
  std::shared_ptr<const TlsServerContext> m_tls;  // guarded by m_tls_mutex; replaced while in use
};

}  // namespace reelkeep::http
