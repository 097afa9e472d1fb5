// What libcurl calls while a request runs: nothing may be thrown through it, so that a failure is
// stored and the request broken off.
#include <algorithm>
#include <exception>
#include <sys/socket.h>
#include <utility>

#include "curl/peer_address.hpp"
#include "curl/transfer.hpp"

namespace reelkeep::curl {
namespace {

/// Of a body that is no file at most this much is read, so that the connection can be used again.
constexpr std::uint64_t k_most_discarded = 64U << 10U;
/// What libcurl reads at once, as part of a buffer, and may have to keep where it finds no room
/// after all: large enough that asking the kernel costs little, small enough that it is still in a
/// cache when it is copied, and that a buffer with less space than this is as good as full.
constexpr std::size_t k_reads_in_a_buffer = 8;

Timestamp wall_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Error defect(const std::exception& exception) {
  return Error{Errc::internal, std::string("in a callback of libcurl: ") + exception.what()};
}

}  // namespace

std::size_t Transfer::on_header(char* line, std::size_t size, std::size_t count,
                                void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    return transfer.head_line({line, size * count}) ? size * count : 0;
  } catch (const std::exception& exception) {
    transfer.m_failure = defect(exception);
    return 0;
  }
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count,
                              void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    return transfer.body(std::as_bytes(std::span(bytes, size * count)));
  } catch (const std::exception& exception) {
    transfer.m_failure = defect(exception);
    return 0;
  }
}

curl_socket_t Transfer::on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    if (purpose == CURLSOCKTYPE_IPCXN &&
        transfer.refuses(is_private_address(address->addr), numeric_address(address->addr)))
      return CURL_SOCKET_BAD;
  } catch (const std::exception& exception) {
    transfer.m_failure = defect(exception);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Transfer::on_connected(void* self, char* peer_ip, char* /*local_ip*/, int /*peer_port*/,
                           int /*local_port*/) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    // A connection that another project's rules allowed may be used again here.
    if (transfer.refuses(is_private_address(peer_ip), peer_ip)) return CURL_PREREQFUNC_ABORT;
    transfer.m_failure.reset();  // an address of the same name was refused, this one is good
    transfer.m_watch.emplace(transfer.m_stall_timeout, steady_now());
    return CURL_PREREQFUNC_OK;
  } catch (const std::exception& exception) {
    transfer.m_failure = defect(exception);
    return CURL_PREREQFUNC_ABORT;
  }
}

bool Transfer::refuses(bool is_private, const std::string& address) {
  // With a proxy the address is the proxy's, which the operator wrote himself.
  if (!is_private || m_source.rules.allow_private_addresses || !m_transport.proxy.empty())
    return false;
  m_failure = Error{Errc::invalid, m_url.authority() + ": has the private address " + address +
                                       " (download.allow_private_addresses would allow it)"};
  return true;
}

bool Transfer::head_line(std::string_view line) {
  if (m_watch) m_watch->received(line.size());
  switch (m_head.add(line)) {
    case AnswerHead::Line::more:
      return true;
    case AnswerHead::Line::too_large:
      m_failure = Error{Errc::unavailable, m_url.authority() +
                                               ": answers with more than 64 KiB of "
                                               "header"};
      return false;
    case AnswerHead::Line::complete:
      m_judgement = judge(m_head, m_asked, wall_now());
      judged();
      return !m_failure;
  }
  return false;
}

void Transfer::judged() {
  const int status = m_head.status();
  if (m_asked.pair_sent && status >= 200 && status < 400) m_pair_accepted = true;
  if (!keeps_body()) return;
  m_body_since = m_accounted_until = steady_now();
  m_paced = Duration(0);
  m_paced_bytes = 0;
  if (m_range) return;
  const bool is_whole = m_judgement->kind == Judgement::Kind::whole;
  if (is_whole) {
    m_skip = 0;
    m_at = ByteCount();
  }
  // From here on the earlier resume point is history: the answer brought a newer one.
  const std::optional<ByteCount> length = m_judgement->length;
  const bool is_short = is_whole && length && *length <= ByteCount(m_plant.buffers.buffer_size());
  Begin begin{is_whole, m_judgement->validator, length, is_short};
  if (!is_short || *length > m_intake.unsynced_up_to()) {
    m_plant.hashing.settle(m_intake);
    m_intake.is_by_loop = false;
  }
  if (!m_intake.is_by_loop) return m_plant.writers.post(m_intake, std::move(begin));
  m_intake.begin(std::move(begin));
  note_failed_write();
}

void Transfer::note_failed_write() {
  // The reason is with the Intake, which puts it into the completion.
  if (m_intake.has_failed() && !m_failure)
    m_failure = Error{Errc::internal, "the file could not be written"};
}

bool Transfer::keeps_body() const noexcept {
  return m_judgement && ((m_judgement->kind == Judgement::Kind::whole && !m_range) ||
                         m_judgement->kind == Judgement::Kind::rest);
}

std::size_t Transfer::body(std::span<const std::byte> bytes) {
  const std::size_t all = bytes.size();
  if (!keeps_body()) {
    if (m_watch) m_watch->received(all);
    m_discarded += all;
    return m_discarded > k_most_discarded ? 0 : all;
  }
  if (!m_intake.is_by_loop && !make_room(all)) {
    pause(Pause::buffers);
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!m_plant.rate.take(all, steady_now())) {
    pause(Pause::rate);
    return CURL_WRITEFUNC_PAUSE;
  }
  if (m_watch) m_watch->received(all);
  m_body += ByteCount(all);
  m_from_network += ByteCount(all);
  m_plant.received_bytes.fetch_add(all, std::memory_order_relaxed);
  // libcurl holds a body to its length only where it reads the header as we do.
  if (const auto length = m_judgement->body_length; length && !m_end && m_body > *length) {
    m_failure = Error{Errc::corrupt, m_url.authority() + ": sends more than the " +
                                         std::to_string(length->get()) + " bytes it announced"};
    return 0;
  }
  const std::size_t skipped = std::min<std::uint64_t>(m_skip, all);
  m_skip -= skipped;
  m_paced_bytes += all;
  bytes = bytes.subspan(skipped);
  if (m_end) bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), (*m_end - m_at).get()));
  if (m_intake.is_by_loop) {
    collect(bytes);
    note_failed_write();
    if (m_failure) return 0;
  } else {
    store(bytes);
  }
  // What comes after its share is another's: the connection has to go.
  return has_all() && m_judgement->body_length != m_body ? 0 : all;
}

/// Of the kernel at once.
std::size_t Transfer::most_read() const noexcept {
  return std::max<std::size_t>(CURL_MAX_WRITE_SIZE,
                               m_plant.buffers.buffer_size() / k_reads_in_a_buffer);
}

/// The connections of a file have a share each.
std::size_t Transfer::most_queued() const noexcept {
  return m_plant.share * m_intake.connections;
}

Buffer Transfer::take_buffer() {
  if (m_intake.queued.load() >= most_queued()) return {};
  return m_plant.buffers.take();
}

/// Whether a read should be tried; where it should not, the next buffer given back wakes the loop.
bool Transfer::has_room() {
  if (m_buffer && m_buffer.space() >= most_read()) return true;
  const auto is_possible = [this] {
    const std::size_t queued = m_intake.queued.load();
    // With nothing of its own on the way nothing tells a slow writer from a stalled server.
    return queued < most_queued() && (queued == 0 || m_plant.buffers.has_free());
  };
  if (is_possible()) return true;
  m_plant.is_starved.store(true);  // announce first, look again then
  return is_possible();
}

bool Transfer::make_room(std::size_t bytes) {
  if (m_buffer && m_buffer.space() >= bytes) return true;
  hand_over();
  m_buffer = take_buffer();
  if (m_buffer) return true;
  m_plant.is_starved.store(true);  // announce first, look again then
  m_buffer = take_buffer();
  return static_cast<bool>(m_buffer);
}

void Transfer::store(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (m_buffer.size == 0) {
    m_filled_since = steady_now();
    m_buffer_at = m_at;
  }
  m_buffer.append(bytes);
  m_at += ByteCount(bytes.size());
}

/// Of a short body. Without a free buffer it goes into the file as it comes; otherwise all of it at
/// once, since libcurl gives 16 KiB at once, and the kernel takes as much trouble over each piece:
/// a new file of 200 KiB costs 125 us piece by piece on ext4 and 96 on tmpfs, at once 89 and 78 (a
/// program of its own, which also starts the writing back).
void Transfer::collect(std::span<const std::byte> bytes) {
  const bool is_last = m_judgement->body_length == m_body;
  if (!m_buffer && !is_last) m_buffer = m_plant.buffers.take();
  if (m_buffer && m_buffer.space() >= bytes.size()) {
    store(bytes);
    if (is_last) hand_over();
    return;
  }
  hand_over();
  m_plant.hashing.settle(m_intake);
  m_intake.append(m_at, bytes);
  m_at += ByteCount(bytes.size());
}

void Transfer::hand_over() {
  if (!m_buffer) return;
  if (m_buffer.size > 0 && m_intake.is_by_loop) {
    // Empty first: whatever becomes of the write, these bytes are not written again.
    const std::size_t size = std::exchange(m_buffer.size, 0);
    const std::span<const std::byte> bytes(m_buffer.bytes.get(), size);
    const bool is_whole = m_buffer_at == ByteCount() && m_judgement->body_length == ByteCount(size);
    if (is_whole)
      m_intake.write_whole(bytes);
    else
      m_intake.write(m_buffer_at, bytes);
    if (!m_intake.has_failed()) {
      m_buffer.size = size;
      return m_plant.hashing.owe(m_intake, std::exchange(m_buffer, {}),
                                 is_whole ? Piece::whole : Piece::part);
    }
  }
  if (m_buffer.size == 0) {
    m_plant.buffers.give_back(std::exchange(m_buffer, {}));
    return;
  }
  m_intake.queued.fetch_add(1);
  m_plant.writers.post(m_intake, Append{std::exchange(m_buffer, {}), m_buffer_at});
}

void Transfer::pause(Pause why) {
  const MonotonicTime now = steady_now();
  if (m_watch) static_cast<void>(m_watch->turn(now, StallWatch::Wanting::yes));
  account(now);
  m_pause = why;
}

CURLcode Transfer::steer(MonotonicTime now) {
  switch (m_pause) {
    case Pause::none:
      if (!m_easy || !keeps_body() || m_intake.is_by_loop) return CURLE_OK;
      if (m_buffer && m_buffer.space() < most_read()) hand_over();
      if (has_room()) return CURLE_OK;
      // What is read and then refused, libcurl copies and keeps. Both directions, since after a
      // pause of one alone it reads once more.
      pause(Pause::buffers);
      return curl_easy_pause(m_easy.get(), CURLPAUSE_ALL);
    case Pause::rate:
      if (m_plant.rate.wait(now) > Duration(0)) return CURLE_OK;
      break;
    case Pause::buffers:
      m_plant.is_starved.store(true);  // announce first, look then
      // Half of the share first: few long runs instead of many short ones.
      if (m_intake.queued.load() > most_queued() / 2 || !m_plant.buffers.has_free())
        return CURLE_OK;
      break;
  }
  if (m_watch) static_cast<void>(m_watch->turn(now, StallWatch::Wanting::no));
  account(now);
  m_pause = Pause::none;
  return curl_easy_pause(m_easy.get(), CURLPAUSE_CONT);
}

}  // namespace reelkeep::curl
