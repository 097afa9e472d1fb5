#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "reelkeep/base/text.hpp"

#include "daemon/config_load.hpp"
#include "daemon/operator.hpp"
#include "daemon/runtime.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

inline Timestamp at(const std::string& text) {
  return parse_rfc3339(text).value();
}

/// A state directory with a journal and a catalog that a test fills, as an agent would have left
/// them, and a configuration file that names it.
class StateFixture {
 public:
  StateFixture() {
    m_config_path = m_folder.write("config.toml", "[agent]\nstate_dir = \"state\"\n");
    m_config = daemon::load_config(m_config_path, {}).config.value();
    m_folder.write("state/archive/.staging/none", "");
    m_journal = sqlite::open_journal_writer(daemon::journal_path(m_config), {}).value();
    m_catalog = sqlite::open_catalog(daemon::catalog_path(m_config)).value();
  }

  [[nodiscard]] const TempDir& folder() const { return m_folder; }
  [[nodiscard]] const std::string& config_path() const { return m_config_path; }
  [[nodiscard]] const daemon::Config& config() const { return m_config; }
  /// Until then no app_id has a [[project]].
  void configure_project() { m_config.projects.emplace_back(); }
  [[nodiscard]] Catalog& catalog() { return *m_catalog; }
  [[nodiscard]] daemon::Operator state() { return daemon::Operator::open(m_config).value(); }

  Seq deliver(const std::string& body, Timestamp received = at("2026-01-01T11:00:00Z")) {
    return m_journal->append_and_wait({.received_at = received, .body = body}).value().seq;
  }
  /// The catalog has taken up the journal to its end.
  void take_up() {
    const auto end = sqlite::open_journal_reader(daemon::journal_path(m_config)).value()->end();
    REQUIRE(m_catalog->transact([&] { return m_catalog->set_position(end.value()); }));
  }
  [[nodiscard]] std::int64_t journal_end() const {
    auto reader = sqlite::open_journal_reader(daemon::journal_path(m_config)).value();
    return reader->end()->cursor.get();
  }
  Session add_session(const std::string& app_id, const std::string& conf_num) {
    Session session{.row = SessionRow(0),
                    .key = {AppId(app_id), ConfNum(conf_num)},
                    .room_id = RoomId("room-1"),
                    .first_seen_at = at("2026-01-01T10:00:00Z")};
    Result<Session> put = session;
    REQUIRE(m_catalog->transact([&]() -> Status {
      put = m_catalog->put_session(session);
      return put ? Status() : Status(put.error());
    }));
    return put.value();
  }
  /// `id` decides every name of it.
  Artifact add_artifact(const Session& session, const std::string& id, ArtifactState state,
                        ArtifactKind kind = ArtifactKind::recording) {
    Artifact artifact = artifact_of(session, id, state, kind);
    Result<Artifact> put = artifact;
    REQUIRE(m_catalog->transact([&]() -> Status {
      put = m_catalog->put_artifact(artifact);
      return put ? Status() : Status(put.error());
    }));
    return put.value();
  }
  Artifact update(Artifact artifact) {
    REQUIRE(m_catalog->transact([&]() -> Status {
      const auto put = m_catalog->put_artifact(artifact);
      return put ? Status() : Status(put.error());
    }));
    return artifact;
  }
  void add_replica(const Artifact& artifact, const Replica& replica) {
    REQUIRE(m_catalog->transact([&] { return m_catalog->put_replica(artifact.row, replica); }));
  }

  static Artifact artifact_of(const Session& session, const std::string& id, ArtifactState state,
                              ArtifactKind kind) {
    Artifact artifact;
    artifact.session_row = session.row;
    artifact.identity = {session.key, kind, SourceKey("files.example.com/" + id), ""};
    artifact.id = ArtifactId(id);
    artifact.room_id = session.room_id;
    artifact.name = id + ".mov";
    artifact.url = "https://files.example.com/" + id + ".mov?X-Amz-Signature=hidden&part=1";
    artifact.host = "files.example.com:443";
    artifact.staging_name = id;
    artifact.path = "room-1/" + session.key.conf_num.get() + "/" + id + ".mov";
    artifact.offered_at = artifact.known_at = artifact.url_at = at("2026-01-01T10:00:00Z");
    artifact.deadline = at("2026-01-04T10:00:00Z");
    artifact.state = state;
    return artifact;
  }

 private:
  TempDir m_folder;
  std::string m_config_path;
  daemon::Config m_config;
  std::unique_ptr<JournalWriter> m_journal;
  std::unique_ptr<Catalog> m_catalog;
};

}  // namespace reelkeep::testing
