#pragma once

#include "sqlite/migration.hpp"

namespace reelkeep::sqlite {

/// position: where the projection stands (one row). note: small values of the agent's own.
/// delivery, session, artifact, replica, pushed_file: the values of the model. artifact_count:
/// artifacts per state, kept by triggers.
///
/// Columns that repeat others, so that an index can serve what would be a computation:
/// - artifact: path_fold (text::fold_name of path; NULL without one), work (is_work(state)),
///   needs_source (work whose bytes are not complete in staging), claimable, due_at (when waiting
///   ends; 0 for one without a next attempt), staged (staging must keep its files).
/// - session: what `sessions` shows, brought up to date before every commit that touched it:
///   artifacts, archived, bytes, counted, lost, work, urgent_deadline, latest_deadline.
const Schema& catalog_schema() noexcept;

/// Drops every table, inside the caller's transaction. Throws like Connection.
void drop_catalog_tables(Connection& connection);

}  // namespace reelkeep::sqlite
