#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
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
  /// Gives the body instead of `body`, `body_size` bytes of it, as they are sent: fills as much of
  /// the span as there is from that offset on, at least one byte. It may be asked again from the
  /// start. Its Error becomes that of the request. Called on the sending thread.
  std::function<Result<std::size_t>(ByteCount offset, std::span<std::byte> into)> body_source;
  ByteCount body_size;
  /// Takes the body of an answer of 2xx as it arrives (HttpAnswer::body stays empty, max_answer
  /// does not count). Its Error becomes that of the request.
  std::function<Status(std::span<const std::byte> bytes)> answer_sink;
  std::optional<Credential> credential;  ///< sent pre-emptively
  ByteCount max_answer = 16_MiB;
  /// Of the whole; with body_source or answer_sink: without a KiB a second going either way.
  Duration timeout{30'000};
  /// Set by another thread: the request ends within about a second with Errc::cancelled. Borrowed.
  const std::atomic<bool>* cancelled = nullptr;
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

/// Requests of our own (API calls, uploads to S3, simulate's posts). Any thread; blocking. No
/// redirects are followed. An answer of any status is a success, also one that came before the body
/// was sent. Errors: unavailable, timeout, corrupt (too large), cancelled.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;
};

}  // namespace reelkeep
