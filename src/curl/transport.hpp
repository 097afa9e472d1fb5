#pragma once

#include <curl/curl.h>
#include <string>

#include "reelkeep/base/error.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep::curl {

/// How to reach any server, as the operator configured it.
struct Transport {
  std::string ca_file;  ///< empty: the system's
  std::string proxy;    ///< empty: none
  Duration connect_timeout{10'000};
};

/// What every request has in common: HTTP/1.1 over http and https only, TLS 1.2 or newer with peer
/// and host verified against exactly one trust store, no proxy or trust from the environment, no
/// redirects, no signals. Resets `easy` first.
/// `error_buffer` (CURL_ERROR_SIZE) must outlive the request.
void configure(CURL* easy, const Transport& transport, char* error_buffer);

/// Writes URL and, where there is one, the pair (sent without waiting for a challenge).
void address(CURL* easy, const Url& url, const Credential* credential);

/// The one place that maps CURLcode. `easy` must still hold the state of the failed request.
/// The message names the host, never path, query or user info.
Error transport_error(CURL* easy, CURLcode code, const Url& url, const Transport& transport,
                      const char* error_buffer);

}  // namespace reelkeep::curl
