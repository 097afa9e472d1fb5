#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/projector.hpp"
#include "enablex/payload.hpp"
#include "sqlite/catalog.hpp"
#include "sqlite/journal.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

inline const Timestamp k_noon{std::chrono::seconds(1'767'520'800)};  // 2026-01-04T10:00:00Z

inline const ApiAccess k_api{Url::parse("https://api.enablex.io/video/v2/").value(),
                             Credential{"a1", Secret("k")}};

/// A webhook body of one session; `more` begins with a comma.
inline std::string body(const std::string& type, const std::string& more = "",
                        const std::string& conf = "c1") {
  return R"({"type":")" + type +
         R"(","trans_date":1767520800,"app_id":"a1","room_id":"r1","conf_num":")" + conf + "\"" +
         more + "}";
}

/// A real journal and a real catalog in a folder of their own, with the projector between them.
class Projection {
 public:
  Projection() {
    policy.projects.push_back({.app_id = AppId("*"),
                               .credential = Credential{"u", Secret("p")},
                               .api = k_api,
                               .stores = {StoreId("local")}});
    writer = sqlite::open_journal_writer(dir.path("journal.db"), {}).value();
    reader = sqlite::open_journal_reader(dir.path("journal.db")).value();
    provider = enablex::make_provider({});
    reopen();
  }

  /// As a new start would.
  core::Rebuild reopen(bool unclean = false) {
    projector.reset();
    catalog.reset();
    catalog = sqlite::open_catalog(dir.path("catalog.db")).value();
    projector = std::make_unique<core::Projector>(*reader, *catalog, *provider);
    return projector->begin(unclean).value();
  }

  /// In place of the journal: an older copy of it. reopen() comes next.
  void put_journal_back(const std::string& copy) {
    projector.reset();
    writer.reset();
    reader.reset();
    std::filesystem::remove(dir.path("journal.db-wal"));
    std::filesystem::remove(dir.path("journal.db-shm"));
    dir.write("journal.db", copy);
    writer = sqlite::open_journal_writer(dir.path("journal.db"), {}).value();
    reader = sqlite::open_journal_reader(dir.path("journal.db")).value();
  }

  Seq deliver(const std::string& bytes, const std::string& user = "", Timestamp at = k_noon) {
    return writer->append_and_wait({.received_at = at, .body = bytes, .user = user}).value().seq;
  }
  Seq record(EntryKind kind, const std::string& bytes, Timestamp at = k_noon) {
    return writer->append_and_wait({.kind = kind, .received_at = at, .body = bytes}).value().seq;
  }
  core::Effects advance() {
    core::Effects effects;
    while (projector->advance(policy, effects, 64).value()) {
    }
    return effects;
  }

  SessionView show(const std::string& conf = "c1") {
    auto found =
        sqlite::open_catalog_reader(dir.path("catalog.db")).value()->find(ConfNum(conf), {});
    if (!found || found->empty()) return {};
    return found->front();
  }

  TempDir dir;
  core::Policy policy;
  std::unique_ptr<JournalWriter> writer;
  std::unique_ptr<JournalReader> reader;
  std::unique_ptr<Provider> provider;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<core::Projector> projector;
};

}  // namespace reelkeep::testing
