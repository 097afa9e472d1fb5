#include "support/scripted_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::testing {
namespace {

/// "bytes=N-" and nothing else.
std::optional<std::size_t> range_start(const SeenRequest& request) {
  const auto range = request.header("range");
  if (!range || !range->starts_with("bytes=") || range->back() != '-') return std::nullopt;
  return std::stoul(range->substr(6));
}

}  // namespace

std::optional<std::string> SeenRequest::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_name) return value;
  return std::nullopt;
}

bool ServerConnection::send(std::string_view bytes) {
  while (!bytes.empty() && m_socket) {
    std::array<pollfd, 2> polled{pollfd{m_socket.get(), POLLOUT, 0},
                                 pollfd{m_stop_event, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0) return false;
    if (polled[1].revents != 0) return false;
    const ssize_t sent =
        ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return static_cast<bool>(m_socket);
}

void ServerConnection::close() {
  if (!m_socket) return;
  ::shutdown(m_socket.get(), SHUT_WR);
  m_socket.reset();
}

void ServerConnection::reset() {
  const linger at_once{1, 0};
  ::setsockopt(m_socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  m_socket.reset();
}

bool ServerConnection::wait_until_closed(std::chrono::milliseconds time) {
  std::array<pollfd, 2> polled{pollfd{m_socket.get(), POLLRDHUP, 0},
                               pollfd{m_stop_event, POLLIN, 0}};
  return ::poll(polled.data(), polled.size(), static_cast<int>(time.count())) != 0;
}

bool ServerConnection::fill() {
  std::array<pollfd, 2> polled{pollfd{m_socket.get(), POLLIN, 0}, pollfd{m_stop_event, POLLIN, 0}};
  if (::poll(polled.data(), polled.size(), -1) < 0 || polled[1].revents != 0) return false;
  std::array<char, 65536> bytes{};
  const ssize_t count = ::recv(m_socket.get(), bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  m_received.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<SeenRequest> ServerConnection::receive() {
  if (!m_socket) return std::nullopt;
  std::size_t end = 0;
  while ((end = m_received.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return std::nullopt;
  SeenRequest request;
  bool is_first = true;
  for (std::string_view line : text::split(std::string_view(m_received).substr(0, end), '\n')) {
    line = text::trim(line);
    if (is_first) {
      const auto parts = text::split(line, ' ');
      request.method = parts.at(0);
      request.target = parts.at(1);
      is_first = false;
      continue;
    }
    const auto colon = line.find(':');
    request.headers.emplace_back(text::lower(line.substr(0, colon)),
                                 text::trim(line.substr(colon + 1)));
  }
  m_received.erase(0, end + 4);
  const std::size_t length = std::stoul(request.header("content-length").value_or("0"));
  while (m_received.size() < length)
    if (!fill()) return std::nullopt;
  request.body = m_received.substr(0, length);
  m_received.erase(0, length);
  return request;
}

std::string http_answer(std::string_view status, const std::vector<std::string>& headers,
                        std::string_view body) {
  std::string answer = "HTTP/1.1 " + std::string(status) + "\r\n";
  for (const std::string& line : headers) answer += line + "\r\n";
  answer += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  answer += body;
  return answer;
}

ScriptedServer::ScriptedServer()
    : m_listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      m_stop_event(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(m_listener.get(), generic, length) != 0 || ::listen(m_listener.get(), 128) != 0 ||
      ::getsockname(m_listener.get(), generic, &length) != 0)
    throw std::runtime_error("the scripted server cannot listen");
  m_port = ntohs(address.sin_port);
  m_acceptor = std::jthread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  ::eventfd_write(m_stop_event.get(), 1);
  m_acceptor.join();
  m_connections.clear();
}

void ScriptedServer::on(const std::string& path, Behaviour behaviour) {
  std::lock_guard lock(m_mutex);
  m_behaviours[path] = std::move(behaviour);
}

void ScriptedServer::on(const std::string& path, std::string answer) {
  on(path, [answer = std::move(answer)](ServerConnection& connection, const SeenRequest&) {
    connection.send(answer);
  });
}

void ScriptedServer::serve(const std::string& path, std::string content, std::string etag) {
  on(path, [content = std::move(content), etag = std::move(etag)](ServerConnection& connection,
                                                                  const SeenRequest& request) {
    const auto start = range_start(request);
    const auto if_range = request.header("if-range");
    if (!start || (if_range && *if_range != etag)) {
      connection.send(http_answer("200 OK", {"ETag: " + etag}, content));
    } else if (*start >= content.size()) {
      connection.send(http_answer("416 Range Not Satisfiable",
                                  {"Content-Range: bytes */" + std::to_string(content.size())},
                                  "<html>416</html>"));
    } else {
      connection.send(
          http_answer("206 Partial Content",
                      {"ETag: " + etag, "Content-Range: bytes " + std::to_string(*start) + "-" +
                                            std::to_string(content.size() - 1) + "/" +
                                            std::to_string(content.size())},
                      std::string_view(content).substr(*start)));
    }
  });
}

std::string ScriptedServer::authority() const {
  return "127.0.0.1:" + std::to_string(m_port);
}

std::string ScriptedServer::url(const std::string& target) const {
  return "http://" + authority() + target;
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  std::lock_guard lock(m_mutex);
  return m_seen;
}

std::vector<SeenRequest> ScriptedServer::seen(const std::string& path) const {
  std::vector<SeenRequest> found;
  for (SeenRequest& request : seen())
    if (request.path() == path) found.push_back(std::move(request));
  return found;
}

void ScriptedServer::accept_all() {
  int number = 0;
  while (true) {
    std::array<pollfd, 2> polled{pollfd{m_listener.get(), POLLIN, 0},
                                 pollfd{m_stop_event.get(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 || polled[1].revents != 0) return;
    const int socket = ::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++number;
    m_connections.emplace_back([this, socket, number] { serve_connection(socket, number); });
  }
}

std::optional<ScriptedServer::Behaviour> ScriptedServer::behaviour_of(
    const std::string& path) const {
  std::lock_guard lock(m_mutex);
  const auto found = m_behaviours.find(path);
  if (found == m_behaviours.end()) return std::nullopt;
  return found->second;
}

void ScriptedServer::serve_connection(int socket, int number) {
  ServerConnection connection(socket, m_stop_event.get());
  while (auto request = connection.receive()) {
    request->connection = number;
    {
      std::lock_guard lock(m_mutex);
      m_seen.push_back(*request);
    }
    if (const auto behaviour = behaviour_of(request->path()))
      (*behaviour)(connection, *request);
    else
      connection.send(http_answer("404 Not Found", {}, "no such file"));
  }
}

}  // namespace reelkeep::testing
