#include "core/records.hpp"

#include <chrono>
#include <utility>

#include "json/json.hpp"

namespace reelkeep {
namespace {

constexpr std::int64_t k_version = 1;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

// ---- writing

void write(json::Writer& writer, const SessionKey& session) {
  writer.member("app_id", session.app_id).member("conf_num", session.conf_num);
}

void write(json::Writer& writer, const std::vector<ArtifactId>& artifacts) {
  writer.key("artifacts").begin_array();
  for (const ArtifactId& artifact : artifacts) writer.value(artifact);
  writer.end_array();
}

void write(json::Writer& writer, const ArtifactIdentity& identity) {
  write(writer, identity.session);
  writer.member("kind", to_string(identity.kind))
      .member("source_key", identity.source_key)
      .member("stage", identity.stage);
}

void write(json::Writer& writer, const Error& error) {
  writer.key("error").begin_object();
  writer.member("code", to_string(error.code)).member("message", error.message);
  if (error.retry_after)
    writer.member("retry_after", static_cast<std::int64_t>(error.retry_after->count()));
  writer.end_object();
}

void write(json::Writer& writer, const ReplicaStored& it) {
  write(writer, it.identity);
  writer.member("room_id", it.room_id)
      .member("store", it.store)
      .member("root", it.root)
      .member("path", it.path)
      .member("location", it.location)
      .member("size", it.size)
      .member("sha256", it.digest)
      .member("verified_at", it.verified_at)
      .member("disputed", it.disputed);
  if (it.wanted.empty()) return;
  writer.key("wanted").begin_array();
  for (const StoreId& store : it.wanted) writer.value(store);
  writer.end_array();
}

void write_destination(json::Writer& writer, const StoreId& destination) {
  if (!destination.empty()) writer.member("destination", destination);
}

// ---- reading

/// Takes members of a record; the first that is missing or of another type is the error.
class Fields {
 public:
  explicit Fields(const json::Value& object) : m_object(object) {}

  std::string text(std::string_view name) {
    const std::optional<std::string_view> text = m_object[name].string();
    if (!text) miss(name, "a string");
    return std::string(text.value_or(""));
  }
  bool flag(std::string_view name) {
    const std::optional<bool> flag = m_object[name].boolean();
    if (!flag) miss(name, "true or false");
    return flag.value_or(false);
  }
  ByteCount bytes(std::string_view name) {
    const std::optional<std::int64_t> number = m_object[name].integer();
    if (!number || *number < 0) miss(name, "a number of bytes");
    return ByteCount(number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0);
  }
  Digest digest(std::string_view name) {
    const Result<Digest> digest = parse_digest(m_object[name].string().value_or(""));
    if (!digest) miss(name, "a SHA-256 digest");
    return digest.value_or(Digest{});
  }
  Timestamp time(std::string_view name) {
    const Result<Timestamp> time = parse_rfc3339(m_object[name].string().value_or(""));
    if (!time) miss(name, "a time");
    return time.value_or(Timestamp{});
  }
  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> texts;
    if (!m_object[name].is_array()) miss(name, "an array");
    for (const json::Value& item : m_object[name].items()) {
      if (!item.string()) miss(name, "an array of strings");
      texts.emplace_back(item.string().value_or(""));
    }
    return texts;
  }
  std::vector<ArtifactId> artifacts() {
    std::vector<ArtifactId> artifacts;
    for (std::string& id : texts("artifacts")) artifacts.emplace_back(std::move(id));
    return artifacts;
  }
  std::vector<Seq> entries() {
    std::vector<Seq> entries;
    if (!m_object["entries"].is_array()) miss("entries", "an array");
    for (const json::Value& item : m_object["entries"].items()) {
      if (!item.integer()) miss("entries", "an array of numbers");
      entries.emplace_back(item.integer().value_or(0));
    }
    return entries;
  }
  SessionKey session() { return {AppId(text("app_id")), ConfNum(text("conf_num"))}; }
  ArtifactIdentity identity() {
    ArtifactIdentity identity;
    identity.session = session();
    const std::optional<ArtifactKind> kind = parse_artifact_kind(text("kind"));
    if (!kind) miss("kind", "a known kind");
    identity.kind = kind.value_or(ArtifactKind::recording);
    identity.source_key = SourceKey(text("source_key"));
    identity.stage = text("stage");
    return identity;
  }
  Error error() {
    Fields inner(m_object["error"]);
    const std::optional<Errc> code = parse_errc(inner.text("code"));
    Error error{code.value_or(Errc::internal), inner.text("message")};
    if (const auto seconds = inner.m_object["retry_after"].integer())
      error.retry_after = std::chrono::seconds(*seconds);
    if (!code || inner.m_problem) miss("error", "a code and a message");
    return error;
  }
  ReplicaStored replica() {
    ReplicaStored it;
    it.identity = identity();
    it.room_id = RoomId(text("room_id"));
    it.store = StoreId(text("store"));
    it.root = text("root");
    it.path = text("path");
    it.location = text("location");
    it.size = bytes("size");
    it.digest = digest("sha256");
    it.verified_at = time("verified_at");
    it.disputed = flag("disputed");
    if (has("wanted"))
      for (std::string& store : texts("wanted")) it.wanted.emplace_back(std::move(store));
    return it;
  }
  std::vector<ReplicaStored> replicas() {
    std::vector<ReplicaStored> replicas;
    if (!m_object["replicas"].is_array()) miss("replicas", "an array");
    for (const json::Value& item : m_object["replicas"].items()) {
      Fields inner(item);
      replicas.push_back(inner.replica());
      if (inner.m_problem && !m_problem) m_problem = inner.m_problem;
    }
    return replicas;
  }
  /// Not in every row: only where a destination is meant.
  StoreId destination() { return has("destination") ? StoreId(text("destination")) : StoreId(); }
  [[nodiscard]] bool has(std::string_view name) const { return !m_object[name].is_null(); }

  /// The value, unless something was missing.
  template <class Record, class Value>
  Result<Record> finish(Value value) {
    if (m_problem) return *m_problem;
    return Record(std::move(value));
  }

 private:
  void miss(std::string_view name, std::string_view expected) {
    if (m_problem) return;
    m_problem = Error{Errc::invalid,
                      "member '" + std::string(name) + "' has to be " + std::string(expected)};
  }

  const json::Value& m_object;
  std::optional<Error> m_problem;
};

Result<json::Value> parse_record(std::string_view body) {
  REELKEEP_ASSIGN(json::Value record, json::parse(body));
  if (!record.is_object()) return Error{Errc::invalid, "a record has to be a JSON object"};
  if (record["v"].integer() != k_version)
    return Error{Errc::invalid, "a record of another version than 1: written by a newer reelkeep?"};
  return record;
}

Error unknown(std::string_view what) {
  return Error{Errc::invalid, "an unknown " + std::string(what) + ": written by a newer reelkeep?"};
}

}  // namespace

std::string encode(const Command& command) {
  json::Writer writer;
  writer.begin_object().member("v", k_version);
  std::visit(Overloaded{
                 [&](const RedownloadCommand& it) {
                   writer.member("command", "redownload");
                   write(writer, it.session);
                   write(writer, it.artifacts);
                   writer.member("replace", it.replace);
                 },
                 [&](const CancelCommand& it) {
                   writer.member("command", "cancel");
                   write(writer, it.session);
                   write(writer, it.artifacts);
                   writer.member("reason", it.reason);
                 },
                 [&](const AcceptCommand& it) {
                   writer.member("command", "accept");
                   write(writer, it.session);
                   writer.member("artifact", it.artifact);
                 },
                 [&](const ReplayCommand& it) {
                   writer.member("command", "replay").key("entries").begin_array();
                   for (const Seq seq : it.entries) writer.value(seq);
                   writer.end_array();
                 },
             },
             command);
  writer.end_object();
  return writer.take();
}

std::string encode(const Outcome& outcome) {
  json::Writer writer;
  writer.begin_object().member("v", k_version);
  std::visit(Overloaded{
                 [&](const ReplicaStored& it) {
                   writer.member("outcome", "replica_stored");
                   write(writer, it);
                 },
                 [&](const Expired& it) {
                   writer.member("outcome", "expired");
                   write(writer, it.identity);
                   write(writer, it.error);
                   write_destination(writer, it.destination);
                 },
                 [&](const Quarantined& it) {
                   writer.member("outcome", "quarantined");
                   write(writer, it.identity);
                   write(writer, it.error);
                   writer.member("sha256", it.digest).member("size", it.size);
                   write_destination(writer, it.destination);
                 },
                 [&](const ReplicaRemoved& it) {
                   writer.member("outcome", "replica_removed");
                   write(writer, it.identity);
                   writer.member("location", it.location);
                 },
                 [&](const ReplicaFound& it) {
                   writer.member("outcome", "replica_found");
                   write(writer, it.identity);
                   writer.member("location", it.location)
                       .member("state", to_string(it.state))
                       .member("at", it.at)
                       .member("cause", it.cause);
                 },
                 [&](const BytesReceived& it) {
                   writer.member("outcome", "bytes_received");
                   write(writer, it.identity);
                   writer.member("room_id", it.room_id)
                       .member("size", it.size)
                       .member("sha256", it.digest)
                       .member("disputed", it.disputed);
                 },
                 [&](const DeliveredFound& it) {
                   writer.member("outcome", "delivered_found");
                   write(writer, it.session);
                   writer.member("room_id", it.room_id)
                       .member("name", it.name)
                       .member("location", it.location)
                       .member("destination_name", it.destination_name)
                       .member("source_key", it.source_key)
                       .member("destination", it.destination)
                       .member("state", to_string(it.state))
                       .member("size", it.size)
                       .member("sha256", it.digest)
                       .member("place", it.place)
                       .member("at", it.at)
                       .member("cause", it.cause);
                   if (it.read) writer.member("read", true);
                 },
                 [&](const ReplicasStored& it) {
                   writer.member("outcome", "replicas_stored").key("replicas").begin_array();
                   for (const ReplicaStored& one : it.replicas) {
                     writer.begin_object();
                     write(writer, one);
                     writer.end_object();
                   }
                   writer.end_array();
                 },
             },
             outcome);
  writer.end_object();
  return writer.take();
}

Result<Command> decode_command(std::string_view body) {
  REELKEEP_ASSIGN(const json::Value record, parse_record(body));
  Fields fields(record);
  const std::string type = fields.text("command");
  if (type == "redownload")
    return fields.finish<Command>(
        RedownloadCommand{fields.session(), fields.artifacts(), fields.flag("replace")});
  if (type == "cancel")
    return fields.finish<Command>(
        CancelCommand{fields.session(), fields.artifacts(), fields.text("reason")});
  if (type == "accept")
    return fields.finish<Command>(
        AcceptCommand{fields.session(), ArtifactId(fields.text("artifact"))});
  if (type == "replay") return fields.finish<Command>(ReplayCommand{fields.entries()});
  return unknown("command");
}

Result<Outcome> decode_outcome(std::string_view body) {
  REELKEEP_ASSIGN(const json::Value record, parse_record(body));
  Fields fields(record);
  const std::string type = fields.text("outcome");
  if (type == "replica_stored") {
    ReplicaStored it = fields.replica();
    return fields.finish<Outcome>(std::move(it));
  }
  if (type == "replicas_stored") {
    ReplicasStored it{fields.replicas()};
    return fields.finish<Outcome>(std::move(it));
  }
  if (type == "expired")
    return fields.finish<Outcome>(Expired{fields.identity(), fields.error(), fields.destination()});
  if (type == "quarantined") {
    Quarantined it{fields.identity(), fields.error(), std::nullopt, fields.bytes("size")};
    if (fields.has("sha256")) it.digest = fields.digest("sha256");
    it.destination = fields.destination();
    return fields.finish<Outcome>(std::move(it));
  }
  if (type == "replica_removed")
    return fields.finish<Outcome>(ReplicaRemoved{fields.identity(), fields.text("location")});
  if (type == "replica_found") {
    ReplicaFound it{fields.identity(), fields.text("location"), ReplicaState::missing,
                    fields.time("at"), fields.text("cause")};
    const std::optional<ReplicaState> state = parse_replica_state(fields.text("state"));
    if (!state) return Error{Errc::invalid, "member 'state' has to be a known replica state"};
    it.state = *state;
    return fields.finish<Outcome>(std::move(it));
  }
  if (type == "bytes_received") {
    BytesReceived it;
    it.identity = fields.identity();
    it.room_id = RoomId(fields.text("room_id"));
    it.size = fields.bytes("size");
    it.digest = fields.digest("sha256");
    it.disputed = fields.flag("disputed");
    return fields.finish<Outcome>(std::move(it));
  }
  if (type == "delivered_found") {
    DeliveredFound it;
    it.session = fields.session();
    it.room_id = RoomId(fields.text("room_id"));
    it.name = fields.text("name");
    it.location = fields.text("location");
    it.destination_name = fields.text("destination_name");
    it.source_key = SourceKey(fields.text("source_key"));
    it.destination = StoreId(fields.text("destination"));
    const std::optional<ReplicaState> state = parse_replica_state(fields.text("state"));
    if (!state) return Error{Errc::invalid, "member 'state' has to be a known replica state"};
    it.state = *state;
    it.size = fields.bytes("size");
    if (fields.has("sha256")) it.digest = fields.digest("sha256");
    it.place = fields.text("place");
    it.at = fields.time("at");
    it.cause = fields.text("cause");
    it.read = fields.has("read") && fields.flag("read");
    return fields.finish<Outcome>(std::move(it));
  }
  return unknown("outcome");
}

}  // namespace reelkeep
