#include "curl/transport.hpp"

#include <array>
#include <cctype>
#include <unistd.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::curl {
namespace {

/// Kernel to library in large pieces: the most that libcurl allows.
constexpr long k_receive_buffer = CURL_MAX_READ_SIZE;
/// Building the trust store takes 10 ms; a replaced file counts after this many seconds.
constexpr long k_trust_cache_s = 300;

/// Named outright, so that neither the build's default nor the environment decides.
std::string system_ca_file() {
  static constexpr std::array k_known{
      "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Alpine
      "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
      "/etc/ssl/ca-bundle.pem",              // openSUSE
      "/etc/ssl/cert.pem"};
  for (const char* path : k_known)
    if (::access(path, R_OK) == 0) return path;
  return k_known.front();
}

const std::string& ca_file_of(const Transport& transport) {
  static const std::string system = system_ca_file();
  return transport.ca_file.empty() ? system : transport.ca_file;
}

std::string plain_words(const char* text, CURLcode code) {
  std::string words = text::printable(*text != '\0' ? text : curl_easy_strerror(code));
  if (words.size() > 1 && std::islower(static_cast<unsigned char>(words[1])) != 0)
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  while (!words.empty() && (words.back() == '.' || words.back() == ' ')) words.pop_back();
  return words;
}

/// The values of OpenSSL's X509_V_ERR_*, which CURLINFO_SSL_VERIFYRESULT passes on.
std::string certificate_words(CURL* easy, const Url& url, const Transport& transport,
                              const char* error_buffer) {
  long result = 0;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
  const std::string trust = transport.ca_file.empty()
                                ? "the system's certificates; name its issuer "
                                  "in ca_file if it is your own"
                                : "ca_file " + transport.ca_file;
  // A wrong name is found by libcurl itself, which tells it in words only.
  if (std::string_view(error_buffer).find("subject name") != std::string_view::npos)
    return "certificate is for another name than " + url.host();
  switch (result) {
    case 9:
      return "certificate is not valid yet: compare the clocks";
    case 10:
      return "certificate has expired";
    case 18:
    case 19:
    case 20:
    case 21:
      return "certificate has an unknown issuer (trusted are " + trust + ")";
    default:
      return "certificate is not accepted: " +
             plain_words(error_buffer, CURLE_PEER_FAILED_VERIFICATION);
  }
}

std::string with_errno(CURL* easy, std::string what) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (number == 0) return what;
  return Error::from_errno(static_cast<int>(number), what).message;
}

}  // namespace

void configure(CURL* easy, const Transport& transport, char* error_buffer) {
  curl_easy_reset(easy);
  *error_buffer = '\0';
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_buffer);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "reelkeep/" REELKEEP_VERSION);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, k_receive_buffer);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(transport.connect_timeout.count()));

  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a signature covers the path as it is written
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  // An empty string, unlike none at all, keeps the environment's proxies out.
  curl_easy_setopt(easy, CURLOPT_PROXY, transport.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");

  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file_of(transport).c_str());
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, ca_file_of(transport).c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, k_trust_cache_s);
}

void address(CURL* easy, const Url& url, const Credential* credential) {
  curl_easy_setopt(easy, CURLOPT_URL, url.without_user_info().c_str());
  if (credential == nullptr) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, nullptr);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, nullptr);
    return;
  }
  // Basic as the only choice makes libcurl send the pair at once.
  curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(easy, CURLOPT_USERNAME, credential->username.c_str());
  curl_easy_setopt(easy, CURLOPT_PASSWORD, credential->password.reveal().c_str());
}

Error transport_error(CURL* easy, CURLcode code, const Url& url, const Transport& transport,
                      const char* error_buffer) {
  const auto fail = [&url](Errc errc, const std::string& what) {
    return Error{errc, url.authority() + ": " + what};
  };
  switch (static_cast<int>(code)) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(Errc::unavailable, "the name cannot be resolved");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return fail(Errc::unavailable, "the name of the proxy cannot be resolved");
    case CURLE_COULDNT_CONNECT:
      return fail(Errc::unavailable,
                  with_errno(easy, transport.proxy.empty() ? "cannot connect"
                                                           : "cannot connect through the proxy"));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(Errc::timeout, plain_words(error_buffer, code));
    case CURLE_GOT_NOTHING:
      return fail(Errc::unavailable, "closed the connection without an answer");
    case CURLE_PARTIAL_FILE:
      return fail(Errc::unavailable, "closed the connection before the end of the body");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return fail(Errc::unavailable,
                  with_errno(easy, "connection broke off: " + plain_words(error_buffer, code)));
    case CURLE_PEER_FAILED_VERIFICATION:
      return fail(Errc::unavailable, certificate_words(easy, url, transport, error_buffer));
    case CURLE_SSL_CACERT_BADFILE:
      return fail(Errc::invalid,
                  "trusted certificates cannot be read from ca_file " + ca_file_of(transport));
    case CURLE_SSL_CONNECT_ERROR:
      return fail(Errc::unavailable, "no TLS connection: " + plain_words(error_buffer, code));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return fail(Errc::unavailable,
                  "the answer is not understood: " + plain_words(error_buffer, code));
    case CURLE_OUT_OF_MEMORY:
      // libcurl's word also for a header line that is longer than it takes.
      return fail(Errc::unavailable,
                  "the answer has a header line of more than 100 KiB, or memory ran out");
    default:
      return fail(Errc::unavailable, plain_words(error_buffer, code));
  }
}

}  // namespace reelkeep::curl
