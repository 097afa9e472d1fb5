#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep {

/// The server side of one TLS connection over memory: whoever owns the socket moves the bytes.
/// One thread at a time. May outlive the context that it came from.
class TlsSession {
 public:
  class Engine;
  explicit TlsSession(std::unique_ptr<Engine> engine);
  ~TlsSession();
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;

  /// Bytes from the peer in; what they say is appended to `plaintext`. Errc::corrupt: not TLS, or
  /// nothing in common with the peer; take_outgoing() may still hold an alert for it.
  Status receive(std::string_view ciphertext, std::string& plaintext);
  /// After the handshake only.
  Status send(std::string_view plaintext);
  /// Says goodbye to the peer (close_notify) where the handshake was finished.
  void close();
  /// Bytes for the peer; empty: none.
  std::string take_outgoing();
  [[nodiscard]] bool established() const noexcept;
  /// The peer said that nothing more comes.
  [[nodiscard]] bool peer_closed() const noexcept;

 private:
  std::unique_ptr<Engine> m_engine;
};

/// Certificate and key of a server: TLS 1.2 and 1.3. Any thread once loaded.
class TlsServerContext {
 public:
  /// PEM files, the certificate's with its chain. Errors: not_found, unauthorized, invalid (no PEM,
  /// a key with a passphrase, or one that does not fit the certificate); they name the file.
  static Result<TlsServerContext> load(const std::string& certificate_file,
                                       const std::string& key_file);
  ~TlsServerContext();
  TlsServerContext(TlsServerContext&&) noexcept;
  TlsServerContext& operator=(TlsServerContext&&) noexcept;

  /// Errc::unavailable: no memory.
  [[nodiscard]] Result<TlsSession> accept() const;

 private:
  class Loaded;
  explicit TlsServerContext(std::unique_ptr<Loaded> loaded);
  std::unique_ptr<Loaded> m_loaded;
};

}  // namespace reelkeep
