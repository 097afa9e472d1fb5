#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

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
  /// What the head of an answer depends on.
  using HeadOf = std::tuple<int, Headers, std::uint64_t, KeepAlive>;

  std::unique_ptr<Engine> m_engine;
  // What it said last: deliveries are posted to one path and answered alike.
  std::string m_encoded_path;  ///< empty: none yet
  std::string m_path;
  HeadOf m_head_of;
  std::string m_head;  ///< empty: none yet
};

}  // namespace reelkeep::http
