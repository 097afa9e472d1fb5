#include "curl/transfer_loop.hpp"

#include <algorithm>
#include <utility>

#include "reelkeep/base/thread_name.hpp"

namespace reelkeep::curl {
namespace {

constexpr Duration k_longest_sleep{1000};
constexpr Duration k_idle_before_trim{1000};
constexpr Duration k_longest_owed{5};
constexpr long k_idle_connections = 16;
constexpr std::size_t k_idle_handles = 16;

thread_local const TransferLoop* t_loop = nullptr;  ///< whose thread this is

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
      m_hashing(m_services.buffers),
      m_share(m_services.buffers.count()) {
  const SignalsBlocked signals;
  m_thread = std::jthread([this] {
    name_this_thread("transfers");
    run();
  });
}

TransferLoop::~TransferLoop() {
  stop();
}

void TransferLoop::submit(FetchRequest request) {
  const std::uint64_t ticket = request.ticket;
  {
    std::lock_guard lock(m_mutex);
    if (!m_is_closed) {
      ++m_load;
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

bool TransferLoop::is_this_thread() const noexcept {
  return t_loop == this;
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

void TransferLoop::grant(std::uint64_t ticket, std::size_t connections) {
  post(Grant{ticket, connections});
}

void TransferLoop::prepared(std::uint64_t ticket, Result<ByteCount> size) {
  post(Prepared{ticket, std::move(size)});
}

void TransferLoop::spread(std::uint64_t ticket, Status possible) {
  post(SpreadTried{ticket, std::move(possible)});
}

void TransferLoop::write_failed(std::uint64_t ticket) {
  post(WriteFailed{ticket});
}

void TransferLoop::completing(std::uint64_t /*ticket*/) {
  --m_load;
}

void TransferLoop::finished(std::uint64_t ticket) {
  post(Finished{ticket});
}

void TransferLoop::buffer_returned() noexcept {
  if (m_is_starved.exchange(false)) wake();
}

void TransferLoop::wake() noexcept {
  if (is_this_thread()) {
    m_looks_again = true;
    return;
  }
  if (!m_is_woken.exchange(true)) curl_multi_wakeup(m_multi.get());
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
  t_loop = this;
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
    trim_buffers(steady_now());
    m_hashing.complete_hashed();
    if (is_closing && m_downloads.empty()) return;
    wait(sleep);
    m_is_woken.exchange(false);  // before the events are taken: none is left without a wake-up
  }
}

/// A body that is owed its hash waits for another short one that is on its way, and only while the
/// connections keep the loop busy.
void TransferLoop::wait(Duration most) {
  const auto is_partner = [this](const Download* one) {
    return one->brings_short_body() && !m_hashing.is_owed(one->intake());
  };
  if (m_hashing.owed_since() && std::ranges::none_of(m_order, is_partner)) settle();
  const std::optional<MonotonicTime> owed = m_hashing.owed_since();
  if (std::exchange(m_looks_again, false) || owed) most = Duration(0);
  int ready = 0;
  curl_multi_poll(m_multi.get(), nullptr, 0, static_cast<int>(most.count()), &ready);
  if (owed && (ready == 0 || steady_now() - *owed >= k_longest_owed)) settle();
}

void TransferLoop::settle() {
  m_hashing.settle();
  m_hashing.complete_hashed();
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
  if (m_services.granting == 0 || is_closed)
    for (FetchRequest& request : std::exchange(m_put_off, {})) begin(std::move(request));
  return is_closed;
}

/// What another loop has yet to close would be one connection too many meanwhile.
void TransferLoop::handle(Submit& submit) {
  m_put_off.push_back(std::move(submit.request));
}

FetchRequest* TransferLoop::put_off(std::uint64_t ticket) {
  const auto found = std::ranges::find(m_put_off, ticket, &FetchRequest::ticket);
  return found == m_put_off.end() ? nullptr : &*found;
}

void TransferLoop::begin(FetchRequest request) {
  const std::uint64_t ticket = request.ticket;
  if (find(ticket) != nullptr) abort_broken_invariant("a ticket was submitted twice");
  auto owned = std::make_unique<Download>(
      std::move(request), m_services.sink, *this,
      Plant{m_services.buffers, m_services.writers, m_hashing, m_services.rate,
            m_services.received_bytes, m_is_starved, m_share},
      *this, m_services.ranges);
  Download& download = *owned;
  m_downloads.emplace(ticket, std::move(owned));
  m_order.push_back(&download);
  download.begin();
}

void TransferLoop::handle(Cancel& cancel) {
  if (FetchRequest* const waiting = put_off(cancel.ticket)) {
    FetchRequest request = std::move(*waiting);
    m_put_off.erase(m_put_off.begin() + (waiting - m_put_off.data()));
    begin(std::move(request));
  }
  if (Download* const download = find(cancel.ticket)) download->cancel();
}

void TransferLoop::handle(Grant& grant) {
  if (Download* const download = find(grant.ticket))
    download->grant(grant.connections, steady_now());
  else if (FetchRequest* const waiting = put_off(grant.ticket))
    waiting->connections = grant.connections;
  if (--m_services.granting == 0) m_services.granted();
}

void TransferLoop::handle(Prepared& prepared) {
  if (Download* const download = find(prepared.ticket)) download->prepared(prepared.size);
}

void TransferLoop::handle(SpreadTried& tried) {
  if (Download* const download = find(tried.ticket)) download->spread(tried.possible, steady_now());
}

void TransferLoop::handle(WriteFailed& failed) {
  // The reason is with the Intake, which puts it into the completion.
  if (Download* const download = find(failed.ticket))
    download->break_off(Error{Errc::internal, "the file could not be written"});
}

void TransferLoop::handle(Finished& finished) {
  const auto found = m_downloads.find(finished.ticket);
  if (found == m_downloads.end()) return;
  std::erase(m_order, found->second.get());
  m_downloads.erase(found);
}

Status TransferLoop::start(Transfer& transfer) {
  transfer.start(take_easy(), m_services.limits());
  if (curl_multi_add_handle(m_multi.get(), transfer.easy()) != CURLM_OK)
    return Error{Errc::internal, "libcurl does not take another transfer"};
  return {};
}

void TransferLoop::take_off(Transfer& transfer) {
  Easy easy = transfer.take_easy();
  if (!easy) return;
  curl_multi_remove_handle(m_multi.get(), easy.get());
  curl_easy_reset(easy.get());  // it points into the transfer
  if (m_idle.size() < k_idle_handles) m_idle.push_back(std::move(easy));
}

void TransferLoop::collect_done() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(m_multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    auto& transfer = *reinterpret_cast<Transfer*>(owner);
    if (Download* const download = find(transfer.ticket()))
      download->concluded(transfer, code, steady_now());
  }
}

Duration TransferLoop::care(MonotonicTime now) {
  std::size_t connections = 0;
  for (const Download* const download : m_order) connections += download->connections();
  m_share = std::max<std::size_t>(
      2, m_services.buffers.count() / (m_services.loops * std::max<std::size_t>(1, connections)));
  // Who was served first comes last the next time: tokens of the rate limit go round.
  if (m_order.size() > 1) std::rotate(m_order.begin(), m_order.begin() + 1, m_order.end());
  const auto scarcity = connections > 1 && !m_services.buffers.has_free() ? Transfer::Scarcity::yes
                                                                          : Transfer::Scarcity::no;
  Duration sleep = k_longest_sleep;
  for (Download* const download : m_order) sleep = std::min(sleep, download->care(now, scarcity));
  return sleep;
}

/// Between two short files all is idle for a moment; pages that were given back would have to be
/// cleared again.
void TransferLoop::trim_buffers(MonotonicTime now) {
  if (!m_downloads.empty()) {
    m_busy_at = now;
    m_is_trimmed = false;
  } else if (!m_is_trimmed && now - m_busy_at >= k_idle_before_trim) {
    m_services.buffers.trim();
    m_is_trimmed = true;
  }
}

void TransferLoop::cancel_all() {
  for (Download* const download : m_order) download->cancel();
}

Download* TransferLoop::find(std::uint64_t ticket) {
  const auto found = m_downloads.find(ticket);
  return found == m_downloads.end() ? nullptr : found->second.get();
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
