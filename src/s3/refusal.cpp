#include "s3/refusal.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "reelkeep/base/text.hpp"

namespace reelkeep::s3 {
namespace {

template <std::size_t Size>
bool one_of(const std::string& code, const std::array<std::string_view, Size>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

constexpr std::array<std::string_view, 3> k_skewed{"RequestTimeTooSkewed", "RequestExpired",
                                                   "RequestInTheFuture"};
constexpr std::array<std::string_view, 5> k_elsewhere{
    "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
    "IllegalLocationConstraintException", "IncorrectEndpoint"};
constexpr std::array<std::string_view, 3> k_full{"QuotaExceeded", "InsufficientStorage",
                                                 "XMinioStorageFull"};
constexpr std::array<std::string_view, 4> k_token{"ExpiredToken", "InvalidToken",
                                                  "TokenRefreshRequired", "ExpiredTokenException"};
constexpr std::array<std::string_view, 4> k_damaged{"XAmzContentSHA256Mismatch", "BadDigest",
                                                    "InvalidDigest", "IncompleteBody"};
constexpr std::array<std::string_view, 5> k_busy{"SlowDown", "ServiceUnavailable", "InternalError",
                                                 "OperationAborted", "RequestTimeout"};

std::string skew_words(const HttpAnswer& answer, const Asked& asked) {
  const auto date = answer.header("date");
  const auto server = date ? parse_http_date(*date) : std::nullopt;
  if (!server) return "this machine's clock and the server's differ too much";
  const Duration apart = asked.now - *server;
  return "this machine's clock is " +
         to_string(apart.count() < 0 ? Duration(-apart.count()) : apart) +
         (apart.count() < 0 ? " behind" : " ahead of") + " the server's";
}

/// Of what a server says, as much as a person reads.
std::string shown(std::string_view text) {
  constexpr std::size_t k_most = 300;
  return text::printable(text.substr(0, k_most)) + (text.size() > k_most ? "..." : "");
}

std::string permission(const Asked& asked) {
  if (asked.key.empty()) return "s3:ListBucket or s3:ListBucketMultipartUploads";
  if (asked.method == "PUT" || asked.method == "POST") return "s3:PutObject";
  if (asked.method == "DELETE") return "s3:DeleteObject or s3:AbortMultipartUpload";
  return "s3:GetObject, and s3:ListBucket to see that an object is not there";
}

std::optional<std::chrono::seconds> wish(const HttpAnswer& answer) {
  const auto header = answer.header("retry-after");
  if (!header) return std::nullopt;
  long seconds = 0;
  const auto [end, failure] =
      std::from_chars(header->data(), header->data() + header->size(), seconds);
  if (failure != std::errc() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, 3600L));
}

}  // namespace

std::optional<Timestamp> parse_http_date(std::string_view text) {
  // Fri, 24 May 2013 00:00:00 GMT
  constexpr std::string_view k_months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const std::size_t month = k_months.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const std::string number = std::to_string(month / 3 + 1);
  const auto parsed = parse_rfc3339(
      std::string(text.substr(12, 4)) + "-" + (number.size() == 1 ? "0" : "") + number + "-" +
      std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) + "Z");
  if (!parsed) return std::nullopt;
  return *parsed;
}

Error explain(const HttpAnswer& answer, const std::optional<Refusal>& refusal, const Asked& asked) {
  // The server's own words: one that is known below stays as it is.
  const std::string code = refusal ? shown(refusal->code) : "";
  const std::string at = asked.endpoint;
  if (one_of(code, k_skewed))
    return {Errc::unavailable, at + " refuses the request because " + skew_words(answer, asked) +
                                   ": set it (timedatectl set-ntp true)"};
  const std::string region = refusal && !refusal->region.empty()
                                 ? refusal->region
                                 : answer.header("x-amz-bucket-region").value_or("");
  if (one_of(code, k_elsewhere) || answer.status == 301 || answer.status == 307)
    return {Errc::invalid,
            region.empty() ? "bucket " + asked.bucket + " is not in region " + asked.region +
                                 " of " + at + ": correct region and endpoint in " + asked.block
                           : "bucket " + asked.bucket + " is in region " + shown(region) +
                                 ", not in " + asked.region + ": correct region in " + asked.block};
  if (code == "NoSuchBucket")
    return {Errc::unavailable, "there is no bucket " + asked.bucket + " at " + at +
                                   ": make it, or correct its name in " + asked.block};
  if (code == "InvalidAccessKeyId")
    return {Errc::unauthorized,
            at + " does not know the access key: correct access_key_id in " + asked.block};
  if (code == "SignatureDoesNotMatch")
    return {Errc::unauthorized, at + " refuses the signature: secret_access_key in " + asked.block +
                                    " does not belong to access_key_id"};
  if (one_of(code, k_token))
    return {Errc::unauthorized, at + " does not accept session_token (any more): renew it"};
  if (one_of(code, k_full) || answer.status == 507)
    return {Errc::no_space, "bucket " + asked.bucket + " at " + at + " takes no more (" +
                                (code.empty() ? "status 507" : code) + "): raise its quota"};
  if (one_of(code, k_damaged))
    return {Errc::unavailable, at + " received other bytes than were sent (" + code + ")"};
  if (answer.status == 503 || answer.status == 429 || one_of(code, k_busy))
    return {Errc::unavailable,
            at + " is busy (" + (code.empty() ? std::to_string(answer.status) : code) + ")",
            wish(answer)};
  const std::string named = "s3://" + asked.bucket + (asked.key.empty() ? "" : "/" + asked.key);
  if (answer.status == 404) return {Errc::not_found, named + " does not exist"};
  if (answer.status == 412 || answer.status == 409)
    return {Errc::conflict, named + " exists already"};
  std::string said = code.empty() ? "status " + std::to_string(answer.status) : code;
  if (refusal && !refusal->message.empty()) said += ", " + shown(refusal->message);
  if (answer.status == 401 || answer.status == 403)
    return {Errc::unauthorized, "the access key may not " + asked.method + " " + named + " at " +
                                    at + " (" + said + "): it needs " + permission(asked)};
  return {answer.status == 400 || answer.status == 501 ? Errc::invalid : Errc::unavailable,
          at + " refuses to " + asked.method + " " + named + " (" + said + ")", wish(answer)};
}

}  // namespace reelkeep::s3
