#include "curl/server_request.hpp"

#include <algorithm>
#include <span>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "curl/host_key.hpp"
#include "curl/server_path.hpp"
#include "curl/transport.hpp"

namespace reelkeep::curl {
namespace {

using Protocol = ServerAccess::Protocol;

constexpr std::size_t k_longest_listing = 16UL * 1024 * 1024;
constexpr long k_slowest_bytes_per_second = 1024;

bool is_ssh(Protocol protocol) {
  return protocol == Protocol::sftp || protocol == Protocol::scp;
}

}  // namespace

Result<ServerRequest::Told> ServerRequest::run(Want want, std::string_view scheme,
                                               const std::string& path) {
  if (m_interrupted) return Error{Errc::cancelled, "stopped"};
  const PipeSignalBlocked signals;
  m_want = want;
  m_last_sign = std::chrono::steady_clock::now();
  set_up(want, url_at_server(scheme, path, m_access));
  m_code = curl_easy_perform(m_easy);

  Told told;
  told.size = told_size();
  curl_off_t time = -1;
  if (curl_easy_getinfo(m_easy, CURLINFO_FILETIME_T, &time) == CURLE_OK) told.time = time;
  std::optional<Error> error;
  if (m_failure)
    error = m_failure;
  else if (m_code != CURLE_OK && !m_size_is_known)
    error = explain(path);
  curl_easy_reset(m_easy);  // it points into this object
  if (error) return *std::move(error);
  told.names = std::move(m_names);
  return told;
}

void ServerRequest::set_up(Want want, const std::string& url) {
  configure(m_easy, Transport{m_access.ca_file, "", m_access.connect_timeout},
            m_error_buffer.data());
  curl_easy_setopt(m_easy, CURLOPT_PROTOCOLS_STR, "ftp,ftps,sftp,scp");
  curl_easy_setopt(m_easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(m_easy, CURLOPT_WRITEFUNCTION, &ServerRequest::on_bytes);
  curl_easy_setopt(m_easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(m_easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(m_easy, CURLOPT_XFERINFOFUNCTION, &ServerRequest::on_progress);
  curl_easy_setopt(m_easy, CURLOPT_XFERINFODATA, this);
  const auto stall = std::chrono::ceil<std::chrono::seconds>(m_access.stall_timeout).count();
  curl_easy_setopt(m_easy, CURLOPT_LOW_SPEED_LIMIT, k_slowest_bytes_per_second);
  curl_easy_setopt(m_easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall));
  curl_easy_setopt(m_easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(stall));
  curl_easy_setopt(m_easy, CURLOPT_FILETIME, 1L);
  if (m_commands.get() != nullptr) curl_easy_setopt(m_easy, CURLOPT_QUOTE, m_commands.get());
  set_login();
  if (is_ssh(m_access.protocol)) {
    curl_easy_setopt(m_easy, CURLOPT_SSH_HOSTKEYFUNCTION, &ServerRequest::on_host_key);
    curl_easy_setopt(m_easy, CURLOPT_SSH_HOSTKEYDATA, this);
  } else {
    // Folders are entered only to prove that something is absent.
    curl_easy_setopt(
        m_easy, CURLOPT_FTP_FILEMETHOD,
        static_cast<long>(want == Want::names ? CURLFTPMETHOD_SINGLECWD : CURLFTPMETHOD_NOCWD));
    if (m_access.protocol != Protocol::ftp)
      curl_easy_setopt(m_easy, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  }
  // By SSH a size comes only with the first bytes of a file: those are not taken.
  const bool without_body =
      want == Want::commands || (want == Want::size && !is_ssh(m_access.protocol));
  curl_easy_setopt(m_easy, CURLOPT_NOBODY, without_body ? 1L : 0L);
  if (want == Want::names) curl_easy_setopt(m_easy, CURLOPT_DIRLISTONLY, 1L);
  if (want == Want::bytes)
    curl_easy_setopt(m_easy, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(m_offset.get()));
}

void ServerRequest::set_login() {
  curl_easy_setopt(m_easy, CURLOPT_USERNAME, m_access.username.c_str());
  curl_easy_setopt(m_easy, CURLOPT_PASSWORD, m_access.password.reveal().c_str());
  if (!is_ssh(m_access.protocol)) return;
  // Named outright: neither an agent nor keys in a home directory are tried.
  if (m_access.private_key_file.empty()) {
    curl_easy_setopt(m_easy, CURLOPT_SSH_AUTH_TYPES,
                     static_cast<long>(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD));
    return;
  }
  curl_easy_setopt(m_easy, CURLOPT_SSH_AUTH_TYPES, static_cast<long>(CURLSSH_AUTH_PUBLICKEY));
  curl_easy_setopt(m_easy, CURLOPT_SSH_PRIVATE_KEYFILE, m_access.private_key_file.c_str());
  if (!m_access.private_key_passphrase.empty())
    curl_easy_setopt(m_easy, CURLOPT_KEYPASSWD, m_access.private_key_passphrase.reveal().c_str());
}

std::optional<ByteCount> ServerRequest::told_size() const {
  curl_off_t length = -1;
  if (curl_easy_getinfo(m_easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK ||
      length < 0)
    return std::nullopt;
  return ByteCount(static_cast<std::uint64_t>(length));
}

std::size_t ServerRequest::on_bytes(char* bytes, std::size_t size, std::size_t count,
                                    void* self) noexcept {
  auto& request = *static_cast<ServerRequest*>(self);
  try {
    return request.take(std::as_bytes(std::span<const char>(bytes, size * count)));
  } catch (const std::exception& exception) {
    request.m_failure = Error{Errc::internal, exception.what()};
    return 0;
  }
}

std::size_t ServerRequest::take(std::span<const std::byte> bytes) {
  m_seen += bytes.size();
  switch (m_want) {
    case Want::commands:
      return bytes.size();
    case Want::size:
      if (!is_ssh(m_access.protocol)) return bytes.size();  // the size, written like a header
      m_size_is_known = told_size().has_value();
      if (!m_size_is_known)
        m_failure = Error{Errc::unavailable, m_access.host + " does not tell the size of a file"};
      return 0;
    case Want::names:
      if (m_names.size() + bytes.size() > k_longest_listing) {
        m_failure = Error{Errc::unavailable, "the listing of a folder is longer than 16 MiB"};
        return 0;
      }
      m_names.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return bytes.size();
    case Want::bytes:
      break;
  }
  const Status taken = (*m_sink)(bytes);
  if (taken) return bytes.size();
  m_failure = taken.error();
  return 0;
}

int ServerRequest::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t,
                               curl_off_t) noexcept {
  auto& request = *static_cast<ServerRequest*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (request.m_seen != request.m_seen_before) {
    request.m_seen_before = request.m_seen;
    request.m_last_sign = now;
  }
  try {
    if (request.m_interrupted)
      request.m_failure = Error{Errc::cancelled, "stopped"};
    else if (now - request.m_last_sign >
             request.m_access.stall_timeout + request.m_access.connect_timeout)
      request.m_failure =
          Error{Errc::timeout, request.m_access.host + " does not go on: no byte and no answer"};
  } catch (const std::exception&) {
    return 1;
  }
  return request.m_failure ? 1 : 0;
}

int ServerRequest::on_host_key(void* self, int, const char* key, std::size_t size) noexcept {
  auto& request = *static_cast<ServerRequest*>(self);
  try {
    const std::string shown = fingerprint_of({key, size});
    const auto& expected = request.m_access.host_keys;
    if (std::find(expected.begin(), expected.end(), shown) != expected.end()) return CURLKHMATCH_OK;
    request.m_shown_key = shown;
  } catch (const std::exception&) {
    request.m_shown_key = "one that could not be looked at";
  }
  return CURLKHMATCH_MISMATCH;
}

/// The one place that says what a failure of these protocols means.
Error ServerRequest::explain(const std::string& path) const {
  const auto server = Url::parse(
      (is_ssh(m_access.protocol) ? "sftp://" : "ftp://") +
      (m_access.host.find(':') == std::string::npos ? m_access.host : "[" + m_access.host + "]") +
      (m_access.port == 0 ? "" : ":" + std::to_string(m_access.port)) + "/");
  if (!server) return server.error().within("host in [[destination]]");
  const std::string at = server->authority();
  const std::string named = text::printable(path);
  const std::string said = text::printable(m_error_buffer.data());
  if (!m_shown_key.empty())
    return {Errc::unauthorized,
            at + " shows the host key " + m_shown_key +
                ", which is not the one in host_key: somebody else may answer there. If the "
                "server's key was changed on purpose, correct host_key in [[destination]]"};
  switch (static_cast<int>(m_code)) {
    case CURLE_LOGIN_DENIED:
      return {Errc::unauthorized,
              at + " refuses the login of \"" + m_access.username + "\": correct username and " +
                  (m_access.private_key_file.empty() ? "password" : "private_key_file") +
                  " in [[destination]]"};
    case CURLE_REMOTE_FILE_NOT_FOUND:
      return {Errc::not_found, at + ": there is no " + named};
    case CURLE_REMOTE_ACCESS_DENIED:
      return {Errc::unauthorized, at + ": \"" + m_access.username + "\" may not reach " + named};
    case CURLE_USE_SSL_FAILED:
      return {Errc::unavailable, at + " offers no TLS: write tls = \"none\" in [[destination]] if "
                                      "password and recordings may travel unencrypted"};
    case CURLE_QUOTE_ERROR:
      return {Errc::unavailable, at + " refuses to rename " + named + ": " + said};
    default:
      break;
  }
  return transport_error(m_easy, m_code, *server,
                         Transport{m_access.ca_file, "", m_access.connect_timeout},
                         m_error_buffer.data());
}

}  // namespace reelkeep::curl
