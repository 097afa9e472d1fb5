#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"

#include "http/message.hpp"

namespace reelkeep::http {

class Ticket;

/// The right to answer one request, once. Copies are the same right; any thread, also after the
/// client or the server is gone (the answer is then dropped). A second answer is ignored. When the
/// last copy dies unused the request is answered 500, so that no client waits for ever.
class Responder {
 public:
  explicit Responder(std::shared_ptr<Ticket> ticket) noexcept;
  void respond(Response response) const;

 private:
  std::shared_ptr<Ticket> m_ticket;  // shared: the copies answer for one request together
};

struct TlsFiles {
  std::string certificate;  ///< PEM, the chain included
  std::string key;          ///< PEM
};

/// Both run on the server thread and must not block.
struct Handler {
  /// Receives each complete request.
  std::function<void(Request, Responder)> on_request;
  /// Optional: sees the request before its body is read; an answer refuses it, the body is dropped.
  std::function<std::optional<Response>(const Request&)> on_head = nullptr;
};

struct ServerOptions {
  std::string listen;  ///< "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0: any free one
  ByteCount max_body = 1_MiB;
  ByteCount max_head = 16_KiB;
  /// Also bounded by three quarters of the process's descriptor limit. Beyond it the connection
  /// that has been idle for longest is closed.
  std::size_t max_connections = 4096;
  Duration request_timeout = std::chrono::seconds(10);  ///< first to last byte of a request
  Duration idle_timeout = std::chrono::minutes(5);      ///< between requests
  Duration write_timeout = std::chrono::seconds(60);    ///< the peer takes nothing of an answer
  std::optional<TlsFiles> tls = std::nullopt;
  std::string thread_name = "http";
};

struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;   ///< given to the handler
  std::uint64_t malformed = 0;  ///< answered 400, 431, 501 or 505 by the server itself
  std::uint64_t too_large = 0;  ///< answered 413
  std::uint64_t timed_out = 0;  ///< too slow: request, write or TLS handshake
  std::uint64_t evicted = 0;
  std::uint64_t open = 0;  ///< connections now
};

/// HTTP/1.1 server on one thread of its own that owns listener and connections: epoll,
/// non-blocking, keep-alive without a limit, pipelining, chunked requests, TLS 1.2+ on request. A
/// request whose framing could be read in two ways is refused with 400 and its connection closed.
/// All methods from any thread. Destruction is stop() without grace.
class Server {
 public:
  /// Binds, listens and starts the thread. Errors: invalid (address, TLS files), conflict (address
  /// in use), unauthorized (port below 1024), unavailable.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;

  /// "127.0.0.1:PORT" with the real port.
  [[nodiscard]] virtual const std::string& address() const noexcept = 0;
  /// "http://127.0.0.1:PORT" or https.
  [[nodiscard]] virtual const std::string& origin() const noexcept = 0;
  /// Reads certificate and key again; new connections use them. On error the old ones stay.
  virtual Status reload_tls() = 0;
  /// Stops accepting, closes what is idle, lets answers in flight finish for at most `grace`, ends
  /// the thread. Idempotent. Not from the server thread.
  virtual void stop(Duration grace) = 0;
  /// Since the loop last turned (it turns once a second when nothing happens): for the watchdog.
  [[nodiscard]] virtual Duration loop_age() const noexcept = 0;
  [[nodiscard]] virtual ServerCounters counters() const noexcept = 0;
};

}  // namespace reelkeep::http
