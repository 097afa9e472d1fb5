#include "http/inbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "http/server.hpp"

namespace reelkeep::http {

Inbox::Inbox() : m_event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void Inbox::post(Answer answer) {
  {
    std::lock_guard lock(m_mutex);
    if (m_closed) return;
    m_answers.push_back(std::move(answer));
    if (m_answers.size() > 1) return;  // whoever posted the first one woke the loop
  }
  wake();
}

void Inbox::wake() const noexcept {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the loop is awake already.
  [[maybe_unused]] const auto written = ::write(m_event.get(), &one, sizeof one);
}

std::vector<Inbox::Answer> Inbox::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(m_event.get(), &count, sizeof count);
  std::lock_guard lock(m_mutex);
  return std::exchange(m_answers, {});
}

void Inbox::close() {
  std::vector<Answer> dropped;  // dies outside the lock: a body may be large
  std::lock_guard lock(m_mutex);
  m_closed = true;
  dropped.swap(m_answers);
}

Ticket::~Ticket() {
  redeem(text_response(500, "the request was given up without an answer"));
}

void Ticket::redeem(Response response) {
  if (m_redeemed.exchange(true)) return;
  m_inbox->post({.connection = m_connection, .response = std::move(response)});
}

Responder::Responder(std::shared_ptr<Ticket> ticket) noexcept : m_ticket(std::move(ticket)) {}

void Responder::respond(Response response) const {
  m_ticket->redeem(std::move(response));
}

}  // namespace reelkeep::http
