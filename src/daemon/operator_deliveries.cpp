// Deliveries as the operator sees them: what the catalog made of them, and what it has not seen
// yet.
#include <algorithm>
#include <limits>

#include "daemon/operator.hpp"
#include "daemon/operator_masking.hpp"
#include "enablex/payload.hpp"

namespace reelkeep::daemon {
namespace {

/// Rows of the journal read at once: their bodies are in memory together.
constexpr std::int64_t k_window = 32;

DeliveryRecord pending_record(const Entry& entry, const Provider& provider) {
  DeliveryRecord record{.seq = entry.seq, .received_at = entry.received_at};
  if (!entry.body) return record;
  if (const auto decoded = provider.decode(*entry.body, entry.received_at)) {
    record.app_id = decoded->app_id;
    record.type = decoded->type;
    record.conf_num = decoded->conf_num;
  }
  return record;
}

bool matches(const DeliveryRecord& record, const ListFilter& filter) {
  return (!filter.app_id || record.app_id == filter.app_id->get()) &&
         (!filter.conf_num || record.conf_num == filter.conf_num->get()) &&
         (!filter.since || record.received_at >= *filter.since) &&
         (!filter.state || *filter.state == to_string(DeliveryState::pending));
}

}  // namespace

/// Whether `row` wants more.
Result<bool> Operator::pending_deliveries(const ListFilter& filter, Seq applied, std::int64_t& left,
                                          const std::function<bool(const DeliveryRecord&)>& row) {
  REELKEEP_ASSIGN(JournalReader * reader, journal());
  REELKEEP_ASSIGN(const JournalPosition end, reader->end());
  const auto provider = enablex::make_provider({});
  std::int64_t below = end.cursor.get() + 1;
  if (filter.after) below = std::min(below, *filter.after);
  while (below > applied.get() + 1 && left > 0) {
    const std::int64_t from = std::max(applied.get(), below - 1 - k_window);
    REELKEEP_ASSIGN(std::vector<Entry> entries,
                    reader->read(Seq(from), static_cast<std::size_t>(below - 1 - from)));
    for (auto entry = entries.rbegin(); entry != entries.rend() && left > 0; ++entry) {
      if (entry->seq.get() >= below || entry->kind != EntryKind::delivery) continue;
      DeliveryRecord record = pending_record(*entry, *provider);
      if (!matches(record, filter)) continue;
      REELKEEP_ASSIGN(record.duplicates, reader->duplicates(entry->seq));
      --left;
      if (!row(record)) return false;
    }
    below = from + 1;
  }
  return left > 0;
}

Status Operator::deliveries(const ListFilter& filter,
                            const std::function<bool(const DeliveryRecord&)>& row) {
  REELKEEP_ASSIGN(const Seq applied, applied_to());
  std::int64_t left = filter.limit < 0 ? std::numeric_limits<std::int64_t>::max() : filter.limit;
  REELKEEP_ASSIGN(const bool go_on, pending_deliveries(filter, applied, left, row));
  if (!go_on || applied.get() == 0) return {};
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  ListFilter rest = filter;
  // The agent may have applied more meanwhile: what was told as pending is not told again.
  rest.after = std::min(filter.after.value_or(applied.get() + 1), applied.get() + 1);
  rest.limit = filter.limit < 0 ? -1 : left;
  return reader->deliveries(rest, row);
}

Result<Entry> Operator::delivery(Seq seq) {
  REELKEEP_ASSIGN(JournalReader * reader, journal());
  REELKEEP_ASSIGN(std::optional<Entry> entry, reader->find(seq));
  const std::string name = "delivery " + std::to_string(seq.get());
  if (!entry)
    return Error{Errc::not_found,
                 "no " + name + " is in the journal; list them with: reelkeep deliveries"};
  if (entry->kind != EntryKind::delivery)
    return Error{Errc::not_found, "no " + name + ": that row of the journal is of kind " +
                                      std::string(to_string(entry->kind)) +
                                      "; list deliveries with: reelkeep deliveries"};
  return *std::move(entry);
}

std::string Operator::masked(const std::string& body) const {
  std::vector<std::string> volatile_query;
  for (const ProjectConfig& project : m_config.projects)
    volatile_query.insert(volatile_query.end(), project.volatile_query.begin(),
                          project.volatile_query.end());
  return mask_secrets(body, volatile_query);
}

}  // namespace reelkeep::daemon
