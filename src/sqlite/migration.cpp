#include "sqlite/migration.hpp"

#include <fmt/core.h>

#include "sqlite/place.hpp"

namespace reelkeep::sqlite {

namespace {

/// Errc::conflict unless the file is ours, or has nothing in it yet.
Status check_owner(Connection& connection, const Schema& schema) {
  return connection.guarded([&]() -> Status {
    // At one moment: another process may just be making it.
    Transaction moment(connection, Access::read);
    const auto owner = connection.number("PRAGMA application_id");
    if (owner == schema.application_id) return {};
    const bool fresh = owner == 0 && connection.number("PRAGMA user_version") == 0 &&
                       connection.number("SELECT count(*) FROM sqlite_schema") == 0;
    if (fresh) return {};
    return Error{Errc::conflict,
                 fmt::format("{} is not a {} of reelkeep: it belongs to another program",
                             connection.path(), schema.noun)};
  });
}

Result<std::int64_t> version_of(Connection& connection) {
  return connection.guarded(
      [&]() -> Result<std::int64_t> { return connection.number("PRAGMA user_version"); });
}

Status refuse(const Connection& connection, const Schema& schema, std::int64_t version) {
  const auto known = static_cast<std::int64_t>(schema.steps.size());
  if (version == known) return {};
  if (version > known) {
    return Error{Errc::conflict,
                 fmt::format("{} {} was written by a newer reelkeep (schema {}, this one knows {}):"
                             " upgrade this program",
                             schema.noun, connection.path(), version, known)};
  }
  return Error{Errc::conflict,
               fmt::format("{} {} has the older schema {}, this reelkeep needs {}: start the agent "
                           "once to migrate it",
                           schema.noun, connection.path(), version, known)};
}

Status migrate(Connection& connection, const Schema& schema) {
  return connection.guarded([&]() -> Status {
    Transaction transaction(connection, Access::write);
    // Read again under the lock: another process may have done the work meanwhile.
    const auto version = connection.number("PRAGMA user_version");
    if (version < 0) return refuse(connection, schema, version);
    for (auto step = static_cast<std::size_t>(version); step < schema.steps.size(); ++step) {
      connection.execute(schema.steps[step]);
    }
    connection.execute(fmt::format("PRAGMA application_id = {}", schema.application_id));
    connection.execute(fmt::format("PRAGMA user_version = {}", schema.steps.size()));
    transaction.commit();
    return {};
  });
}

Error absent(const std::string& path, const Schema& schema) {
  return Error{Errc::not_found,
               fmt::format("there is no {} at {}: start the agent once, or check state_dir",
                           schema.noun, path)};
}

/// SQLite deletes the -wal that it finds beside an empty file.
Status check_orphan(const std::string& path, const Schema& schema) {
  REELKEEP_ASSIGN(const bool orphan, file_exists(path + "-wal"));
  if (!orphan) return {};
  return Error{Errc::corrupt,
               fmt::format("the {} {} is gone but its -wal is still there: restore the file, or "
                           "move the -wal away to begin a new {}",
                           schema.noun, path, schema.noun)};
}

}  // namespace

Result<std::unique_ptr<Connection>> open_for_writing(const std::string& path, const Schema& schema,
                                                     SchemaPolicy policy) {
  REELKEEP_ASSIGN(const bool exists, file_exists(path));
  if (!exists && !policy.create) return absent(path, schema);
  REELKEEP_TRY(check_filesystem(path));
  if (!exists && schema.evidence) REELKEEP_TRY(check_orphan(path, schema));
  if (!exists) REELKEEP_TRY(create_private_file(path));
  REELKEEP_TRY(make_private(path));
  REELKEEP_ASSIGN(auto connection, Connection::open(path, Access::write));
  REELKEEP_TRY(check_owner(*connection, schema));
  REELKEEP_ASSIGN(const auto version, version_of(*connection));
  const bool older = version < static_cast<std::int64_t>(schema.steps.size());
  if (!(older && policy.migrate)) REELKEEP_TRY(refuse(*connection, schema, version));
  REELKEEP_TRY(connection->use_wal(schema.wal_pages));
  if (older) REELKEEP_TRY(migrate(*connection, schema));
  return connection;
}

Result<std::unique_ptr<Connection>> open_for_reading(const std::string& path,
                                                     const Schema& schema) {
  REELKEEP_ASSIGN(const bool exists, file_exists(path));
  if (!exists) return absent(path, schema);
  REELKEEP_ASSIGN(auto connection, Connection::open(path, Access::read));
  REELKEEP_TRY(check_owner(*connection, schema));
  REELKEEP_ASSIGN(const auto version, version_of(*connection));
  // The agent makes the file first, and all that is in it in one transaction.
  if (version == 0) return absent(path, schema);
  REELKEEP_TRY(refuse(*connection, schema, version));
  return connection;
}

}  // namespace reelkeep::sqlite
