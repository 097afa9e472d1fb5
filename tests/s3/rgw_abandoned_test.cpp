// Unfinished uploads on a real server: which are ours, and what becomes of them.
#include <doctest/doctest.h>

#include "s3/rgw_puts.hpp"
#include "s3/upload_records.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Begun now; its id.
std::string begin_upload(s3::Client& client, const std::string& key) {
  const auto begun = client.call({.method = "POST", .key = key, .query = {{"uploads", ""}}});
  REQUIRE(begun);
  return s3::parse_begun_upload(begun->body).value();
}

/// Opens a store that is told that all unfinished uploads are years old.
void open_years_later(const RgwPlace& place, const s3::S3StoreOptions& options) {
  Wire wire;
  int lists = 0;
  wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (!sent.url.query() || sent.url.query()->find("uploads=") == std::string::npos)
      return std::nullopt;
    ++lists;
    auto answer = Wire().send(sent);
    if (!answer) return answer;
    const std::string begin = "<Initiated>";
    for (auto at = answer->body.find(begin); at != std::string::npos;
         at = answer->body.find(begin, at + 1))
      answer->body.replace(at + begin.size(), 4, "2020");
    return answer;
  };
  REQUIRE(s3::make_s3_store(StoreId("s3"), wire, place.clock, options)->open(""));
  CHECK(lists >= 1);
}

}  // namespace

TEST_CASE("uploads of ours that nobody went on with for a week are aborted, younger ones are not") {
  RgwPlace place;
  REQUIRE(place.make()->open(""));
  const std::string key = place.prefix + "old";
  const std::string id = begin_upload(place.client(), key);
  REQUIRE(s3::UploadRecords(place.client(), place.prefix).note(key, id));
  REQUIRE(place.make()->open(""));
  CHECK(unfinished(place) == 1);
  open_years_later(place, place.options());
  CHECK(unfinished(place) == 0);
  CHECK_FALSE(s3::UploadRecords(place.client(), place.prefix).knows(key, id).value());
}

TEST_CASE("uploads of others are left alone, also in a bucket that is shared as a whole") {
  RgwPlace place;
  s3::S3StoreOptions options = place.options();
  options.bucket.bucket = "shared-" + random_hex(8);
  options.prefix = "";
  s3::Client client(place.wire, place.clock, options.bucket, [] { return RgwPlace::access(); });
  REQUIRE(client.call({.method = "PUT"}));
  const auto store = s3::make_s3_store(StoreId("s3"), place.wire, place.clock, options);
  REQUIRE(store->open(""));

  // Ours breaks off; theirs are anywhere, even where ours are to lie.
  const PutRequest wanted = request(place, "r1/c1/recording/f.mov", noise(20U << 20U, 5));
  place.wire.before = [&](const HttpRequest& sent) -> std::optional<Result<HttpAnswer>> {
    if (is_part(sent)) return Error{Errc::unavailable, "cut off"};
    return std::nullopt;
  };
  CHECK_FALSE(put(*store, wanted));
  place.wire.before = nullptr;
  for (const char* key : {"backup.tar", "r1/c1/recording/f.mov", "r1/c1/recording/g.mov"})
    (void)begin_upload(client, key);
  CHECK(s3::list_uploads(client, "").value().size() == 4);

  SUBCASE("when ours is gone on with") {
    REQUIRE(put(*store, wanted));
    const auto there = client.call({.method = "HEAD", .key = "r1/c1/recording/f.mov"});
    REQUIRE(there);
    CHECK(there->header(s3::k_digest_header) == wanted.digest.hex());
  }
  SUBCASE("when ours is abandoned") {
    open_years_later(place, options);
  }
  const auto left = s3::list_uploads(client, "").value();
  CHECK(left.size() == 3);
  for (const s3::OpenUpload& one : left)
    CHECK_FALSE(s3::UploadRecords(client, "").knows(one.key, one.id).value());
}
