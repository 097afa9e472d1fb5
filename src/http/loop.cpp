#include "http/loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "http/listener.hpp"

namespace reelkeep::http {
namespace {

constexpr std::uint64_t k_listener_id = 0;
constexpr std::uint64_t k_inbox_id = 1;
constexpr std::uint64_t k_first_id = 2;
/// A turn once a second keeps the watchdog fed.
constexpr Duration k_longest_sleep = std::chrono::seconds(1);
constexpr int k_accepts_per_turn = 256;

/// The rest of the program needs descriptors too.
std::size_t bounded_by_process(std::size_t wanted) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return std::max<std::size_t>(1, std::min<std::size_t>(wanted, limit.rlim_cur / 4 * 3));
}

Limits limits_of(const ServerOptions& options) {
  return {.max_body = options.max_body.get(),
          .max_head = static_cast<std::size_t>(options.max_head.get()),
          .request_timeout = options.request_timeout,
          .idle_timeout = options.idle_timeout,
          .write_timeout = options.write_timeout};
}

UniqueFd open_spare() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Loop::Loop(const ServerOptions& options, Handler handler, UniqueFd listener)
    : m_limits(limits_of(options)),
      m_max_connections(bounded_by_process(options.max_connections)),
      m_handler(std::move(handler)),
      m_inbox(std::make_shared<Inbox>()),
      m_codec(options.idle_timeout),
      m_listener(std::move(listener)),
      m_epoll(::epoll_create1(EPOLL_CLOEXEC)),
      m_spare(open_spare()),
      m_next_id(k_first_id),
      m_now(steady_now()),
      m_turned(m_now.time_since_epoch().count()) {}

Loop::~Loop() = default;

Status Loop::prepare() {
  if (!m_epoll || !m_spare || !m_inbox->usable())
    return Error::from_errno(EMFILE, "start the HTTP server");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = k_listener_id;
  if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, m_listener.get(), &event) != 0)
    return Error::from_errno(errno, "watch the listening socket");
  event.data.u64 = k_inbox_id;
  if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, m_inbox->descriptor(), &event) != 0)
    return Error::from_errno(errno, "watch the inbox");
  return {};
}

void Loop::run() {
  for (;;) {
    turn_clock();
    if (m_stop_wanted.load()) {
      if (!m_stopping) begin_stop();
      const MonotonicTime stop_by{Duration(m_stop_by.load())};
      if (m_entries.empty() || m_now >= stop_by) break;
    }
    wait_for_events();
    deliver_answers();
    expire();
  }
  m_inbox->close();
  m_entries.clear();
  m_deadlines.clear();
  m_count.open = 0;
}

void Loop::turn_clock() {
  m_now = steady_now();
  m_turned.store(m_now.time_since_epoch().count());
}

void Loop::wait_for_events() {
  auto sleep = k_longest_sleep;
  if (!m_deadlines.empty()) sleep = std::min(sleep, m_deadlines.begin()->first - m_now);
  if (m_stopping) sleep = std::min(sleep, MonotonicTime{Duration(m_stop_by.load())} - m_now);
  std::array<epoll_event, 256> events{};
  const int count = ::epoll_wait(m_epoll.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::max(sleep, Duration(0)).count()));
  turn_clock();
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == k_listener_id)
      accept_all();
    else if (event.data.u64 != k_inbox_id)
      handle_event(event.data.u64, event.events);
  }
}

void Loop::handle_event(std::uint64_t id, std::uint32_t events) {
  const auto entry = m_entries.find(id);
  if (entry == m_entries.end()) return;  // evicted earlier in this turn
  auto& connection = *entry->second.connection;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) return remove(entry);
  if ((events & EPOLLRDHUP) != 0)
    connection.on_peer_done();
  else if ((events & EPOLLIN) != 0)
    connection.on_readable();
  if ((events & EPOLLOUT) != 0 && connection.wants_write()) connection.on_writable();
  settle(entry);
}

void Loop::deliver_answers() {
  // An answer can make the next pipelined request be answered at once.
  for (auto answers = m_inbox->take(); !answers.empty(); answers = m_inbox->take()) {
    for (auto& answer : answers) {
      const auto entry = m_entries.find(answer.connection);
      if (entry == m_entries.end()) continue;  // the client has left
      entry->second.connection->answer(std::move(answer.response));
      settle(entry);
    }
  }
}

void Loop::expire() {
  while (!m_deadlines.empty() && m_deadlines.begin()->first <= m_now) {
    const auto id = m_deadlines.begin()->second;
    m_deadlines.erase(m_deadlines.begin());
    const auto entry = m_entries.find(id);
    entry->second.registered.reset();
    const auto deadline = entry->second.connection->deadline();
    if (deadline && *deadline <= m_now) entry->second.connection->on_deadline();
    settle(entry);
  }
}

void Loop::accept_all() {
  for (int i = 0; i < k_accepts_per_turn && accept_one(); ++i) {
  }
}

bool Loop::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  UniqueFd socket(::accept4(m_listener.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    ++m_count.accepted;
    if (m_entries.size() >= m_max_connections && !evict_one()) {
      ++m_count.evicted;  // all others have a request in hand: this one is turned away
      return true;
    }
    admit(std::move(socket), to_text(peer));
    return true;
  }
  if (errno == ECONNABORTED || errno == EINTR) return true;
  if (errno != EMFILE && errno != ENFILE) return false;
  if (evict_one()) return true;
  // Without this the waiting client would keep the loop spinning.
  m_spare.reset();
  UniqueFd turned_away(::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  turned_away.reset();
  m_spare = open_spare();
  ++m_count.evicted;
  return false;
}

void Loop::admit(UniqueFd socket, std::string remote) {
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  std::optional<TlsSession> session;
  {
    std::shared_ptr<const TlsServerContext> context;
    {
      std::lock_guard lock(m_tls_mutex);
      context = m_tls;
    }
    if (context) {
      auto accepted = context->accept();
      if (!accepted) return;
      session.emplace(std::move(accepted).value());
    }
  }
  const auto id = m_next_id++;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = id;
  if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return;
  Entry entry;
  ConnectionOwner& owner = *this;
  entry.connection = std::make_unique<Connection>(id, Wire(std::move(socket), std::move(session)),
                                                  std::move(remote), owner);
  entry.interest = event.events;
  const auto place = m_entries.emplace(id, std::move(entry)).first;
  m_count.open = m_entries.size();
  settle(place);
}

bool Loop::evict_one() {
  // Idle ones first, then those whose request is longest under way; never one that is being
  // answered.
  const auto rank = [](const Connection& connection) -> std::optional<int> {
    switch (connection.phase()) {
      case Connection::Phase::idle:
      case Connection::Phase::lingering:
        return 0;
      case Connection::Phase::handshake:
      case Connection::Phase::head:
      case Connection::Phase::body:
        return 1;
      case Connection::Phase::in_hand:
      case Connection::Phase::answering:
      case Connection::Phase::stalled:
      case Connection::Phase::pacing:
      case Connection::Phase::closed:
        return std::nullopt;
    }
    return std::nullopt;
  };
  auto victim = m_entries.end();
  std::pair<int, MonotonicTime> worst;
  for (auto entry = m_entries.begin(); entry != m_entries.end(); ++entry) {
    const auto& connection = *entry->second.connection;
    const auto its_rank = rank(connection);
    if (!its_rank) continue;
    const std::pair candidate(*its_rank, connection.since());
    // Ids grow: among those of one millisecond the oldest goes.
    if (victim == m_entries.end() || candidate < worst ||
        (candidate == worst && entry->first < victim->first)) {
      victim = entry;
      worst = candidate;
    }
  }
  if (victim == m_entries.end()) return false;
  ++m_count.evicted;
  remove(victim);
  return true;
}

void Loop::settle(Entries::iterator place) {
  auto& [id, entry] = *place;
  const auto& connection = *entry.connection;
  if (connection.phase() == Connection::Phase::closed ||
      (m_stopping && connection.phase() != Connection::Phase::in_hand &&
       connection.phase() != Connection::Phase::answering))
    return remove(place);
  std::uint32_t interest = 0;
  if (connection.wants_read()) interest |= EPOLLIN;
  if (connection.wants_write()) interest |= EPOLLOUT;
  if (connection.watches_peer()) interest |= EPOLLRDHUP;
  if (interest != entry.interest) {
    epoll_event event{};
    event.events = interest;
    event.data.u64 = id;
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, connection.descriptor(), &event) != 0)
      return remove(place);
    entry.interest = interest;
  }
  // A deadline that moved back is corrected when it fires: most never do.
  const auto deadline = connection.deadline();
  if (deadline && (!entry.registered || *deadline < *entry.registered)) {
    if (entry.registered) m_deadlines.erase({*entry.registered, id});
    m_deadlines.emplace(*deadline, id);
    entry.registered = deadline;
  }
}

void Loop::remove(Entries::iterator place) {
  if (place->second.registered) m_deadlines.erase({*place->second.registered, place->first});
  m_entries.erase(place);
  m_count.open = m_entries.size();
}

void Loop::begin_stop() {
  m_stopping = true;
  m_listener.reset();
  for (auto entry = m_entries.begin(); entry != m_entries.end();) settle(entry++);
}

std::optional<Response> Loop::on_head(const Request& request) {
  return m_handler.on_head ? m_handler.on_head(request) : std::nullopt;
}

void Loop::on_request(std::uint64_t connection, Request request) {
  ++m_count.requests;
  m_handler.on_request(std::move(request),
                       Responder(std::make_shared<Ticket>(m_inbox, connection)));
}

void Loop::on_refused(int status) {
  if (status == 413)
    ++m_count.too_large;
  else if (status != 408)
    ++m_count.malformed;
}

void Loop::on_timed_out() {
  ++m_count.timed_out;
}

KeepAlive Loop::keep_alive() const {
  return m_stopping ? KeepAlive::no : KeepAlive::yes;
}

void Loop::stop(Duration grace) noexcept {
  m_stop_by.store((steady_now() + grace).time_since_epoch().count());
  m_stop_wanted.store(true);
  m_inbox->wake();
}

void Loop::use_tls(std::shared_ptr<const TlsServerContext> context) {
  std::lock_guard lock(m_tls_mutex);
  m_tls.swap(context);
}

Duration Loop::age() const noexcept {
  return steady_now() - MonotonicTime{Duration(m_turned.load())};
}

ServerCounters Loop::counters() const noexcept {
  return {.accepted = m_count.accepted,
          .requests = m_count.requests,
          .malformed = m_count.malformed,
          .too_large = m_count.too_large,
          .timed_out = m_count.timed_out,
          .evicted = m_count.evicted,
          .open = m_count.open};
}

}  // namespace reelkeep::http
