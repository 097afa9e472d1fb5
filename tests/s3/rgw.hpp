#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "contract/store_contract.hpp"
#include "crypto/secure.hpp"
#include "curl/http_client.hpp"
#include "s3/s3_store.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

/// What tests/support/with_rgw.sh tells.
inline std::string told(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error("run it by tests/support/with_rgw.sh");
  return value;
}

class RealClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) + shift;
  }
  [[nodiscard]] MonotonicTime steady() const override { return {}; }
  Duration shift{};
};

/// Passes on to the real client; fails or spoils what it is told to.
class Wire final : public HttpClient {
 public:
  Result<HttpAnswer> send(const HttpRequest& request) override {
    if (away) return Error{Errc::unavailable, "cannot connect"};
    ++requests;
    if (before)
      if (auto instead = before(request)) return *std::move(instead);
    return m_real->send(request);
  }
  std::atomic<bool> away = false;
  std::atomic<int> requests = 0;
  /// Any thread: an answer instead of the server's.
  std::function<std::optional<Result<HttpAnswer>>(const HttpRequest&)> before;

 private:
  const std::unique_ptr<HttpClient> m_real = curl::make_http_client();
};

/// An archive under a prefix of its own in the gateway's bucket.
class RgwPlace final : public contract::StorePlace {
 public:
  RgwPlace() : m_client(m_plain, clock, bucket(), [] { return access(); }) {
    const auto made = m_client.call(s3::Call{.method = "PUT"});
    if (!made && made.error().code != Errc::conflict)
      throw std::runtime_error(made.error().message);
  }

  static s3::BucketPlace bucket() {
    return {Url::parse(told("S3_ENDPOINT")).value(), told("S3_REGION"), "films", true};
  }
  static s3::AccessKey access() {
    return {told("S3_ACCESS_KEY_ID"), Secret(told("S3_SECRET_ACCESS_KEY")), {}};
  }
  [[nodiscard]] s3::S3StoreOptions options() const {
    return {.bucket = bucket(), .prefix = prefix, .objects = {}, .access = [] { return access(); }};
  }

  std::unique_ptr<Store> make() override {
    return s3::make_s3_store(StoreId("s3"), wire, clock, options());
  }
  std::string stage(const std::string& bytes) override {
    return dir.write(std::to_string(m_staged++) + ".part", bytes);
  }
  bool is_staged(const std::string& path) override { return std::filesystem::exists(path); }
  std::optional<std::string> stored(const std::string& path) override {
    auto answer = m_client.call(s3::Call{.key = prefix + path});
    if (answer) return answer->body;
    if (answer.error().code == Errc::not_found) return std::nullopt;
    throw std::runtime_error(answer.error().message);
  }
  void store_directly(const std::string& path, const std::string& bytes) override {
    const auto done = m_client.call(s3::Call{.method = "PUT", .key = prefix + path, .body = bytes});
    if (!done) throw std::runtime_error(done.error().message);
  }
  void lose(const std::string& path) override {
    (void)m_client.call(s3::Call{.method = "DELETE", .key = prefix + path}).has_value();
  }
  void go_away() override { wire.away = true; }
  void come_back() override { wire.away = false; }

  [[nodiscard]] s3::Client& client() { return m_client; }

  const std::string prefix = "test/" + random_hex(16) + "/";
  const TempDir dir;
  RealClock clock;
  Wire wire;

 private:
  Wire m_plain;
  s3::Client m_client;
  int m_staged = 0;
};

}  // namespace reelkeep::testing
