// Redirects of an S3 server lead nowhere: the signed requests and their bodies are for it alone.
#include <doctest/doctest.h>

#include "crypto/sha256.hpp"
#include "curl/http_client.hpp"
#include "s3/client.hpp"
#include "s3/s3_store.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

class RealClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  [[nodiscard]] MonotonicTime steady() const override { return {}; }
};

constexpr const char* k_object = "/films/room/f.mp4";
constexpr const char* k_marker = "/films/.reelkeep-archive";
const std::vector<std::string> k_redirects{"301 Moved Permanently", "302 Found", "303 See Other",
                                           "307 Temporary Redirect", "308 Permanent Redirect"};

/// A server that redirects, and another one that would be glad of what it is not meant to get.
struct Redirected {
  Redirected() {
    for (const char* path : {k_object, k_marker})
      elsewhere.on(path, http_answer("200 OK", {"ETag: \"e\""}, "an-archive"));
  }
  [[nodiscard]] s3::BucketPlace bucket() const {
    return {Url::parse(server.url("/")).value(), "us-east-1", "films", true};
  }
  static s3::AccessKey access() { return {"AKIDEXAMPLE", Secret("hush-hush"), {}}; }
  /// Whatever it is asked.
  void redirect(const char* path, const std::string& status) {
    server.on(path, http_answer(status, {"Location: " + elsewhere.url(path)}, ""));
  }

  ScriptedServer server;
  ScriptedServer elsewhere;
  TempDir dir;
  RealClock clock;
  std::unique_ptr<HttpClient> http = curl::make_http_client();
};

}  // namespace

TEST_CASE("a redirect of an S3 server is followed by no method and no status") {
  Redirected scene;
  s3::Client client(*scene.http, scene.clock, scene.bucket(), [] { return Redirected::access(); });
  std::size_t asked = 0;
  for (const std::string& status : k_redirects) {
    scene.redirect(k_object, status);
    for (const char* method : {"GET", "HEAD", "PUT", "POST", "DELETE"}) {
      CAPTURE(status);
      CAPTURE(method);
      s3::Call call{.method = method, .key = "room/f.mp4"};
      if (*method == 'P') call.body = "the bytes of a recording";
      const auto answer = client.call(call);
      ++asked;
      REQUIRE_FALSE(answer.has_value());
      CHECK(answer.error().code != Errc::not_found);  // only the server itself may say that
      CHECK(answer.error().message.find("hush-hush") == std::string::npos);
    }
  }
  CHECK(scene.server.seen().size() >= asked);
  for (const SeenRequest& request : scene.server.seen())
    CHECK(request.header("authorization").value_or("").starts_with("AWS4-HMAC-SHA256"));
  CHECK(scene.elsewhere.seen().empty());
}

TEST_CASE("a store whose server redirects takes nothing, loses nothing and believes nothing") {
  Redirected scene;
  const std::string bytes = "the bytes of a recording";
  const auto store =
      s3::make_s3_store(StoreId("cloud"), *scene.http, scene.clock,
                        {.bucket = scene.bucket(), .prefix = "", .objects = {}, .access = [] {
                           return Redirected::access();
                         }});
  for (const std::string& status : k_redirects) {
    CAPTURE(status);
    scene.redirect(k_marker, status);
    CHECK_FALSE(store->open("an-archive").has_value());
    scene.server.on(k_marker, http_answer("200 OK", {}, "an-archive"));
    REQUIRE(store->open("an-archive").has_value());

    // The first time it says that nothing is there, and only the upload is sent away.
    for (const bool sees_nothing : {false, true}) {
      scene.redirect(k_object, status);
      if (sees_nothing)
        scene.server.on(k_object, [&](ServerConnection& connection, const SeenRequest& request) {
          connection.send(
              request.method == "HEAD"
                  ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                  : http_answer(status, {"Location: " + scene.elsewhere.url(k_object)}, ""));
        });
      const PutRequest request{.staged = scene.dir.write("f.part", bytes),
                               .path = "room/f.mp4",
                               .manifest_dir = "room",
                               .suffix = "~abc123",
                               .size = ByteCount(bytes.size()),
                               .digest = sha256(bytes),
                               .disposition = Staged::take};
      const auto placed = store->put(std::span(&request, 1));
      REQUIRE_FALSE(placed.at(0).has_value());
      CHECK(scene.dir.read("f.part") == bytes);
    }
    scene.redirect(k_object, status);
    const auto seen =
        store->inspect("room/f.mp4", ByteCount(bytes.size()), sha256(bytes), Depth::full);
    CHECK_FALSE(seen.has_value());  // neither good nor missing
    CHECK_FALSE(store->remove("room/f.mp4").has_value());
  }
  CHECK(scene.elsewhere.seen().empty());
}
