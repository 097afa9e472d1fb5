#include "curl/transfer_loop.hpp"

#include <algorithm>
#include <utility>

namespace reelkeep::curl {
namespace {

constexpr Duration k_longest_sleep{1000};
constexpr long k_idle_connections = 16;
constexpr std::size_t k_idle_handles = 16;

MonotonicTime steady_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

Error cancelled() {
  return Error{Errc::cancelled, "download stopped"};
}

CURLM* new_multi() {
  initialise();
  CURLM* const multi = curl_multi_init();
  if (multi == nullptr) abort_broken_invariant("no memory for a transfer loop");
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, k_idle_connections);
  return multi;
}

}  // namespace

TransferLoop::TransferLoop(Services services)
    : m_services(std::move(services)),
      m_multi(new_multi()),
      m_last_turn_ms(steady_now().time_since_epoch().count()),
      m_share(m_services.buffers.count()) {
  const SignalsBlocked signals;
  m_thread = std::jthread([this] { run(); });
}

TransferLoop::~TransferLoop() {
  stop();
}

void TransferLoop::submit(FetchRequest request) {
  const std::uint64_t ticket = request.ticket;
  {
    std::lock_guard lock(m_mutex);
    if (!m_is_closed) {
      m_events.emplace_back(Submit{std::move(request)});
      wake();
      return;
    }
  }
  Fetched fetched;
  fetched.ticket = ticket;
  fetched.status = cancelled();
  fetched.received = request.resume ? request.resume->offset : ByteCount();
  fetched.resume = std::move(request.resume);
  fetched.file = std::move(request.file);
  m_services.sink.fetched(std::move(fetched));
}

void TransferLoop::post(Event event) {
  {
    std::lock_guard lock(m_mutex);
    m_events.push_back(std::move(event));
  }
  wake();
}

void TransferLoop::cancel(std::uint64_t ticket) {
  post(Cancel{ticket});
}

void TransferLoop::prepared(std::uint64_t ticket, Result<ByteCount> size) {
  post(Prepared{ticket, std::move(size)});
}

void TransferLoop::write_failed(std::uint64_t ticket) {
  post(WriteFailed{ticket});
}

void TransferLoop::finished(std::uint64_t ticket) {
  post(Finished{ticket});
}

void TransferLoop::buffer_returned() noexcept {
  if (m_is_starved.exchange(false)) wake();
}

void TransferLoop::wake() noexcept {
  curl_multi_wakeup(m_multi.get());
}

void TransferLoop::stop() {
  {
    std::lock_guard lock(m_mutex);
    m_is_closed = true;
  }
  wake();
  if (m_thread.joinable()) m_thread.join();
}

Duration TransferLoop::turn_age() const noexcept {
  return steady_now().time_since_epoch() - Duration(m_last_turn_ms.load());
}

void TransferLoop::run() {
  bool is_closing = false;
  while (true) {
    m_last_turn_ms.store(steady_now().time_since_epoch().count());
    // In this order: no submit can come after the flag was seen.
    const bool is_closed = take_events();
    if (is_closed && !is_closing) {
      is_closing = true;
      cancel_all();
    }
    int running = 0;
    curl_multi_perform(m_multi.get(), &running);
    collect_done();
    const Duration sleep = care(steady_now());
    if (is_closing && m_transfers.empty()) return;
    curl_multi_poll(m_multi.get(), nullptr, 0, static_cast<int>(sleep.count()), nullptr);
  }
}

bool TransferLoop::take_events() {
  std::vector<Event> events;
  bool is_closed = false;
  {
    std::lock_guard lock(m_mutex);
    events.swap(m_events);
    is_closed = m_is_closed;
  }
  for (Event& event : events) std::visit([this](auto& one) { handle(one); }, event);
  return is_closed;
}

void TransferLoop::handle(Submit& submit) {
  const std::uint64_t ticket = submit.request.ticket;
  if (find(ticket) != nullptr) abort_broken_invariant("a ticket was submitted twice");
  auto owned =
      std::make_unique<Transfer>(std::move(submit.request), m_services.sink, *this,
                                 Plant{m_services.buffers, m_services.writers, m_services.rate,
                                       m_services.received_bytes, m_is_starved, m_share});
  Transfer& transfer = *owned;
  m_transfers.emplace(ticket, std::move(owned));
  m_order.push_back(&transfer);
  if (Status status = transfer.admit(); !status)
    break_off(transfer, status.error());
  else
    m_services.writers.post(transfer.intake(), Prepare{});
}

void TransferLoop::handle(Cancel& cancel) {
  Transfer* const transfer = find(cancel.ticket);
  if (transfer == nullptr || transfer->is_finishing()) return;
  if (transfer->is_preparing()) transfer->intake().interrupt();
  break_off(*transfer, cancelled());
}

void TransferLoop::handle(Prepared& prepared) {
  Transfer* const transfer = find(prepared.ticket);
  if (transfer == nullptr || transfer->is_finishing()) return;
  if (!prepared.size) {
    break_off(*transfer, prepared.size.error());
    return;
  }
  transfer->prepared(*prepared.size);
  start(*transfer);
}

void TransferLoop::handle(WriteFailed& failed) {
  Transfer* const transfer = find(failed.ticket);
  if (transfer == nullptr || transfer->is_finishing()) return;
  // The reason is with the Intake, which puts it into the completion.
  break_off(*transfer, Error{Errc::internal, "the file could not be written"});
}

void TransferLoop::handle(Finished& finished) {
  const auto found = m_transfers.find(finished.ticket);
  if (found == m_transfers.end()) return;
  std::erase(m_order, found->second.get());
  m_transfers.erase(found);
  if (m_transfers.empty()) m_services.buffers.trim();
}

void TransferLoop::start(Transfer& transfer) {
  transfer.start(take_easy(), m_services.limits());
  if (curl_multi_add_handle(m_multi.get(), transfer.easy()) != CURLM_OK)
    break_off(transfer, Error{Errc::internal, "libcurl does not take another transfer"});
}

void TransferLoop::take_off(Transfer& transfer) {
  Easy easy = transfer.take_easy();
  if (!easy) return;
  curl_multi_remove_handle(m_multi.get(), easy.get());
  curl_easy_reset(easy.get());  // it points into the transfer
  if (m_idle.size() < k_idle_handles) m_idle.push_back(std::move(easy));
}

void TransferLoop::conclude(Transfer& transfer, CURLcode code) {
  std::optional<Ending> ending = transfer.conclude(code);
  take_off(transfer);
  if (ending)
    transfer.finish(std::move(*ending));
  else
    start(transfer);
}

void TransferLoop::break_off(Transfer& transfer, Error reason) {
  take_off(transfer);
  transfer.finish(transfer.break_off(std::move(reason)));
}

void TransferLoop::collect_done() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(m_multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    conclude(*reinterpret_cast<Transfer*>(owner), code);
  }
}

Duration TransferLoop::care(MonotonicTime now) {
  m_share =
      std::max<std::size_t>(2, m_services.buffers.count() /
                                   (m_services.loops * std::max<std::size_t>(1, m_order.size())));
  // Who was served first comes last the next time: tokens of the rate limit go round.
  if (m_order.size() > 1) std::rotate(m_order.begin(), m_order.begin() + 1, m_order.end());
  const auto scarcity = m_order.size() > 1 && !m_services.buffers.has_free()
                            ? Transfer::Scarcity::yes
                            : Transfer::Scarcity::no;
  Duration sleep = k_longest_sleep;
  for (Transfer* const transfer : m_order) {
    if (transfer->is_finishing()) continue;
    if (transfer->turn(now, scarcity)) {
      break_off(*transfer, transfer->stall_error());
      continue;
    }
    if (const CURLcode code = transfer->resume_if_possible(now); code != CURLE_OK) {
      conclude(*transfer, code);
      continue;
    }
    sleep = std::min(sleep, transfer->next_turn(now));
    if (transfer->waits_for_rate())
      sleep = std::min(sleep, std::max(m_services.rate.wait(now), Duration(1)));
  }
  return sleep;
}

void TransferLoop::cancel_all() {
  for (Transfer* const transfer : m_order) {
    if (transfer->is_finishing()) continue;
    if (transfer->is_preparing()) transfer->intake().interrupt();
    break_off(*transfer, cancelled());
  }
}

Transfer* TransferLoop::find(std::uint64_t ticket) {
  const auto found = m_transfers.find(ticket);
  return found == m_transfers.end() ? nullptr : found->second.get();
}

Easy TransferLoop::take_easy() {
  if (!m_idle.empty()) {
    Easy easy = std::move(m_idle.back());
    m_idle.pop_back();
    return easy;
  }
  Easy easy(curl_easy_init());
  if (!easy) abort_broken_invariant("no memory for a transfer");
  return easy;
}

}  // namespace reelkeep::curl
