#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/time.hpp"

#include "http/message.hpp"

namespace reelkeep::http {

/// What HTTP's start lines and heads look like is left to cpp-httplib, which works on memory here:
/// it takes request targets apart and words the heads of answers. Header values and bodies of
/// requests do not pass through it: it percent-decodes the former and unpacks the latter.
/// One thread.
class Codec {
 public:
  /// `keep_alive`: what the Keep-Alive header promises.
  explicit Codec(Duration keep_alive);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// Fills target, path and query of the request from an origin-form target. A status: refused.
  [[nodiscard]] std::optional<int> read_target(std::string_view target, Request& request);

  /// Status line and headers with the empty line.
  [[nodiscard]] std::string answer_head(const Response& response, std::uint64_t content_length,
                                        KeepAlive keep_alive);

 private:
  class Engine;
  std::unique_ptr<Engine> m_engine;
};

}  // namespace reelkeep::http
