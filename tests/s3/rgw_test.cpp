// The store on a real server, run by tests/support/with_rgw.sh.
#include <doctest/doctest.h>
#include <fstream>
#include <thread>

#include "s3/rgw_puts.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("the S3 store keeps the contract of stores") {
  contract::check_store_contract([] { return std::make_unique<RgwPlace>(); });
}

TEST_CASE("every key that a layout can produce arrives under its own name") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  for (const std::string name :
       {"a b", "a+b", "a~b", "a'b", "a(b)", "a!b", "a$b&c=d@e", "a;b,c", "a%41b", "a[b]{c}", "a#b",
        "a^b`c", "\u00e9\u4e2d\U0001f3ac", "a=b", "a%2Fb", "..a", "a."}) {
    CAPTURE(name);
    const std::string path = "room 1/" + name + "/file.mp4";
    const auto placed = put(*store, request(place, path, name));
    REQUIRE(placed);
    CHECK(placed->location == "s3://films/" + place.prefix + path);
    CHECK(place.stored(path) == name);
    CHECK(store->inspect(path, ByteCount(name.size()), sha256(name), Depth::full)->found ==
          Inspection::Found::good);
    const std::string url =
        s3::presigned_url(RgwPlace::bucket(), place.prefix + path, RgwPlace::access(),
                          place.clock.now(), std::chrono::seconds(60));
    const auto answer = place.wire.send({.url = Url::parse(url).value()});
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == name);
    CHECK(store->remove(path));
    CHECK_FALSE(place.stored(path));
  }
}

TEST_CASE("a prefix with an empty segment is a prefix like any other") {
  RgwPlace place;
  auto options = place.options();
  options.prefix = place.prefix + "/x//";
  const auto store = s3::make_s3_store(StoreId("s3"), place.wire, place.clock, options);
  REQUIRE(store->open(""));
  REQUIRE(put(*store, request(place, "a/b", "bytes")));
  CHECK(place.stored("/x//a/b") == "bytes");
}

TEST_CASE("a presigned URL is good until its time is over, and for its own key only") {
  RgwPlace place;
  place.store_directly("k", "bytes");
  const auto ask = [&](Timestamp when, const std::string& from, const std::string& to) {
    std::string url = s3::presigned_url(RgwPlace::bucket(), place.prefix + "k", RgwPlace::access(),
                                        when, std::chrono::seconds(60));
    if (!from.empty()) url.replace(url.find(from), from.size(), to);
    return place.wire.send({.url = Url::parse(url).value()})->status;
  };
  const Timestamp now = place.clock.now();
  CHECK(ask(now, "", "") == 200);
  CHECK(ask(now - std::chrono::minutes(5), "", "") == 403);
  CHECK(ask(now, "/k?", "/l?") == 403);
  CHECK(ask(now, "Expires=60", "Expires=90") == 403);
}

TEST_CASE("a large file goes in parts and is whole") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  for (const std::size_t size : {(16U << 20U) - 1, 16U << 20U, (50U << 20U) + 7}) {
    CAPTURE(size);
    const std::string bytes = noise(size, 1);
    const PutRequest wanted = request(place, "big" + std::to_string(size), bytes);
    const auto placed = put(*store, wanted);
    REQUIRE(placed);
    CHECK(digest_of(place, placed->path) == wanted.digest);
    CHECK(put(*store, wanted)->was_there);
    REQUIRE(store->remove(placed->path));
  }
  CHECK(unfinished(place) == 0);
}

TEST_CASE("an upload that was cut off goes on with the parts that are there") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "big", noise(70U << 20U, 2));
  std::atomic<int> parts = 0;
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (is_part(sent) && ++parts > 2) return Error{Errc::unavailable, "cut off"};
    return std::nullopt;
  };
  CHECK(put(*store, wanted).error().code == Errc::unavailable);
  CHECK_FALSE(place.stored("big"));
  CHECK(unfinished(place) == 1);
  CHECK(place.is_staged(wanted.staged));

  SUBCASE("by another process, which sends only what is missing") {
    parts = 0;
    place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
      parts += is_part(sent) ? 1 : 0;
      return std::nullopt;
    };
    const auto restarted = place.make();
    REQUIRE(restarted->open(""));
    REQUIRE(put(*restarted, wanted));
    CHECK(parts == 3);
    CHECK(digest_of(place, "big") == wanted.digest);
  }
  SUBCASE("parts of other bytes are sent anew, and the metadata tells the truth in the end") {
    place.wire.before = nullptr;
    const PutRequest other = request(place, "big", noise(70U << 20U, 3));
    auto placed = put(*store, other);
    if (!placed) placed = put(*store, other);
    REQUIRE(placed);
    CHECK(placed->path == "big");
    CHECK(digest_of(place, "big") == other.digest);
    CHECK(store->inspect("big", other.size, other.digest, Depth::quick)->found ==
          Inspection::Found::good);
  }
  CHECK(unfinished(place) == 0);
}

TEST_CASE("bytes that rot in staging never become an object") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  PutRequest wanted = request(place, "big", noise(40U << 20U, 4));
  wanted.digest = sha256("something else");
  CHECK(put(*store, wanted).error().code == Errc::corrupt);
  CHECK_FALSE(place.stored("big"));
  CHECK(unfinished(place) == 0);
}

TEST_CASE("a completion whose 200 carries an error is an error, and is tried again") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "big", noise(20U << 20U, 5));
  std::atomic<bool> lie = true;
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    const bool completes = sent.method == "POST" && sent.url.query()->starts_with("uploadId=");
    if (!completes || !lie.exchange(false)) return std::nullopt;
    return HttpAnswer{200, {}, "   <Error><Code>InternalError</Code></Error>"};
  };
  CHECK(put(*store, wanted).error().code == Errc::unavailable);
  CHECK_FALSE(place.stored("big"));
  REQUIRE(put(*store, wanted));
  CHECK(digest_of(place, "big") == wanted.digest);
}

TEST_CASE("a completion whose answer is lost is found to be done") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "big", noise(20U << 20U, 6));
  std::atomic<bool> lose = true;
  Wire behind;
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    const bool completes = sent.method == "POST" && sent.url.query()->starts_with("uploadId=");
    if (!completes || !lose.exchange(false)) return std::nullopt;
    REQUIRE(behind.send(sent)->status == 200);
    return Error{Errc::timeout, "no answer"};
  };
  CHECK(put(*store, wanted).error().code == Errc::timeout);
  CHECK(put(*store, wanted)->was_there);
}

TEST_CASE("an object that changes on the way is not taken for ours") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "file", "right");
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (sent.method != "PUT" || !sent.body_source) return std::nullopt;
    HttpRequest spoilt = sent;
    spoilt.body_source = [](ByteCount, std::span<std::byte> into) -> Result<std::size_t> {
      for (std::byte& byte : into) byte = std::byte{'x'};
      return into.size();
    };
    return Wire().send(spoilt);
  };
  const auto refused = put(*store, wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK_FALSE(place.stored("file"));
}

TEST_CASE("an object that went bad under its metadata is not taken for good bytes") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "dir/file.mp4", "right");
  REQUIRE(put(*store, wanted));
  const auto spoilt =
      place.client().call(s3::Call{.method = "PUT",
                                   .key = place.prefix + "dir/file.mp4",
                                   .headers = {{"x-amz-meta-sha256", wanted.digest.hex()}},
                                   .body = "wrong"});
  REQUIRE(spoilt);
  const auto again = put(*store, request(place, "dir/file.mp4", "right"));
  REQUIRE(again);
  CHECK_FALSE(again->was_there);
  CHECK(again->path != "dir/file.mp4");
  CHECK(place.stored(again->path) == "right");
  CHECK(place.stored("dir/file.mp4") == "wrong");
}

TEST_CASE("an upload is interrupted at once and gone on with later") {
  RgwPlace place;
  const auto store = place.make();
  REQUIRE(store->open(""));
  const PutRequest wanted = request(place, "big", noise(40U << 20U, 7));
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (is_part(sent)) store->interrupt();
    return std::nullopt;
  };
  CHECK(put(*store, wanted).error().code == Errc::cancelled);
  CHECK(place.is_staged(wanted.staged));
  place.wire.before = nullptr;
  const auto next = place.make();
  REQUIRE(next->open(""));
  REQUIRE(put(*next, wanted));
  CHECK(unfinished(place) == 0);
}

TEST_CASE("a place that holds something else is not taken for an archive") {
  RgwPlace place;
  place.store_directly("somebody's file", "x");
  const auto refused = place.make()->open("");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK(refused.error().message.find("somebody's file") != std::string::npos);
}

TEST_CASE("what is wrong with a store is told apart") {
  RgwPlace place;
  auto options = place.options();
  const auto opened = [&] {
    return s3::make_s3_store(StoreId("s3"), place.wire, place.clock, options)->open("").error();
  };
  const auto says = [](const Error& error, const char* words) {
    CAPTURE(error.message);
    CHECK(error.message.find(words) != std::string::npos);
  };
  SUBCASE("no such bucket") {
    options.bucket.bucket = "never-made";
    const Error error = opened();
    CHECK(error.code == Errc::unavailable);
    says(error, "there is no bucket never-made");
  }
  SUBCASE("an unknown access key") {
    options.access = [] { return s3::AccessKey{"unknown", Secret("x"), {}}; };
    const Error error = opened();
    CHECK(error.code == Errc::unauthorized);
    says(error, "access_key_id");
  }
  SUBCASE("a wrong secret") {
    options.access = [] { return s3::AccessKey{told("S3_ACCESS_KEY_ID"), Secret("wrong"), {}}; };
    const Error error = opened();
    CHECK(error.code == Errc::unauthorized);
    says(error, "secret_access_key");
  }
  SUBCASE("a clock that is wrong") {
    place.clock.shift = std::chrono::hours(2);
    const Error error = opened();
    CHECK(error.code == Errc::unavailable);
    says(error, "2h ahead of the server's");
  }
  SUBCASE("a key that may read and not write") {
    // A statement about one prefix of the bucket that the other tests share.
    const auto policy = [&](const std::string& statements) {
      REQUIRE(place.client().call(
          {.method = "PUT",
           .query = {{"policy", ""}},
           .body = R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"}));
    };
    REQUIRE(place.make()->open(""));
    policy(
        R"({"Effect":"Deny","Principal":"*","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::)" +
        RgwPlace::bucket().bucket + "/" + place.prefix + R"(*"]})");
    const auto store = place.make();
    const auto root = store->open("");
    const Error error = root ? put(*store, request(place, "file", "bytes")).error() : root.error();
    REQUIRE(place.client().call({.method = "DELETE", .query = {{"policy", ""}}}));
    CHECK(error.code == Errc::unauthorized);
    says(error, "may not PUT s3://");
    says(error, "it needs s3:PutObject");
  }
  SUBCASE("a server that is not there") {
    options.bucket.endpoint = Url::parse("http://127.0.0.1:1").value();
    CHECK(opened().code == Errc::unavailable);
  }
}

TEST_CASE("a bucket that vanished is an outage, never missing files") {
  RgwPlace place;
  const auto store = place.make();
  const std::string root = store->open("").value();
  REQUIRE(put(*store, request(place, "file", "bytes")));
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    return HttpAnswer{
        404, {}, sent.method == "HEAD" ? "" : "<Error><Code>NoSuchBucket</Code></Error>"};
  };
  CHECK(store->inspect("file", ByteCount(5), sha256("bytes"), Depth::quick).error().code ==
        Errc::unavailable);
  CHECK(put(*store, request(place, "late", "late")).error().code == Errc::unavailable);
}
