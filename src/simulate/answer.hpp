#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.hpp"
#include "simulate/plan.hpp"

namespace reelkeep::simulate {

/// Query of the URL that Failure::Kind::redirect leads to: a stand-in for a signature.
inline constexpr std::string_view k_signed_query = "X-Amz-Signature=simulated";

struct FileRequest {
  const http::Request& request;
  std::uint64_t earlier = 0;  ///< authorized requests for the same path before this one
  bool redirected = false;    ///< it came by a redirect: that failure is over
  std::string_view scheme = "http";
};

/// The answer to an authorized GET: Range, If-Range, validators, and the failures of the file. A
/// stream in it computes the bytes while they are sent; nothing of `file` is kept. Pure.
http::Response answer_file(const SimulatedFile& file, Timestamp modified,
                           const FileRequest& request);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(Timestamp time);

}  // namespace reelkeep::simulate
