#include "s3/client.hpp"

#include <utility>

#include "crypto/sha256.hpp"
#include "s3/answers.hpp"
#include "s3/refusal.hpp"

namespace reelkeep::s3 {
namespace {

/// From a virtual host's name to the object, the port kept.
std::string host_of(const BucketPlace& bucket) {
  const std::string authority = bucket.endpoint.authority();
  return bucket.path_style ? authority : bucket.bucket + "." + authority;
}

}  // namespace

ObjectPlace place_of(const BucketPlace& bucket, const std::string& key) {
  return {host_of(bucket),
          bucket.path_style ? "/" + bucket.bucket + (key.empty() ? "" : "/" + key) : "/" + key};
}

std::string presigned_url(const BucketPlace& bucket, const std::string& key,
                          const AccessKey& access, Timestamp now, std::chrono::seconds lifetime) {
  const ObjectPlace place = place_of(bucket, key);
  const Signable request{.host = place.host, .path = place.path};
  return bucket.endpoint.scheme() + "://" + place.host + encoded_path(place.path) + "?" +
         presigned_query(request, access, Scope{bucket.region}, now, lifetime);
}

Client::Client(HttpClient& http, const Clock& clock, BucketPlace bucket,
               std::function<AccessKey()> access)
    : m_http(http), m_clock(clock), m_bucket(std::move(bucket)), m_access(std::move(access)) {}

Result<HttpAnswer> Client::send(const Call& call) {
  const AccessKey access = m_access();
  const Timestamp now = m_clock.now();
  const ObjectPlace place = place_of(m_bucket, call.key);
  Signable signable{.method = call.method,
                    .host = place.host,
                    .path = place.path,
                    .query = call.query,
                    .headers = call.headers,
                    .payload = (call.body_digest ? *call.body_digest : sha256(call.body)).hex()};
  signable.headers.emplace_back("x-amz-content-sha256", signable.payload);
  signable.headers.emplace_back("x-amz-date", amz_date(now));
  if (!access.session_token.empty())
    signable.headers.emplace_back("x-amz-security-token", access.session_token.reveal());

  std::string url = m_bucket.endpoint.scheme() + "://" + place.host + encoded_path(place.path);
  if (!call.query.empty()) url += "?" + encoded_query(call.query);
  REELKEEP_ASSIGN(Url parsed, Url::parse(url));
  HttpRequest request{.method = call.method,
                      .url = std::move(parsed),
                      .headers = signable.headers,
                      .body = call.body,
                      .body_source = call.body_source,
                      .body_size = call.body_size,
                      .answer_sink = call.answer_sink,
                      .timeout = call.timeout,
                      .cancelled = &m_interrupted};
  request.headers.emplace_back("Authorization",
                               authorization(signable, access, Scope{m_bucket.region}, now));
  return m_http.send(request);
}

Result<HttpAnswer> Client::call(const Call& call) {
  if (m_interrupted) return Error{Errc::cancelled, "stopped"};
  auto sent = send(call);
  if (!sent) {
    Error error = std::move(sent).error();
    // A garbled answer says nothing about our bytes.
    if (error.code == Errc::corrupt && !call.body_source && !call.answer_sink)
      error.code = Errc::unavailable;
    return error;
  }
  HttpAnswer answer = *std::move(sent);
  auto refusal = parse_refusal(answer.body);
  const bool good = answer.status >= 200 && answer.status < 300;
  if (good && !refusal) return answer;
  if (!refusal && call.method == "HEAD" && answer.status != 404 && answer.status < 500) {
    // An answer to HEAD cannot say why; the same as GET can.
    auto told = send(Call{.key = call.key, .headers = {{"range", "bytes=0-0"}}});
    if (told && told->status == answer.status) {
      answer = *std::move(told);
      refusal = parse_refusal(answer.body);
    }
  }
  return explain(answer, refusal,
                 Asked{m_bucket.endpoint.authority(), m_bucket.bucket, m_bucket.region, call.method,
                       call.key, m_clock.now(), m_bucket.block});
}

}  // namespace reelkeep::s3
