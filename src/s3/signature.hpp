#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"

/// AWS Signature Version 4 as S3 wants it: paths are encoded once and never normalised. Pure.
/// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
namespace reelkeep::s3 {

struct AccessKey {
  std::string id;
  Secret secret;
  Secret session_token;  ///< of temporary credentials; empty: none
  friend bool operator==(const AccessKey&, const AccessKey&) = default;
};

struct Scope {
  std::string region;
  std::string service = "s3";
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// A request as it is signed; nothing in it is encoded.
struct Signable {
  std::string method = "GET";
  std::string host;        ///< as in the Host header
  std::string path = "/";  ///< begins with '/'
  Pairs query;
  Pairs headers;        ///< without Host; all of them are signed
  std::string payload;  ///< hex SHA-256 of the body
};

/// The path and the query as they have to be written into the request for the signature to hold.
[[nodiscard]] std::string encoded_path(std::string_view path);
[[nodiscard]] std::string encoded_query(const Pairs& query);

/// The value of the Authorization header. `request.headers` hold x-amz-date (amz_date(now)), and
/// whatever else is sent.
[[nodiscard]] std::string authorization(const Signable& request, const AccessKey& key,
                                        const Scope& scope, Timestamp now);

/// The query of a URL that anybody may use until `lifetime` (whole seconds, at most 7 days) is
/// over. `request.headers` are those that the user of the URL has to send, normally none.
[[nodiscard]] std::string presigned_query(const Signable& request, const AccessKey& key,
                                          const Scope& scope, Timestamp now,
                                          std::chrono::seconds lifetime);

/// "20130524T000000Z".
[[nodiscard]] std::string amz_date(Timestamp time);

}  // namespace reelkeep::s3
