#include <array>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {

namespace {

template <class Word, std::size_t Count>
Word one_of(AnyValue& any, const std::array<Word, Count>& words) {
  return words[static_cast<std::size_t>(any.number(0, static_cast<std::int64_t>(Count) - 1))];
}

constexpr std::array k_kinds{
    ArtifactKind::recording, ArtifactKind::transcoded, ArtifactKind::live_recording,
    ArtifactKind::chatdata,  ArtifactKind::metadata,   ArtifactKind::transcription,
    ArtifactKind::cdr,       ArtifactKind::delivered};
constexpr std::array k_states{
    ArtifactState::planned, ArtifactState::running,   ArtifactState::verifying,
    ArtifactState::waiting, ArtifactState::archived,  ArtifactState::quarantined,
    ArtifactState::expired, ArtifactState::cancelled, ArtifactState::delivered};
constexpr std::array k_codes{Errc::invalid,     Errc::not_found, Errc::unauthorized, Errc::conflict,
                             Errc::unavailable, Errc::timeout,   Errc::no_space,     Errc::corrupt,
                             Errc::internal,    Errc::cancelled};
constexpr std::array k_replica_states{ReplicaState::verified, ReplicaState::superseded,
                                      ReplicaState::delivered, ReplicaState::missing,
                                      ReplicaState::corrupt};
constexpr std::array k_delivery_states{DeliveryState::pending, DeliveryState::applied,
                                       DeliveryState::ignored, DeliveryState::quarantined};

template <class Value>
std::optional<Value> perhaps(AnyValue& any, Value value) {
  if (any.chance()) return value;
  return std::nullopt;
}

ByteCount any_size(AnyValue& any) {
  return ByteCount(static_cast<std::uint64_t>(any.number(0, std::int64_t{1} << 45)));
}

}  // namespace

std::int64_t AnyValue::number(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(m_random);
}

Timestamp AnyValue::time() {
  return Timestamp(Duration(number(1'600'000'000'000, 1'900'000'000'000)));
}

std::string AnyValue::text() {
  static constexpr std::string_view k_letters("aZ0/?&=%. \n\0'\"\xC3\xA9\xFF", 17);
  std::string text;
  for (auto left = number(0, 12); left > 0; --left) {
    text += k_letters[static_cast<std::size_t>(number(0, 16))];
  }
  return text;
}

Digest AnyValue::digest() {
  Digest digest;
  for (std::byte& byte : digest.bytes) byte = static_cast<std::byte>(number(0, 255));
  return digest;
}

Session AnyValue::session() {
  Session session;
  session.key = {AppId(text()), ConfNum(text() + std::to_string(++m_unique))};
  session.room_id = RoomId(text());
  session.started_at = perhaps(*this, time());
  session.ended_at = perhaps(*this, time());
  session.cdr_ready = chance();
  session.first_seen_at = time();
  return session;
}

Artifact AnyValue::artifact(const Session& session) {
  const std::string unique = std::to_string(++m_unique);
  Artifact artifact;
  artifact.session_row = session.row;
  artifact.identity = {session.key, one_of(*this, k_kinds), SourceKey(text() + unique), text()};
  artifact.id = ArtifactId(digest().hex().substr(0, 12));
  artifact.room_id = RoomId(text());
  artifact.name = text();
  artifact.url = text();
  artifact.url_at = time();
  artifact.host = "host" + std::to_string(number(0, 3));
  artifact.staging_name = artifact.id.get();
  artifact.path = chance() ? "room/" + unique : "";
  artifact.declared_size = perhaps(*this, ByteCount(~0ULL));
  artifact.offered_at = time();
  artifact.deadline = time();
  artifact.known_at = time();
  artifact.state = one_of(*this, k_states);
  artifact.disputed = chance();
  artifact.refetch = chance();
  artifact.replace = chance();
  artifact.in_hand = chance();
  artifact.attempts = number(0, 1000);
  artifact.next_attempt_at = perhaps(*this, time());
  if (chance()) {
    artifact.error = Error{one_of(*this, k_codes), text()};
    artifact.error->retry_after = perhaps(*this, std::chrono::seconds(number(0, 3600)));
  }
  artifact.size = perhaps(*this, any_size(*this));
  artifact.digest = perhaps(*this, digest());
  artifact.received = any_size(*this);
  if (chance()) {
    artifact.resume = ResumePoint{any_size(*this), text(), perhaps(*this, any_size(*this)), text()};
  }
  artifact.bad_digest = perhaps(*this, digest());
  artifact.deaths = static_cast<int>(number(0, 3));
  return artifact;
}

Replica AnyValue::replica() {
  Replica replica;
  replica.store = perhaps(*this, StoreId(text()));
  replica.path = text();
  replica.location = "/archive/" + std::to_string(++m_unique) + text();
  replica.size = any_size(*this);
  replica.digest = perhaps(*this, digest());
  replica.state = one_of(*this, k_replica_states);
  replica.verified_at = perhaps(*this, time());
  replica.found_at = perhaps(*this, time());
  replica.cause = text();
  replica.read_at = perhaps(*this, time());
  replica.audit_at = perhaps(*this, time());
  return replica;
}

DeliveryRecord AnyValue::delivery(Seq seq) {
  DeliveryRecord record;
  record.seq = seq;
  record.received_at = time();
  record.app_id = text();
  record.type = text();
  record.conf_num = text();
  record.state = one_of(*this, k_delivery_states);
  record.reason = perhaps(*this, text());
  record.duplicates = number(0, 5);
  return record;
}

}  // namespace reelkeep::testing
