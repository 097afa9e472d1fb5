#pragma once

#include <memory>
#include <string>

#include "reelkeep/port/http_client.hpp"

namespace reelkeep::curl {

struct HttpClientOptions {
  std::string ca_file;  ///< PEM; empty: the system's
  std::string proxy;    ///< empty: none, whatever the environment says
  Duration connect_timeout{10'000};
};

/// The HttpClient on libcurl: connections are kept and used again, also between threads.
/// Where a request goes is the operator's word: private addresses and plain http are allowed.
std::unique_ptr<HttpClient> make_http_client(HttpClientOptions options = {});

}  // namespace reelkeep::curl
