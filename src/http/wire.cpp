#include "http/wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace reelkeep::http {

Wire::Wire(UniqueFd socket, std::optional<TlsSession> tls)
    : m_socket(std::move(socket)), m_tls(std::move(tls)) {}

std::optional<std::size_t> Wire::read_socket(char* buffer, std::size_t size) {
  if (m_state != WireState::open) return std::nullopt;
  ssize_t count = 0;
  do count = ::recv(m_socket.get(), buffer, size, 0);
  while (count < 0 && errno == EINTR);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0)
    m_state = WireState::peer_done;
  else if (errno != EAGAIN && errno != EWOULDBLOCK)
    m_state = WireState::broken;
  return std::nullopt;
}

std::size_t Wire::receive(std::string& plaintext, std::size_t most) {
  std::size_t total = 0;
  std::array<char, 16384> buffer;  // filled by recv() before it is read
  while (total < most) {
    const auto count = read_socket(buffer.data(), buffer.size());
    if (!count) break;
    total += *count;
    if (!m_tls) {
      plaintext.append(buffer.data(), *count);
    } else {
      const auto received = m_tls->receive({buffer.data(), *count}, plaintext);
      collect_ciphertext();
      if (!received) {
        flush();  // the alert, if the socket takes it
        m_state = WireState::broken;
      } else if (m_tls->peer_closed()) {
        m_state = WireState::peer_done;
      }
    }
    if (*count < buffer.size()) break;
  }
  return total;
}

std::size_t Wire::discard(std::size_t most) {
  std::size_t total = 0;
  std::array<char, 16384> buffer;  // never read
  while (total < most) {
    const auto count = read_socket(buffer.data(), buffer.size());
    if (!count) break;
    total += *count;
  }
  return total;
}

void Wire::queue(std::string_view plaintext) {
  if (m_state == WireState::broken) return;
  if (!m_tls) {
    m_outgoing.append(plaintext);
  } else {
    if (!m_tls->send(plaintext)) m_state = WireState::broken;
    collect_ciphertext();
  }
}

void Wire::collect_ciphertext() {
  m_outgoing.append(m_tls->take_outgoing());
}

std::size_t Wire::flush() {
  std::size_t total = 0;
  while (!flushed() && m_state != WireState::broken) {
    const auto count = ::send(m_socket.get(), m_outgoing.data() + m_sent,
                              m_outgoing.size() - m_sent, MSG_NOSIGNAL);
    if (count > 0) {
      m_sent += static_cast<std::size_t>(count);
      total += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return total;
    } else if (errno != EINTR) {
      m_state = WireState::broken;
    }
  }
  if (flushed()) {
    m_sent = 0;
    // A large answer's memory is not kept for a connection that may be idle for long.
    if (m_outgoing.capacity() > 65536)
      m_outgoing = {};
    else
      m_outgoing.clear();
  }
  return total;
}

void Wire::finish() {
  if (m_tls) {
    m_tls->close();
    collect_ciphertext();
    flush();
  }
  ::shutdown(m_socket.get(), SHUT_WR);
}

}  // namespace reelkeep::http
