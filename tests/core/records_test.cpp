#include "core/records.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "core/artifact_id.hpp"
#include "crypto/sha256.hpp"

// The texts in this file are what journals hold: a change that breaks one of them makes existing
// journals unreadable. Add versions, never edit them.
namespace reelkeep {
namespace {

const std::string k_digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const std::string k_redownload = R"({"v":1,"command":"redownload","app_id":"a1","conf_num":"c1",)"
                                 R"("artifacts":["3fa9c1d20b7e","000000000000"],"replace":true})";
const std::string k_cancel =
    R"({"v":1,"command":"cancel","app_id":"a1","conf_num":"c1","artifacts":["3fa9c1d20b7e"],)"
    R"("reason":"asked to \"forget\" it"})";
const std::string k_accept =
    R"({"v":1,"command":"accept","app_id":"a1","conf_num":"c1","artifact":"3fa9c1d20b7e"})";
const std::string k_replay = R"({"v":1,"command":"replay","entries":[1,9007199254740993]})";

const std::string k_identity = R"("app_id":"a1","conf_num":"c1","kind":"transcoded",)"
                               R"("source_key":"portal.enablex.io/path/t.mov","stage":"2",)";
const std::string k_stored =
    R"({"v":1,"outcome":"replica_stored",)" + k_identity +
    R"("room_id":"r1","store":"local","root":"5ef3ab8a","path":"r1/c1/transcoded/t.mov",)"
    R"("location":"/srv/archive/r1/c1/transcoded/t.mov","size":1048576,"sha256":")" +
    k_digest + R"(","verified_at":"2026-01-04T10:00:00.123Z","disputed":true})";
const std::string k_several =
    R"({"v":1,"outcome":"replicas_stored","replicas":[{)" + k_identity +
    R"("room_id":"r1","store":"local","root":"5ef3ab8a","path":"r1/c1/transcoded/t.mov",)"
    R"("location":"/srv/archive/r1/c1/transcoded/t.mov","size":1048576,"sha256":")" +
    k_digest + R"(","verified_at":"2026-01-04T10:00:00.123Z","disputed":true},{)" + k_identity +
    R"("room_id":"r1","store":"local","root":"5ef3ab8a","path":"p","location":"/p","size":0,)"
    R"("sha256":")" +
    k_digest +
    R"(","verified_at":"2026-01-04T10:00:00.123Z","disputed":false,"wanted":["local","far"]}]})";
const std::string k_expired = R"({"v":1,"outcome":"expired",)" + k_identity +
                              R"("error":{"code":"not_found","message":"HTTP 404"}})";
const std::string k_quarantined =
    R"({"v":1,"outcome":"quarantined",)" + k_identity +
    R"("error":{"code":"corrupt","message":"an HTML page","retry_after":30},"sha256":")" +
    k_digest + R"(","size":512})";
const std::string k_quarantined_without_bytes =
    R"({"v":1,"outcome":"quarantined",)" + k_identity +
    R"("error":{"code":"internal","message":"died twice"},"sha256":null,"size":0})";

ArtifactIdentity identity() {
  return {{AppId("a1"), ConfNum("c1")},
          ArtifactKind::transcoded,
          SourceKey("portal.enablex.io/path/t.mov"),
          "2"};
}

template <class Held, class Record>
Held held(Result<Record> decoded) {
  REQUIRE_MESSAGE(decoded.has_value(), (decoded ? "" : decoded.error().message));
  REQUIRE(std::holds_alternative<Held>(*decoded));
  return std::get<Held>(*decoded);
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("the journaled text of each command is what it always was, and reads back") {
  for (const std::string& text : {k_redownload, k_cancel, k_accept, k_replay}) {
    CAPTURE(text);
    const Result<Command> decoded = decode_command(text);
    REQUIRE(decoded.has_value());
    CHECK(encode(*decoded) == text);
  }
}

TEST_CASE("the journaled text of each outcome is what it always was, and reads back") {
  for (const std::string& text :
       {k_stored, k_several, k_expired, k_quarantined, k_quarantined_without_bytes}) {
    CAPTURE(text);
    const Result<Outcome> decoded = decode_outcome(text);
    REQUIRE(decoded.has_value());
    CHECK(encode(*decoded) == text);
  }
}

TEST_CASE("what outcomes learned to say later reads back, and what is older reads as unknown") {
  const auto stored = held<ReplicaStored>(decode_outcome(k_stored));
  CHECK(stored.wanted.empty());
  ReplicaStored now = stored;
  now.wanted = {StoreId("local"), StoreId("far")};
  CHECK(held<ReplicaStored>(decode_outcome(encode(Outcome(now)))).wanted == now.wanted);
  DeliveredFound found{.session = {AppId("a1"), ConfNum("c1")},
                       .name = "f.mov",
                       .location = "s3://b/f.mov",
                       .destination = StoreId("there"),
                       .at = stored.verified_at};
  const std::string before = encode(Outcome(found));
  CHECK(before.find("\"read\"") == std::string::npos);
  CHECK_FALSE(held<DeliveredFound>(decode_outcome(before)).read);
  found.read = true;
  CHECK(held<DeliveredFound>(decode_outcome(encode(Outcome(found)))).read);
}

TEST_CASE("every member of a command arrives where it belongs") {
  const auto redownload = held<RedownloadCommand>(decode_command(k_redownload));
  CHECK(redownload.session == SessionKey{AppId("a1"), ConfNum("c1")});
  CHECK(redownload.artifacts ==
        std::vector{ArtifactId("3fa9c1d20b7e"), ArtifactId("000000000000")});
  CHECK(redownload.replace);
  const auto cancel = held<CancelCommand>(decode_command(k_cancel));
  CHECK(cancel.session == SessionKey{AppId("a1"), ConfNum("c1")});
  CHECK(cancel.artifacts == std::vector{ArtifactId("3fa9c1d20b7e")});
  CHECK(cancel.reason == "asked to \"forget\" it");
  const auto accept = held<AcceptCommand>(decode_command(k_accept));
  CHECK(accept.session == SessionKey{AppId("a1"), ConfNum("c1")});
  CHECK(accept.artifact == ArtifactId("3fa9c1d20b7e"));
  const auto replay = held<ReplayCommand>(decode_command(k_replay));
  CHECK(replay.entries == std::vector{Seq(1), Seq(9007199254740993)});
}

TEST_CASE("every member of an outcome arrives where it belongs") {
  const auto stored = held<ReplicaStored>(decode_outcome(k_stored));
  CHECK(stored.identity == identity());
  CHECK(stored.room_id == RoomId("r1"));
  CHECK(stored.store == StoreId("local"));
  CHECK(stored.root == "5ef3ab8a");
  CHECK(stored.path == "r1/c1/transcoded/t.mov");
  CHECK(stored.location == "/srv/archive/r1/c1/transcoded/t.mov");
  CHECK(stored.size == ByteCount(1048576));
  CHECK(stored.digest.hex() == k_digest);
  CHECK(to_rfc3339(stored.verified_at) == "2026-01-04T10:00:00.123Z");
  CHECK(stored.disputed);
  const auto several = held<ReplicasStored>(decode_outcome(k_several));
  REQUIRE(several.replicas.size() == 2);
  CHECK(encode(Outcome(several.replicas[0])) == k_stored);
  CHECK(several.replicas[1].path == "p");
  CHECK(several.replicas[1].wanted == std::vector{StoreId("local"), StoreId("far")});
  const auto expired = held<Expired>(decode_outcome(k_expired));
  CHECK(expired.identity == identity());
  CHECK(expired.error.code == Errc::not_found);
  CHECK(expired.error.message == "HTTP 404");
  const auto quarantined = held<Quarantined>(decode_outcome(k_quarantined));
  CHECK(quarantined.identity == identity());
  CHECK(quarantined.error.code == Errc::corrupt);
  CHECK(quarantined.error.retry_after == std::chrono::seconds(30));
  REQUIRE(quarantined.digest.has_value());
  CHECK(quarantined.digest->hex() == k_digest);
  CHECK(quarantined.size == ByteCount(512));
  CHECK_FALSE(held<Quarantined>(decode_outcome(k_quarantined_without_bytes)).digest.has_value());
}

TEST_CASE("a member that this version does not know is ignored") {
  CHECK(decode_command(with(k_accept, "{", R"({"new":[1,{"x":2}],)")).has_value());
  CHECK(decode_outcome(with(k_expired, "{", R"({"new":null,)")).has_value());
}

TEST_CASE("another version or type is refused by name") {
  for (const char* version : {R"("v":2)", R"("v":"1")", R"("v":null)", R"("w":1)"}) {
    CAPTURE(version);
    const auto command = decode_command(with(k_replay, R"("v":1)", version));
    REQUIRE_FALSE(command.has_value());
    CHECK(command.error().code == Errc::invalid);
    CHECK(command.error().message.find("version") != std::string::npos);
    CHECK_FALSE(decode_outcome(with(k_expired, R"("v":1)", version)).has_value());
  }
  CHECK(decode_command(R"({"v":1,"command":"explode"})").error().message.find("unknown command") !=
        std::string::npos);
  CHECK(decode_outcome(R"({"v":1,"outcome":"vanished"})").error().message.find("unknown outcome") !=
        std::string::npos);
  CHECK_FALSE(decode_command(k_expired).has_value());
  CHECK_FALSE(decode_outcome(k_replay).has_value());
}

TEST_CASE("a missing or wrong member is named") {
  const auto reason = [](const std::string& text) { return decode_outcome(text).error().message; };
  CHECK(reason(with(k_stored, R"("size":1048576)", R"("size":-1)")).find("'size'") !=
        std::string::npos);
  CHECK(reason(with(k_stored, k_digest, "ba78")).find("'sha256'") != std::string::npos);
  CHECK(reason(with(k_stored, "2026-01-04T", "yesterday")).find("'verified_at'") !=
        std::string::npos);
  CHECK(reason(with(k_stored, R"("store")", R"("shop")")).find("'store'") != std::string::npos);
  CHECK(reason(with(k_stored, "transcoded\"", "film\"")).find("'kind'") != std::string::npos);
  CHECK(reason(with(k_expired, "not_found", "lost")).find("'error'") != std::string::npos);
  CHECK(reason(with(k_expired, R"("message":"HTTP 404")", R"("message":4)")).find("'error'") !=
        std::string::npos);
  CHECK(decode_command(with(k_redownload, R"("000000000000")", "7"))
            .error()
            .message.find("'artifacts'") != std::string::npos);
  CHECK(decode_command(with(k_replay, "[1,", "[\"1\",")).error().message.find("'entries'") !=
        std::string::npos);
}

TEST_CASE("what is no JSON object is refused") {
  for (const char* text : {"", "[]", "null", "{", "\"v\"", "\xFF"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_command(text).has_value());
    CHECK_FALSE(decode_outcome(text).has_value());
  }
}

TEST_CASE("an artifact's id is the same on every host and for ever") {
  CHECK(artifact_id(identity()) == ArtifactId("fb53502c7e78"));
  ArtifactIdentity other = identity();
  other.stage = "3";
  CHECK(artifact_id(other) != artifact_id(identity()));
}

}  // namespace
TEST_CASE("the text of what follows a publication never changes") {
  const ReplicaRemoved removed{identity(), "/srv/archive/t.mov"};
  const std::string removed_text =
      R"({"v":1,"outcome":"replica_removed",)" + k_identity + R"("location":"/srv/archive/t.mov"})";
  CHECK(encode(Outcome(removed)) == removed_text);
  CHECK(held<ReplicaRemoved>(decode_outcome(removed_text)).location == removed.location);

  const Timestamp at = parse_rfc3339("2026-01-04T10:00:00.123Z").value();
  const ReplicaFound found{identity(), "/srv/archive/t.mov", ReplicaState::corrupt, at, "one byte"};
  const std::string found_text =
      R"({"v":1,"outcome":"replica_found",)" + k_identity +
      R"("location":"/srv/archive/t.mov","state":"corrupt","at":"2026-01-04T10:00:00.123Z","cause":"one byte"})";
  CHECK(encode(Outcome(found)) == found_text);
  const auto found_again = held<ReplicaFound>(decode_outcome(found_text));
  CHECK(found_again.identity == identity());
  CHECK(found_again.state == ReplicaState::corrupt);
  CHECK(found_again.at == at);
  CHECK(found_again.cause == "one byte");
  CHECK_FALSE(decode_outcome(with(found_text, "corrupt", "mouldy")).has_value());

  const BytesReceived received{identity(), RoomId("r1"), ByteCount(7),
                               parse_digest(k_digest).value(), true};
  const std::string received_text = R"({"v":1,"outcome":"bytes_received",)" + k_identity +
                                    R"("room_id":"r1","size":7,"sha256":")" + k_digest +
                                    R"(","disputed":true})";
  CHECK(encode(Outcome(received)) == received_text);
  const auto received_again = held<BytesReceived>(decode_outcome(received_text));
  CHECK(received_again.identity == identity());
  CHECK(received_again.size == ByteCount(7));
  CHECK(received_again.digest.hex() == k_digest);
  CHECK(received_again.disputed);
}

TEST_CASE("what was found at a destination comes back as it was") {
  DeliveredFound found{.session = {AppId("a1"), ConfNum("c1")},
                       .room_id = RoomId("r1"),
                       .name = "f 1.mov",
                       .location = "s3://bucket/r1/c1/f 1.mov",
                       .destination_name = "awss3",
                       .source_key = SourceKey("s3://bucket/r1/c1/f 1.mov"),
                       .destination = StoreId("there"),
                       .size = ByteCount(7),
                       .digest = sha256("1234567"),
                       .place = "s3://bucket/archive/f 1.mov",
                       .at = parse_rfc3339("2026-01-04T10:00:00.123Z").value()};
  const std::string text = encode(Outcome(found));
  const auto again = held<DeliveredFound>(decode_outcome(text));
  CHECK(again.destination == found.destination);
  CHECK(again.digest == found.digest);
  CHECK(again.place == found.place);
  CHECK(again.at == found.at);
  CHECK(encode(Outcome(again)) == text);

  found.state = ReplicaState::missing;
  found.digest.reset();
  found.cause = "it does not exist";
  const std::string missing = encode(Outcome(found));
  CHECK(held<DeliveredFound>(decode_outcome(missing)).cause == found.cause);
  CHECK(encode(Outcome(held<DeliveredFound>(decode_outcome(missing)))) == missing);
}

}  // namespace reelkeep
