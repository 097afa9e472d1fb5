#include "sqlite/catalog_listing.hpp"

#include <fmt/core.h>
#include <limits>

#include "sqlite/catalog_rows.hpp"

namespace reelkeep::sqlite {

namespace {

// model::session_state() over the summary; ?1 is the horizon. A test compares the two.
constexpr std::string_view k_state =
    "CASE WHEN lost > 0 THEN 'lost' WHEN stuck > 0 OR urgent_deadline < ?1 THEN 'overdue'"
    " WHEN work > 0 THEN 'waiting'"
    " WHEN counted = 0 OR (started_at IS NOT NULL AND ended_at IS NULL) THEN 'open'"
    " ELSE 'complete' END";

/// What every session in that state fulfils and an index lists; nothing: too many do.
struct Candidates {
  std::string_view index;
  std::string_view condition;
};

std::optional<Candidates> candidates(SessionState state) noexcept {
  switch (state) {
    case SessionState::lost:
      return Candidates{"session_lost", "lost > 0"};
    case SessionState::overdue:
    case SessionState::waiting:
      return Candidates{"session_work", "work > 0"};
    case SessionState::open:
      return Candidates{"session_idle",
                        "(counted = 0 OR (started_at IS NOT NULL AND ended_at IS NULL))"};
    case SessionState::complete:
      break;
  }
  return std::nullopt;
}

std::string session_sql(const ListFilter& filter) {
  std::string from = "session";
  std::string where = "row < ? AND row >= ?";
  if (filter.app_id) where += " AND app_id = ?";
  if (filter.since) where += " AND first_seen_at >= ?";
  if (filter.state) {
    const auto state = parse_session_state(*filter.state);
    if (const auto found = state ? candidates(*state) : std::nullopt) {
      from += fmt::format(" INDEXED BY {}", found->index);
      where += fmt::format(" AND {}", found->condition);
    }
    where += fmt::format(" AND {} = ?", k_state);
  }
  return fmt::format(
      "SELECT {}, {}, counted, archived, bytes, stuck, ifnull(urgent_deadline, latest_deadline)"
      " FROM {} WHERE {} ORDER BY row DESC LIMIT ?",
      k_session_columns, k_state, from, where);
}

std::string delivery_sql(const ListFilter& filter) {
  std::string where = "seq < ? AND seq >= ?";
  if (filter.app_id) where += " AND app_id = ?";
  if (filter.conf_num) where += " AND conf_num = ? AND conf_num <> ''";
  if (filter.since) where += " AND received_at >= ?";
  if (filter.state) where += " AND state = ?";
  return fmt::format("SELECT {} FROM delivery {} WHERE {} ORDER BY seq DESC LIMIT ?",
                     k_delivery_columns, filter.conf_num ? "INDEXED BY delivery_session" : "",
                     where);
}

void bind_filter(Query& query, const ListFilter& filter) {
  if (filter.app_id) query.bind(*filter.app_id);
  if (filter.conf_num) query.bind(*filter.conf_num);
  if (filter.since) query.bind(*filter.since);
  if (filter.state) query.bind(*filter.state);
}

std::int64_t lowest_since(Connection& connection, std::string_view sql, const ListFilter& filter) {
  if (!filter.since) return std::numeric_limits<std::int64_t>::min();
  Query query(connection, sql, *filter.since);
  query.step();
  return query.next<std::optional<std::int64_t>>().value_or(
      std::numeric_limits<std::int64_t>::max());
}

}  // namespace

SessionListing::SessionListing(const ListFilter& filter, Timestamp horizon)
    : m_filter(filter), m_horizon(horizon), m_sql(session_sql(filter)) {}

std::int64_t SessionListing::floor(Connection& connection) const {
  return lowest_since(connection, "SELECT min(row) FROM session WHERE first_seen_at >= ?",
                      m_filter);
}

std::vector<SessionSummary> SessionListing::page(Connection& connection,
                                                 const PageBounds& bounds) const {
  Query query(connection, m_sql, m_horizon, bounds.below, bounds.floor);
  bind_filter(query, m_filter);
  query.bind(bounds.limit);
  std::vector<SessionSummary> page;
  while (query.step()) {
    SessionSummary summary;
    summary.session = read_session(query);
    query.read(summary.state);
    query.read(summary.artifacts);
    query.read(summary.archived);
    query.read(summary.bytes);
    query.read(summary.stuck);
    query.read(summary.deadline);
    page.push_back(std::move(summary));
  }
  return page;
}

DeliveryListing::DeliveryListing(const ListFilter& filter)
    : m_filter(filter), m_sql(delivery_sql(filter)) {}

std::int64_t DeliveryListing::floor(Connection& connection) const {
  return lowest_since(connection, "SELECT min(seq) FROM delivery WHERE received_at >= ?", m_filter);
}

std::vector<DeliveryRecord> DeliveryListing::page(Connection& connection,
                                                  const PageBounds& bounds) const {
  Query query(connection, m_sql, bounds.below, bounds.floor);
  bind_filter(query, m_filter);
  query.bind(bounds.limit);
  std::vector<DeliveryRecord> page;
  while (query.step()) page.push_back(read_delivery(query));
  return page;
}

}  // namespace reelkeep::sqlite
