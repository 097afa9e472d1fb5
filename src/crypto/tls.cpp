#include "crypto/tls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

namespace reelkeep {
namespace {

struct SslDeleter {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
struct ContextDeleter {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct FileDeleter {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// The newest of OpenSSL's own words; the queue is empty afterwards.
std::string last_words() {
  std::array<char, 256> buffer{};
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, buffer.data(), buffer.size());
  return buffer.data();
}

int piece_size(std::size_t size) noexcept {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

/// OpenSSL tells neither which file nor why it could not be opened.
Status check_readable(const std::string& file) {
  const std::unique_ptr<std::FILE, FileDeleter> opened(std::fopen(file.c_str(), "re"));
  if (!opened) return Error::from_errno(errno, "open " + file);
  return {};
}

/// A passphrase would be asked for on the terminal of a service that has none.
int refuse_passphrase(char*, int, int, void*) noexcept {
  return 0;
}

}  // namespace

class TlsSession::Engine {
 public:
  /// Both BIOs belong to the SSL object.
  Engine(SSL* ssl, BIO* incoming, BIO* outgoing)
      : m_ssl(ssl), m_incoming(incoming), m_outgoing(outgoing) {
    SSL_set_bio(ssl, incoming, outgoing);
    SSL_set_accept_state(ssl);
  }

  Status receive(std::string_view ciphertext, std::string& plaintext) {
    ERR_clear_error();
    while (!ciphertext.empty()) {
      const int written = BIO_write(m_incoming, ciphertext.data(), piece_size(ciphertext.size()));
      if (written <= 0) return broken();
      ciphertext.remove_prefix(static_cast<std::size_t>(written));
    }
    std::array<char, 16384> buffer{};  // one TLS record
    for (;;) {
      const int count = SSL_read(m_ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) {
        plaintext.append(buffer.data(), static_cast<std::size_t>(count));
        continue;
      }
      const int reason = SSL_get_error(m_ssl.get(), count);
      if (reason == SSL_ERROR_WANT_READ) return {};
      if (reason == SSL_ERROR_ZERO_RETURN) return {};
      return broken();
    }
  }

  Status send(std::string_view plaintext) {
    ERR_clear_error();
    while (!plaintext.empty()) {
      const int count = SSL_write(m_ssl.get(), plaintext.data(), piece_size(plaintext.size()));
      if (count <= 0) return broken();
      plaintext.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  void close() {
    if (m_broken || !established()) return;
    ERR_clear_error();
    SSL_shutdown(m_ssl.get());
    ERR_clear_error();
  }

  std::string take_outgoing() {
    std::string bytes(BIO_ctrl_pending(m_outgoing), '\0');
    if (bytes.empty()) return bytes;
    const int count = BIO_read(m_outgoing, bytes.data(), piece_size(bytes.size()));
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

  [[nodiscard]] bool established() const noexcept { return SSL_is_init_finished(m_ssl.get()) == 1; }
  [[nodiscard]] bool peer_closed() const noexcept {
    return (SSL_get_shutdown(m_ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 private:
  Error broken() {
    m_broken = true;
    return Error{Errc::corrupt, "TLS: " + last_words()};
  }

  std::unique_ptr<SSL, SslDeleter> m_ssl;
  BIO* m_incoming;
  BIO* m_outgoing;
  bool m_broken = false;  ///< SSL_shutdown must not follow a fatal error
};

TlsSession::TlsSession(std::unique_ptr<Engine> engine) : m_engine(std::move(engine)) {}
TlsSession::~TlsSession() = default;
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
Status TlsSession::receive(std::string_view ciphertext, std::string& plaintext) {
  return m_engine->receive(ciphertext, plaintext);
}
Status TlsSession::send(std::string_view plaintext) {
  return m_engine->send(plaintext);
}
void TlsSession::close() {
  m_engine->close();
}
std::string TlsSession::take_outgoing() {
  return m_engine->take_outgoing();
}
bool TlsSession::established() const noexcept {
  return m_engine->established();
}
bool TlsSession::peer_closed() const noexcept {
  return m_engine->peer_closed();
}

class TlsServerContext::Loaded {
 public:
  explicit Loaded(SSL_CTX* context) : m_context(context) {}
  [[nodiscard]] SSL_CTX* get() const noexcept { return m_context.get(); }

 private:
  std::unique_ptr<SSL_CTX, ContextDeleter> m_context;
};

TlsServerContext::TlsServerContext(std::unique_ptr<Loaded> loaded) : m_loaded(std::move(loaded)) {}
TlsServerContext::~TlsServerContext() = default;
TlsServerContext::TlsServerContext(TlsServerContext&&) noexcept = default;
TlsServerContext& TlsServerContext::operator=(TlsServerContext&&) noexcept = default;

Result<TlsServerContext> TlsServerContext::load(const std::string& certificate_file,
                                                const std::string& key_file) {
  REELKEEP_TRY(check_readable(certificate_file));
  REELKEEP_TRY(check_readable(key_file));
  ERR_clear_error();
  auto loaded = std::make_unique<Loaded>(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = loaded->get();
  if (context == nullptr) return Error{Errc::unavailable, "set up TLS: " + last_words()};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    return Error{Errc::invalid, certificate_file + " holds no PEM certificate: " + last_words()};
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return Error{Errc::invalid, key_file + " holds no PEM key without passphrase that fits " +
                                    certificate_file + ": " + last_words()};
  if (SSL_CTX_check_private_key(context) != 1)
    return Error{Errc::invalid, "the key in " + key_file + " does not fit the certificate in " +
                                    certificate_file + ": " + last_words()};
  return TlsServerContext(std::move(loaded));
}

Result<TlsSession> TlsServerContext::accept() const {
  std::unique_ptr<SSL, SslDeleter> ssl(SSL_new(m_loaded->get()));
  BIO* incoming = BIO_new(BIO_s_mem());
  BIO* outgoing = BIO_new(BIO_s_mem());
  if (!ssl || incoming == nullptr || outgoing == nullptr) {
    BIO_free(incoming);
    BIO_free(outgoing);
    return Error{Errc::unavailable, "set up a TLS connection: " + last_words()};
  }
  BIO_set_mem_eof_return(incoming, -1);
  return TlsSession(std::make_unique<TlsSession::Engine>(ssl.release(), incoming, outgoing));
}

}  // namespace reelkeep
