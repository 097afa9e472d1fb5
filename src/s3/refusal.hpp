#pragma once

#include <optional>
#include <string>

#include "reelkeep/base/time.hpp"
#include "reelkeep/port/http_client.hpp"

#include "s3/answers.hpp"

namespace reelkeep::s3 {

/// What was asked for when a server refused.
struct Asked {
  std::string endpoint;
  std::string bucket;
  std::string region;
  std::string method;
  std::string key;
  Timestamp now;
  std::string block = "[[store]]";  ///< of the configuration, to be corrected
};

/// The one place that maps S3 errors: what it is, in words, and what to do.
Error explain(const HttpAnswer& answer, const std::optional<Refusal>& refusal, const Asked& asked);

/// The time of a Date header (RFC 9110); nothing: it is none.
std::optional<Timestamp> parse_http_date(std::string_view text);

}  // namespace reelkeep::s3
