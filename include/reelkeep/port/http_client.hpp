#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"

namespace reelkeep {

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<Credential> credential;  ///< sent pre-emptively
  ByteCount max_answer = 16_MiB;
  Duration timeout{30'000};
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower case
  std::string body;
  /// The first of that name.
  [[nodiscard]] std::optional<std::string> header(const std::string& lower_name) const {
    for (const auto& [name, value] : headers)
      if (name == lower_name) return value;
    return std::nullopt;
  }
};

/// Small requests (API calls, simulate's posts). Any thread; blocking. No redirects are followed.
/// An answer of any status is a success; Errors: unavailable, timeout, corrupt (too large).
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;
};

}  // namespace reelkeep
