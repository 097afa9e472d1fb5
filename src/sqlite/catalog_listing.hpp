#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reelkeep/port/catalog.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// Work left, and the deadline of what must still come from its source; both by index.
inline constexpr std::string_view k_figures =
    "SELECT (SELECT min(known_at) FROM artifact INDEXED BY artifact_known WHERE work = 1),"
    " (SELECT min(deadline) FROM artifact INDEXED BY artifact_deadline WHERE needs_source = 1)";

inline constexpr std::string_view k_quarantined_deliveries =
    "SELECT count(*) FROM delivery INDEXED BY delivery_state WHERE state = 'quarantined'";

/// The queue of the forecast, from its index alone. Parameters: deadline and row to go on behind.
inline constexpr std::string_view k_queue =
    "SELECT deadline, kind, declared_size, resume_length, received, row FROM artifact INDEXED BY "
    "artifact_deadline"
    " WHERE needs_source = 1 AND (deadline, row) > (?, ?) ORDER BY deadline, row";
/// Parameter: how many of the newest.
inline constexpr std::string_view k_typical_sizes =
    "SELECT kind, CAST(avg(size) AS INTEGER) FROM (SELECT kind, size FROM artifact"
    " INDEXED BY artifact_state WHERE state = 'archived'"
    " AND state NOT IN ('planned', 'running') ORDER BY row DESC LIMIT ?)"
    " WHERE size IS NOT NULL GROUP BY kind";

/// Which rows of a listing: floor <= row < below, the newest `limit` of them.
struct PageBounds {
  std::int64_t below;
  std::int64_t floor;
  std::int64_t limit;
};

/// Pages of `sessions`: the summary columns of the session table, never its artifacts.
class SessionListing {
 public:
  /// A deadline before `horizon` is overdue.
  SessionListing(const ListFilter& filter, Timestamp horizon);
  /// The lowest row that `since` lets in: rows are almost in the order of first_seen_at, so the
  /// search ends where nothing can follow. Throws as Query does.
  std::int64_t floor(Connection& connection) const;
  /// Newest first. Throws as Query does.
  std::vector<SessionSummary> page(Connection& connection, const PageBounds& bounds) const;
  /// Parameters: horizon, below, floor, then those of the filter, then the limit.
  [[nodiscard]] const std::string& sql() const noexcept { return m_sql; }

 private:
  const ListFilter m_filter;
  const Timestamp m_horizon;
  std::string m_sql;
};

/// Pages of `deliveries`.
class DeliveryListing {
 public:
  explicit DeliveryListing(const ListFilter& filter);
  std::int64_t floor(Connection& connection) const;
  std::vector<DeliveryRecord> page(Connection& connection, const PageBounds& bounds) const;
  /// Parameters: below, floor, then those of the filter, then the limit.
  [[nodiscard]] const std::string& sql() const noexcept { return m_sql; }

 private:
  const ListFilter m_filter;
  std::string m_sql;
};

}  // namespace reelkeep::sqlite
