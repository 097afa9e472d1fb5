#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "reelkeep/base/unique_fd.hpp"

#include "http/message.hpp"

namespace reelkeep::http {

/// Where answers from any thread wait for the loop, which sleeps on an eventfd.
class Inbox {
 public:
  struct Answer {
    std::uint64_t connection = 0;
    Response response;
  };

  Inbox();
  /// False: no descriptor could be had.
  [[nodiscard]] bool usable() const noexcept { return static_cast<bool>(m_event); }
  [[nodiscard]] int descriptor() const noexcept { return m_event.get(); }

  void post(Answer answer);    ///< any thread; dropped after close()
  void wake() const noexcept;  ///< any thread
  std::vector<Answer> take();  ///< loop thread
  void close();                ///< loop thread, at its end

 private:
  const UniqueFd m_event;
  std::mutex m_mutex;
  std::vector<Answer> m_answers;  // guarded by m_mutex
  bool m_closed = false;          // guarded by m_mutex
};

/// What the copies of one Responder share. The inbox is shared with it because an answer may come
/// after the server is gone.
class Ticket {
 public:
  Ticket(std::shared_ptr<Inbox> inbox, std::uint64_t connection)
      : m_inbox(std::move(inbox)), m_connection(connection) {}
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  void redeem(Response response);

 private:
  const std::shared_ptr<Inbox> m_inbox;
  const std::uint64_t m_connection;
  std::atomic<bool> m_redeemed{false};
};

}  // namespace reelkeep::http
