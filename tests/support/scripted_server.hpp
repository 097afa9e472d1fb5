#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::testing {

/// A request as it came over the wire.
struct SeenRequest {
  std::string method;
  std::string target;                                        ///< path and query
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  int connection = 0;  ///< which connection it came on, from 1

  [[nodiscard]] std::optional<std::string> header(std::string_view lower_name) const;
  [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
};

/// The server's end of one connection, for a behaviour to play with.
class ServerConnection {
 public:
  ServerConnection(int socket, int stop_event) : m_socket(socket), m_stop_event(stop_event) {}
  /// As it is, all of it; false: the peer has gone or the server stops.
  bool send(std::string_view bytes);
  /// FIN after what was sent.
  void close();
  /// RST: what the peer has not read yet may be lost.
  void reset();
  /// Waits until the peer closes or the server stops (true), or for `time` (false).
  bool wait_until_closed(std::chrono::milliseconds time = std::chrono::milliseconds(-1));
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(m_socket); }
  /// Head and body of the next request; nothing: no more.
  std::optional<SeenRequest> receive();

 private:
  bool fill();
  UniqueFd m_socket;
  int m_stop_event;
  std::string m_received;
};

/// "HTTP/1.1 {status}", the headers (each line without its end), Content-Length, body.
std::string http_answer(std::string_view status, const std::vector<std::string>& headers,
                        std::string_view body);

/// An HTTP server on an ephemeral port of the loopback that lies as told: one behaviour per path,
/// anything else is 404. Plain sockets, so that it can send what no server library would.
/// A thread per connection; behaviours must be thread-safe.
class ScriptedServer {
 public:
  using Behaviour = std::function<void(ServerConnection&, const SeenRequest&)>;

  ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  /// Ends all connections; behaviours that wait in wait_until_closed() return.
  ~ScriptedServer();

  void on(const std::string& path, Behaviour behaviour);
  /// The same answer each time.
  void on(const std::string& path, std::string answer);
  /// Serves `content` as a good server does: ranges, If-Range, a strong ETag.
  void serve(const std::string& path, std::string content, std::string etag = "\"v1\"");

  [[nodiscard]] std::uint16_t port() const noexcept { return m_port; }
  /// "127.0.0.1:port"
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string url(const std::string& target) const;
  [[nodiscard]] std::vector<SeenRequest> seen() const;
  [[nodiscard]] std::vector<SeenRequest> seen(const std::string& path) const;

 private:
  void accept_all();
  void serve_connection(int socket, int number);
  std::optional<Behaviour> behaviour_of(const std::string& path) const;

  UniqueFd m_listener;
  UniqueFd m_stop_event;
  std::uint16_t m_port = 0;
  mutable std::mutex m_mutex;
  std::map<std::string, Behaviour> m_behaviours;  // guarded by m_mutex
  std::vector<SeenRequest> m_seen;                // guarded by m_mutex
  std::list<std::jthread> m_connections;          ///< the acceptor's only
  std::jthread m_acceptor;
};

}  // namespace reelkeep::testing
