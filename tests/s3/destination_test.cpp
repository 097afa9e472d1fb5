// A bucket that the provider pushes to, on a real server.
#include <doctest/doctest.h>

#include "contract/destination_contract.hpp"
#include "crypto/sha256.hpp"
#include "s3/rgw.hpp"
#include "s3/s3_destination.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

class BucketDestinationPlace final : public contract::DestinationPlace {
 public:
  explicit BucketDestinationPlace(s3::S3DestinationOptions given = {.bucket = RgwPlace::bucket()})
      : options(std::move(given)) {
    options.prefix = at.prefix;
    options.access = [] { return RgwPlace::access(); };
  }
  std::unique_ptr<Destination> make() override {
    return s3::make_s3_destination(StoreId("there"), at.wire, at.clock, options);
  }
  std::string location(const std::string& path) override {
    return "s3://films/" + at.prefix + path;
  }
  void put(const std::string& path, const std::string& bytes) override {
    at.store_directly(path, bytes);
  }
  std::optional<std::string> bytes(const std::string& path) override { return at.stored(path); }
  bool marks_moves() override { return true; }

  RgwPlace at;
  s3::S3DestinationOptions options;
};

Errc stat_error(BucketDestinationPlace& place) {
  place.put("f.mov", "bytes");
  return place.make()->stat(place.location("f.mov")).error().code;
}

std::string large(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 65'521);
  return bytes;
}

}  // namespace

TEST_CASE("a bucket is a destination") {
  BucketDestinationPlace place;
  contract::destination_contract(place);
}

TEST_CASE("an object that is too large for one copy moves in parts, with its metadata") {
  // A part that is not the last has at least 5 MiB.
  BucketDestinationPlace place(
      {.bucket = RgwPlace::bucket(), .copy_in_parts_above = 6_MiB, .copy_part = 5_MiB});
  const std::string bytes = large(11'000'000);
  REQUIRE(place.at.client()
              .call(s3::Call{.method = "PUT",
                             .key = place.at.prefix + "in.mov",
                             .headers = {{"content-type", "video/quicktime"},
                                         {"x-amz-meta-sha256", sha256(bytes).hex()}},
                             .body = bytes})
              .has_value());
  const auto destination = place.make();
  const ByteCount size(bytes.size());
  const std::string to = destination->location_of("out/in.mov");
  REQUIRE(destination->move(place.location("in.mov"), to, size).has_value());
  CHECK(place.bytes("out/in.mov") == bytes);
  CHECK_FALSE(place.bytes("in.mov").has_value());
  CHECK(destination->stat(to)->digest == sha256(bytes));

  SUBCASE("killed between the copy and the deletion, it is compared and finished") {
    place.put("in.mov", bytes);
    REQUIRE(destination->move(place.location("in.mov"), to, size).has_value());
    CHECK_FALSE(place.bytes("in.mov").has_value());
  }
  SUBCASE("other bytes of the same size are never taken for an earlier copy") {
    std::string other = bytes;
    other.back() = static_cast<char>(other.back() + 1);
    place.put("in.mov", other);
    CHECK(destination->move(place.location("in.mov"), to, size).error().code == Errc::conflict);
    CHECK(place.bytes("in.mov") == other);
    CHECK(place.bytes("out/in.mov") == bytes);
  }
}

TEST_CASE("an object where one was to be moved to is no earlier move because it is as long") {
  BucketDestinationPlace place;
  place.put("out/f.mov", "other bytes!");
  const auto destination = place.make();
  const std::string to = destination->location_of("out/f.mov");
  const auto moved = destination->move(place.location("in.mov"), to, ByteCount(12));
  CHECK(moved.error().code == Errc::conflict);
  CHECK(place.bytes("out/f.mov") == "other bytes!");
  // Neither is one that was moved there from elsewhere.
  place.put("third.mov", "twelve bytes");
  const std::string third = destination->location_of("out/third.mov");
  REQUIRE(destination->move(place.location("third.mov"), third, ByteCount(12)).has_value());
  CHECK(destination->move(place.location("third.mov"), third, ByteCount(12)).has_value());
  CHECK(destination->move(place.location("in.mov"), third, ByteCount(12)).error().code ==
        Errc::conflict);
}

TEST_CASE("a moved object keeps what describes it") {
  BucketDestinationPlace place;
  REQUIRE(place.at.client()
              .call(s3::Call{.method = "PUT",
                             .key = place.at.prefix + "in.mov",
                             .headers = {{"content-type", "video/quicktime"},
                                         {"cache-control", "no-store"},
                                         {"x-amz-meta-room", "r1"}},
                             .body = "twelve bytes"})
              .has_value());
  const auto destination = place.make();
  REQUIRE(destination
              ->move(place.location("in.mov"), destination->location_of("out.mov"), ByteCount(12))
              .has_value());
  const auto head =
      place.at.client().call(s3::Call{.method = "HEAD", .key = place.at.prefix + "out.mov"});
  REQUIRE(head.has_value());
  CHECK(head->header("content-type") == "video/quicktime");
  CHECK(head->header("cache-control") == "no-store");
  CHECK(head->header("x-amz-meta-room") == "r1");
}

TEST_CASE("a server that ignores the range gives bytes that are not to be trusted") {
  BucketDestinationPlace place;
  place.put("f.mov", "0123456789");
  place.at.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (!sent.answer_sink) return std::nullopt;
    REQUIRE(sent.answer_sink(std::as_bytes(std::span("0123456789", 10))).has_value());
    return HttpAnswer{200, {}, ""};
  };
  const Status read =
      place.make()->read(place.location("f.mov"), ByteCount(4), [](auto) -> Status { return {}; });
  CHECK(read.error().code == Errc::corrupt);
}

TEST_CASE("what is wrong with a bucket's destination is told apart") {
  BucketDestinationPlace place;
  SUBCASE("a wrong secret") {
    place.options.access = [] {
      return s3::AccessKey{told("S3_ACCESS_KEY_ID"), Secret("wrong"), {}};
    };
    CHECK(stat_error(place) == Errc::unauthorized);
  }
  SUBCASE("a bucket that does not exist is no missing file") {
    place.options.bucket.bucket = "nowhere";
    const auto seen = place.make()->stat("s3://nowhere/f.mov");
    CHECK(seen.error().code == Errc::unavailable);
  }
  SUBCASE("a server that is away") {
    place.at.wire.away = true;
    CHECK(place.make()->stat(place.location("f.mov")).error().code == Errc::unavailable);
  }
  SUBCASE("a location in another bucket is not asked for") {
    CHECK(place.make()->stat("s3://other/f.mov").error().code == Errc::invalid);
  }
}
