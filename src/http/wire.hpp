#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/unique_fd.hpp"

#include "crypto/tls.hpp"

namespace reelkeep::http {

enum class WireState {
  open,
  peer_done,  ///< the peer sends no more; it may still read
  broken,     ///< nothing goes either way
};

/// A socket and, where it has one, its TLS: plaintext in and out, never blocking.
/// Loop thread only.
class Wire {
 public:
  Wire(UniqueFd socket, std::optional<TlsSession> tls);

  [[nodiscard]] int descriptor() const noexcept { return m_socket.get(); }
  [[nodiscard]] WireState state() const noexcept { return m_state; }
  [[nodiscard]] bool secured() const noexcept { return !m_tls || m_tls->established(); }

  /// Appends what has arrived, about `most` bytes at a time. Returns the bytes read from the
  /// socket: 0 says that nothing is there now, or that the state changed.
  std::size_t receive(std::string& plaintext, std::size_t most);
  /// Reads and forgets, without decryption.
  std::size_t discard(std::size_t most);
  /// Takes the bytes; flush() sends them.
  void queue(std::string_view plaintext);
  /// Sends as much as the socket takes now; returns how much that was.
  std::size_t flush();
  [[nodiscard]] bool flushed() const noexcept { return m_sent == m_outgoing.size(); }
  /// Tells the peer that no more comes; call when flushed.
  void finish();

 private:
  std::optional<std::size_t> read_socket(char* buffer, std::size_t size);
  void collect_ciphertext();

  UniqueFd m_socket;
  std::optional<TlsSession> m_tls;
  WireState m_state = WireState::open;
  std::string m_outgoing;
  std::size_t m_sent = 0;  ///< of m_outgoing
};

}  // namespace reelkeep::http
