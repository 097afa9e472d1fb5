#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/http_client.hpp"

#include "s3/signature.hpp"

namespace reelkeep::s3 {

/// Where a bucket is.
struct BucketPlace {
  Url endpoint;  ///< scheme, host and port count
  std::string region;
  std::string bucket;
  bool path_style = false;          ///< endpoint/bucket/key instead of bucket.endpoint/key
  std::string block = "[[store]]";  ///< where the operator wrote it
};

/// Host header and unencoded path of an object; an empty key: the bucket itself.
struct ObjectPlace {
  std::string host;
  std::string path;
};
[[nodiscard]] ObjectPlace place_of(const BucketPlace& bucket, const std::string& key);

/// A URL that anybody may read the object at until `lifetime` is over.
[[nodiscard]] std::string presigned_url(const BucketPlace& bucket, const std::string& key,
                                        const AccessKey& access, Timestamp now,
                                        std::chrono::seconds lifetime);

/// One S3 call. `key` empty: on the bucket.
struct Call {
  std::string method = "GET";
  std::string key;
  Pairs query{};
  Pairs headers{};  ///< all of them are signed
  std::string body{};
  /// Instead of `body`; see HttpRequest.
  std::function<Result<std::size_t>(ByteCount, std::span<std::byte>)> body_source{};
  ByteCount body_size{};
  std::optional<Digest> body_digest{};  ///< of what body_source gives
  std::function<Status(std::span<const std::byte>)> answer_sink{};
  Duration timeout{60'000};
};

/// Signed requests to one bucket. Any thread; blocking. Borrows `http` and `clock`.
class Client {
 public:
  /// `access` is asked for each request: credentials may change while it runs.
  Client(HttpClient& http, const Clock& clock, BucketPlace bucket,
         std::function<AccessKey()> access);

  /// An answer of 2xx that is no error document. Everything else is an Error in words:
  /// not_found (the object or the upload, never the bucket), conflict (412: it is there already),
  /// no_space (quota), unauthorized, invalid (wrong region), unavailable, cancelled.
  Result<HttpAnswer> call(const Call& call);

  void interrupt() noexcept { m_interrupted = true; }
  [[nodiscard]] bool interrupted() const noexcept { return m_interrupted; }
  [[nodiscard]] const BucketPlace& bucket() const noexcept { return m_bucket; }
  [[nodiscard]] Timestamp now() const { return m_clock.now(); }

 private:
  Result<HttpAnswer> send(const Call& call);

  HttpClient& m_http;
  const Clock& m_clock;
  const BucketPlace m_bucket;
  const std::function<AccessKey()> m_access;
  std::atomic<bool> m_interrupted = false;
};

}  // namespace reelkeep::s3
