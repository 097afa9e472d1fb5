#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace reelkeep::http {
namespace {

/// Taken from the socket in one turn, so that one client does not keep the others waiting.
constexpr std::size_t k_read_per_turn = 65'536;
/// Made at once of a streamed body; also what waits in memory of one.
constexpr std::size_t k_stream_piece = 65'536;
constexpr std::size_t k_stream_per_turn = 1'048'576;
/// Dropped of a refused body before the connection is closed all the same.
constexpr std::uint64_t k_least_drop_bound = 64ULL << 20U;
/// m_input's memory is given back beyond this.
constexpr std::size_t k_kept_input = 16'384;
/// A slow body is sent in steps of this length.
constexpr Duration k_pace{100};

}  // namespace

Connection::Connection(std::uint64_t id, Wire wire, std::string remote, ConnectionOwner& owner)
    : m_id(id),
      m_remote(std::move(remote)),
      m_owner(owner),
      m_wire(std::move(wire)),
      m_phase(m_wire.secured() ? Phase::idle : Phase::handshake),
      m_since(owner.now()) {}

void Connection::enter(Phase phase) {
  if (m_phase == phase) return;
  m_phase = phase;
  m_since = m_owner.now();
}

bool Connection::wants_read() const noexcept {
  switch (m_phase) {
    case Phase::handshake:
    case Phase::idle:
    case Phase::head:
    case Phase::body:
    case Phase::lingering:
      return !m_peer_done;
    case Phase::in_hand:
    case Phase::answering:
    case Phase::stalled:
    case Phase::pacing:
    case Phase::closed:
      return false;
  }
  return false;
}

std::optional<MonotonicTime> Connection::deadline() const noexcept {
  const auto& limits = m_owner.limits();
  switch (m_phase) {
    case Phase::handshake:
    case Phase::lingering:
      return m_since + limits.request_timeout;
    case Phase::idle:
      return m_since + limits.idle_timeout;
    case Phase::head:
    case Phase::body:
      return m_request_since + limits.request_timeout;
    case Phase::answering:
      return m_progress + limits.write_timeout;
    case Phase::pacing:
      return m_since + k_pace;
    case Phase::in_hand:
    case Phase::stalled:
    case Phase::closed:
      return std::nullopt;
  }
  return std::nullopt;
}

void Connection::on_readable() {
  if (!wants_read()) return;
  if (m_phase == Phase::lingering) {
    m_dropped += m_wire.discard(k_read_per_turn);
    const auto bound = std::max(k_least_drop_bound, 8 * m_owner.limits().max_body);
    if (m_wire.state() != WireState::open || m_dropped > bound) enter(Phase::closed);
    return;
  }
  m_wire.receive(m_input, k_read_per_turn);
  m_peer_done = m_wire.state() != WireState::open;
  if (m_wire.state() == WireState::broken) return enter(Phase::closed);
  m_wire.flush();  // of the handshake
  advance();
}

void Connection::on_writable() {
  if (m_wire.flush() > 0) m_progress = m_owner.now();
  if (m_wire.state() == WireState::broken) return enter(Phase::closed);
  advance();
}

void Connection::on_peer_done() {
  m_half_closed = true;
  // It may have closed one direction only: what is in hand is still answered.
  if (m_phase == Phase::stalled)
    enter(Phase::closed);
  else
    on_readable();
}

void Connection::on_deadline() {
  switch (m_phase) {
    case Phase::head:
    case Phase::body:
      m_owner.on_timed_out();
      refuse(408, "the request took too long");
      return advance();
    case Phase::handshake:
    case Phase::answering:
      m_owner.on_timed_out();
      return enter(Phase::closed);
    case Phase::idle:
    case Phase::lingering:
      return enter(Phase::closed);
    case Phase::pacing:
      m_progress = m_owner.now();
      enter(Phase::answering);
      return advance();
    case Phase::in_hand:
    case Phase::stalled:
    case Phase::closed:
      return;
  }
}

void Connection::answer(Response response) {
  if (m_phase != Phase::in_hand) return;
  send(std::move(response));
  advance();
}

void Connection::advance() {
  for (;;) {
    Step step = Step::wait;
    switch (m_phase) {
      case Phase::handshake:
        if (m_wire.secured()) {
          enter(Phase::idle);
          step = Step::go_on;
        } else if (m_peer_done) {
          enter(Phase::closed);
        }
        break;
      case Phase::idle:
      case Phase::head:
        step = take_head();
        break;
      case Phase::body:
        step = take_body();
        break;
      case Phase::answering:
        step = send_on();
        break;
      case Phase::in_hand:
      case Phase::stalled:
      case Phase::pacing:
      case Phase::lingering:
      case Phase::closed:
        break;
    }
    if (step == Step::wait) return;
  }
}

void Connection::drop_read_ahead(std::size_t size) {
  m_input.erase(0, size);
  if (m_input.empty() && m_input.capacity() > k_kept_input) m_input = {};
}

Connection::Step Connection::take_head() {
  if (const auto empty = leading_empty_lines(m_input); empty > 0) {
    drop_read_ahead(empty);
    m_scanned = 0;
    if (m_input.empty()) enter(Phase::idle);  // half of an empty line looked like a request
  }
  if (!m_input.empty() && m_phase == Phase::idle) {
    enter(Phase::head);
    m_request_since = m_owner.now();
  }
  const auto scan = scan_head(m_input, m_scanned);
  switch (scan.progress) {
    case HeadProgress::malformed:
      refuse(400, "this is not an HTTP request");
      return Step::go_on;
    case HeadProgress::incomplete:
      if (m_input.size() > m_owner.limits().max_head) {
        refuse(431, "the request head is too large");
        return Step::go_on;
      }
      if (m_peer_done) enter(Phase::closed);  // nobody waits for an answer to half a request
      return Step::wait;
    case HeadProgress::complete:
      break;
  }
  m_scanned = 0;
  if (scan.size > m_owner.limits().max_head) {
    refuse(431, "the request head is too large");
    return Step::go_on;
  }
  auto parsed = parse_head(std::string_view(m_input).substr(0, scan.size), m_owner.codec());
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    refuse(refusal->status, refusal->reason);
    return Step::go_on;
  }
  drop_read_ahead(scan.size);
  return begin_request(std::get<Head>(std::move(parsed)));
}

Connection::Step Connection::begin_request(Head head) {
  m_request = std::move(head.request);
  m_request.remote = m_remote;
  m_keep_alive = head.keep_alive;
  m_is_head = m_request.method == "HEAD";
  m_refusal = m_owner.on_head(m_request);
  const auto max_body = m_owner.limits().max_body;
  if (head.framing.kind == BodyKind::length && head.framing.length > max_body && !m_refusal) {
    refuse(413, "the body is larger than " + std::to_string(max_body) + " bytes");
    return Step::go_on;
  }
  if (head.expects == Expects::go_ahead && head.framing.kind != BodyKind::none) {
    if (m_refusal) {  // whether the body comes all the same cannot be known
      m_refusal->keep_alive = KeepAlive::no;
      send(*std::exchange(m_refusal, std::nullopt));
      return Step::go_on;
    }
    if (m_input.empty()) {
      m_wire.queue("HTTP/1.1 100 Continue\r\n\r\n");
      m_wire.flush();
    }
  }
  m_body = BodyReader(head.framing, max_body);
  enter(Phase::body);
  return Step::go_on;
}

Connection::Step Connection::take_body() {
  std::string_view input = m_input;
  const auto progress = m_body.consume(input, m_refusal ? nullptr : &m_request.body);
  drop_read_ahead(m_input.size() - input.size());
  switch (progress) {
    case BodyProgress::more:
      if (m_peer_done) enter(Phase::closed);
      return Step::wait;
    case BodyProgress::malformed:
      refuse(400, "malformed chunked body");
      return Step::go_on;
    case BodyProgress::too_large:
      if (m_refusal) {
        m_refusal->keep_alive = KeepAlive::no;
        send(*std::exchange(m_refusal, std::nullopt));
      } else {
        refuse(413,
               "the body is larger than " + std::to_string(m_owner.limits().max_body) + " bytes");
      }
      return Step::go_on;
    case BodyProgress::complete:
      break;
  }
  if (m_refusal) {
    send(*std::exchange(m_refusal, std::nullopt));
    return Step::go_on;
  }
  enter(Phase::in_hand);
  m_owner.on_request(m_id, std::exchange(m_request, {}));
  return Step::wait;
}

void Connection::refuse(int status, std::string_view reason) {
  m_owner.on_refused(status);
  m_refusal.reset();
  m_request = {};
  auto response = text_response(status, reason);
  response.keep_alive = KeepAlive::no;
  send(std::move(response));
}

void Connection::send(Response response) {
  if (response.keep_alive == KeepAlive::no || m_owner.keep_alive() == KeepAlive::no)
    m_keep_alive = KeepAlive::no;
  const auto length = response.stream ? response.stream->length : response.body.size();
  m_wire.queue(m_owner.codec().answer_head(response, length, m_keep_alive));
  m_stream.reset();
  m_streamed = 0;
  if (!m_is_head) {
    if (response.stream)
      m_stream = std::move(response.stream);
    else
      m_wire.queue(response.body);
  }
  m_progress = m_answer_since = m_owner.now();
  enter(Phase::answering);
}

/// Bytes of the streamed body that may have been sent by now.
std::uint64_t Connection::due() const noexcept {
  const auto rate = m_stream->bytes_per_second;
  if (rate == 0) return m_stream->length;
  const std::chrono::duration<double> elapsed = m_owner.now() - m_answer_since + k_pace;
  const auto bytes = std::max(1.0, static_cast<double>(rate) * elapsed.count());
  return bytes < static_cast<double>(m_stream->length) ? static_cast<std::uint64_t>(bytes)
                                                       : m_stream->length;
}

Connection::Step Connection::send_on() {
  std::size_t made = 0;
  for (;;) {
    if (m_wire.flush() > 0) m_progress = m_owner.now();
    if (m_wire.state() == WireState::broken) {
      enter(Phase::closed);
      return Step::wait;
    }
    if (!m_wire.flushed()) return Step::wait;
    const auto end = m_stream ? std::min(m_stream->length, m_stream->cut_after) : 0;
    if (m_streamed >= end) break;
    const auto ready = std::min(end, due());
    if (m_streamed >= ready) {
      enter(Phase::pacing);
      return Step::wait;
    }
    // The rest of a turn is left to the others: a byte in the queue brings us back.
    std::array<char, k_stream_piece> piece;  // filled before it is read
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), ready - m_streamed));
    const auto count = std::min(wanted, m_stream->fill(m_streamed, std::span(piece).first(wanted)));
    if (count == 0) {
      enter(Phase::closed);
      return Step::wait;
    }
    m_wire.queue({piece.data(), count});
    m_streamed += count;
    made += count;
    if (made >= k_stream_per_turn) return Step::wait;
  }
  finish_answer();
  return Step::go_on;
}

void Connection::finish_answer() {
  const bool cut = m_stream && m_streamed < m_stream->length;
  const bool stall = cut && m_stream->at_cut == AtCut::stall;
  m_stream.reset();
  m_is_head = false;
  if (stall) return enter(m_half_closed ? Phase::closed : Phase::stalled);
  if (!cut && m_keep_alive == KeepAlive::yes) return enter(Phase::idle);
  m_wire.finish();
  m_input = {};
  enter(m_peer_done ? Phase::closed : Phase::lingering);
}

}  // namespace reelkeep::http
