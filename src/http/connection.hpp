#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/time.hpp"

#include "http/body.hpp"
#include "http/codec.hpp"
#include "http/head.hpp"
#include "http/message.hpp"
#include "http/wire.hpp"

namespace reelkeep::http {

struct Limits {
  std::uint64_t max_body = 0;
  std::size_t max_head = 0;
  Duration request_timeout{};
  Duration idle_timeout{};
  Duration write_timeout{};
};

/// What a connection needs of the server that owns it. Loop thread.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual std::optional<Response> on_head(const Request& request) = 0;
  /// The answer comes by Connection::answer(), never from within this call.
  virtual void on_request(std::uint64_t connection, Request request) = 0;
  virtual void on_refused(int status) = 0;
  virtual void on_timed_out() = 0;
  [[nodiscard]] virtual KeepAlive keep_alive() const = 0;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual const Limits& limits() const = 0;
  virtual Codec& codec() = 0;
};

/// One client. Each step goes as far as it can without waiting; the owner then asks what to wait
/// for. At most one request is in hand; what the client sends ahead waits in the socket. Loop
/// thread only; owns its socket.
class Connection {
 public:
  enum class Phase {
    handshake,
    idle,  ///< no byte of the next request yet
    head,
    body,
    in_hand,  ///< with the handler
    answering,
    stalled,    ///< a failure drill: silent until the peer leaves
    pacing,     ///< a failure drill: the next piece of a slow body is not due yet
    lingering,  ///< answered and half closed: what still arrives is dropped, so that the client can
                ///< read the answer instead of getting a reset
    closed,
  };

  Connection(std::uint64_t id, Wire wire, std::string remote, ConnectionOwner& owner);

  void on_readable();
  void on_writable();
  void on_peer_done();  ///< the peer sends no more
  void on_deadline();
  void answer(Response response);

  [[nodiscard]] Phase phase() const noexcept { return m_phase; }
  [[nodiscard]] bool wants_read() const noexcept;
  [[nodiscard]] bool wants_write() const noexcept { return !m_wire.flushed(); }
  /// on_peer_done() was not called yet.
  [[nodiscard]] bool watches_peer() const noexcept { return !m_half_closed; }
  [[nodiscard]] int descriptor() const noexcept { return m_wire.descriptor(); }
  /// When on_deadline() is due; nothing: no limit.
  [[nodiscard]] std::optional<MonotonicTime> deadline() const noexcept;
  /// Since when it has been in this phase.
  [[nodiscard]] MonotonicTime since() const noexcept { return m_since; }

 private:
  enum class Step { go_on, wait };

  void advance();
  Step take_head();
  Step begin_request(Head head);
  Step take_body();
  Step send_on();
  [[nodiscard]] std::uint64_t due() const noexcept;
  void finish_answer();
  void refuse(int status, std::string_view reason);
  void send(Response response);
  void enter(Phase phase);
  void drop_read_ahead(std::size_t size);

  const std::uint64_t m_id;
  const std::string m_remote;
  ConnectionOwner& m_owner;
  Wire m_wire;
  Phase m_phase;
  MonotonicTime m_since;          ///< in this phase
  MonotonicTime m_request_since;  ///< first byte of the request
  MonotonicTime m_progress;       ///< the peer last took bytes of an answer
  std::string m_input;            ///< read from the socket, not yet used
  std::size_t m_scanned = 0;      ///< of m_input, for the end of a head
  bool m_half_closed = false;     ///< the peer sends no more; its last bytes may be unread
  bool m_peer_done = false;       ///< all that it sent was read

  // the request in hand
  Request m_request;
  BodyReader m_body;
  std::optional<Response> m_refusal;  ///< what on_head() said; sent once the body is dropped
  KeepAlive m_keep_alive = KeepAlive::yes;
  bool m_is_head = false;  ///< answered without body

  // the answer being sent
  std::optional<BodyStream> m_stream;
  std::uint64_t m_streamed = 0;
  MonotonicTime m_answer_since;  ///< the pace of a slow body counts from here
  std::uint64_t m_dropped = 0;   ///< while lingering
};

}  // namespace reelkeep::http
