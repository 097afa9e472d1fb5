#include "core/projector.hpp"

#include <algorithm>
#include <cstdlib>

#include "reelkeep/base/log.hpp"

#include "core/crash_drill.hpp"
#include "core/records.hpp"

namespace reelkeep::core {
namespace {

constexpr int k_deaths_to_quarantine = 2;
constexpr std::int64_t k_careful_span = 1000;  ///< more than one transaction applies

/// Notes of deaths. The first kind stays with a row that was quarantined for them.
std::string poison_note(Seq seq) {
  return "poison:" + std::to_string(seq.get());
}
std::string poison_note(const Receipt& receipt) {
  return "poison-receipt:" + std::to_string(receipt.id);
}

const std::string k_history_end = "history_end";
const std::string k_history_receipts = "history_receipts";

/// A journal that cannot be read says nothing about the catalog.
template <class T>
Result<T> of_journal(Result<T> read) {
  if (read) return read;
  Error error = read.error().within("the journal");
  if (error.code == Errc::corrupt) {
    error.code = Errc::unavailable;
    error.message +=
        "; nothing behind that row is taken up: stop the agent, keep the file, and restore the "
        "journal (README, \"Back up, restore, upgrade\")";
  }
  return error;
}

/// A catalog that cannot be written or read is no fault of the row: it is tried again, or the
/// catalog is given up.
bool is_catalogs_fault(const Error& error) {
  switch (error.code) {
    case Errc::no_space:
    case Errc::timeout:
    case Errc::unavailable:
    case Errc::unauthorized:
    case Errc::corrupt:
    case Errc::cancelled:
      return true;
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::internal:
      return false;
  }
  return false;
}

/// Reads an integer that we wrote ourselves.
std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

Result<Rebuild> Projector::begin(bool unclean) {
  REELKEEP_ASSIGN(const std::optional<JournalPosition> known, m_catalog.position());
  REELKEEP_ASSIGN(const JournalPosition end, of_journal(m_journal.end()));
  Rebuild rebuild = Rebuild::none;
  if (!known) {
    rebuild = end.cursor.get() > 0 ? Rebuild::first_start : Rebuild::none;
  } else {
    REELKEEP_ASSIGN(const std::optional<Digest> chain,
                    known->cursor.get() == 0 ? Result<std::optional<Digest>>(Digest{})
                                             : of_journal(m_journal.chain_at(known->cursor)));
    const bool same = known->journal_id == end.journal_id && known->cursor <= end.cursor &&
                      chain == known->chain && known->receipts <= end.receipts;
    if (!same) rebuild = Rebuild::journal_replaced;
  }
  if (known && rebuild == Rebuild::none) {
    m_position = *known;
    // A rebuild that was interrupted goes on as one.
    REELKEEP_ASSIGN(const auto entries, m_catalog.note(k_history_end));
    REELKEEP_ASSIGN(const auto receipts, m_catalog.note(k_history_receipts));
    if (entries) m_history_end = Seq(number(*entries));
    if (receipts) m_history_receipts = number(*receipts);
  } else {
    m_position = JournalPosition{.journal_id = end.journal_id};
    m_history_end = end.cursor;
    m_history_receipts = end.receipts;
    REELKEEP_TRY(m_catalog.transact([&]() -> Status {
      REELKEEP_TRY(m_catalog.clear());
      REELKEEP_TRY(m_catalog.set_note(k_history_end, std::to_string(m_history_end.get())));
      REELKEEP_TRY(m_catalog.set_note(k_history_receipts, std::to_string(m_history_receipts)));
      return m_catalog.set_position(m_position);
    }));
  }
  if (unclean) {
    m_careful_until = std::min(end.cursor, Seq(m_position.cursor.get() + k_careful_span));
    m_careful_receipts = std::min(end.receipts, m_position.receipts + k_careful_span);
  }
  return rebuild;
}

Result<bool> Projector::advance(const Policy& policy, Effects& effects, std::size_t limit,
                                const std::function<bool()>& is_enough) {
  REELKEEP_ASSIGN(const bool entries, advance_entries(policy, effects, limit, is_enough));
  if (entries) return true;
  return advance_receipts(policy, effects, limit, is_enough);
}

/// Notes that what comes next may end the process, unless it did so twice.
Result<bool> Projector::died_twice(const std::string& note) {
  if (m_noted == note) return false;  // tried before in this run: no death between
  REELKEEP_ASSIGN(const auto noted, m_catalog.note(note));
  const std::int64_t deaths = noted ? number(*noted) : 0;
  if (deaths >= k_deaths_to_quarantine) return true;
  m_noted = note;
  REELKEEP_TRY(
      m_catalog.transact([&] { return m_catalog.set_note(note, std::to_string(deaths + 1)); }));
  return false;
}

Result<bool> Projector::advance_entries(const Policy& policy, Effects& effects, std::size_t limit,
                                        const std::function<bool()>& is_enough) {
  const bool careful = m_position.cursor < m_careful_until;
  REELKEEP_ASSIGN(const std::vector<Entry> entries,
                  of_journal(m_journal.read(m_position.cursor, careful ? 1 : limit)));
  if (entries.empty()) return false;
  bool poison = false;
  if (careful) {
    REELKEEP_ASSIGN(poison, died_twice(poison_note(entries.front().seq)));
  }

  JournalPosition position = m_position;
  Effects found;
  const auto apply_all = [&](Rows rows) {
    position = m_position;
    found.clear();
    return m_catalog.transact([&]() -> Status {
      for (const Entry& entry : entries) {
        Status applied;
        const std::size_t found_before = found.size();
        if (poison)
          applied = Error{Errc::internal,
                          "applying this row ended the process twice; it is kept for study"};
        else if (rows == Rows::together)
          applied = apply(policy, entry, Occasion::first, entry.user, found);
        else
          applied = m_catalog.transact(
              [&] { return apply(policy, entry, Occasion::first, entry.user, found); });
        if (!applied) {
          if (is_catalogs_fault(applied.error())) return applied.error();
          if (rows == Rows::together && m_has_touched) return applied.error();
          REELKEEP_TRY(quarantine(entry, (poison ? "internal: " : "") + applied.error().message));
          found.resize(found_before);
          if (!poison) REELKEEP_TRY(apply_apart(policy, entry, found));
        }
        position.cursor = entry.seq;
        position.chain = entry.chain;
        // Taken back and applied anew: what the first pass took does not count.
        if (rows == Rows::together && is_enough && &entry != &entries.back() && is_enough()) break;
      }
      if (careful && !poison)
        REELKEEP_TRY(m_catalog.set_note(poison_note(position.cursor), std::nullopt));
      return m_catalog.set_position(position);
    });
  };
  // Hardly ever a row fails half-way and has to be taken back alone; a savepoint for each costs.
  Status applied = apply_all(poison ? Rows::alone : Rows::together);
  if (!applied && !is_catalogs_fault(applied.error())) applied = apply_all(Rows::alone);
  if (!applied) return applied.error();
  m_position = position;
  std::ranges::move(found, std::back_inserter(effects));
  return true;
}

Result<bool> Projector::advance_receipts(const Policy& policy, Effects& effects, std::size_t limit,
                                         const std::function<bool()>& is_enough) {
  const bool careful = m_position.receipts < m_careful_receipts;
  REELKEEP_ASSIGN(const std::vector<Receipt> receipts,
                  of_journal(m_journal.receipts(m_position.receipts, careful ? 1 : limit)));
  // Evidence of a row that is not applied yet waits for it.
  if (receipts.empty() || receipts.front().seq > m_position.cursor) return false;
  bool poison = false;
  if (careful) {
    REELKEEP_ASSIGN(poison, died_twice(poison_note(receipts.front())));
    if (poison)
      log::error("applying a repeated delivery ended the process twice: it is only counted",
                 {{"seq", std::to_string(receipts.front().seq.get())}});
  }
  JournalPosition position = m_position;
  Effects found;
  REELKEEP_TRY(m_catalog.transact([&]() -> Status {
    for (const Receipt& receipt : receipts) {
      if (receipt.seq > position.cursor) break;
      if (!poison) REELKEEP_TRY(apply_receipt(policy, receipt, found));
      REELKEEP_ASSIGN(std::optional<DeliveryRecord> record, m_catalog.delivery(receipt.seq));
      if (record) {
        record->duplicates += 1;
        REELKEEP_TRY(m_catalog.put_delivery(*record));
      }
      position.receipts = receipt.id;
      if (is_enough && &receipt != &receipts.back() && is_enough()) break;
    }
    if (careful) REELKEEP_TRY(m_catalog.set_note(poison_note(receipts.front()), std::nullopt));
    return m_catalog.set_position(position);
  }));
  m_position = position;
  std::ranges::move(found, std::back_inserter(effects));
  return true;
}

/// What the repetition of a delivery makes due or tries again; its count is the caller's.
Status Projector::apply_receipt(const Policy& policy, const Receipt& receipt, Effects& effects) {
  REELKEEP_ASSIGN(std::optional<Entry> entry, of_journal(m_journal.find(receipt.seq)));
  if (!entry) return {};
  REELKEEP_ASSIGN(const std::optional<DeliveryRecord> record, m_catalog.delivery(receipt.seq));
  const bool rejected = record && (record->state == DeliveryState::quarantined ||
                                   record->state == DeliveryState::ignored);
  if (rejected) {
    REELKEEP_ASSIGN(const auto deaths, m_catalog.note(poison_note(receipt.seq)));
    if (deaths) return {};  // the sender shall not be able to end the process again and again
  } else if (receipt.id <= m_history_receipts) {
    return {};  // what was history before a rebuild makes nothing due again
  }
  const Timestamp received_at = entry->received_at;
  if (!rejected) entry->received_at = receipt.received_at;
  Status applied = m_catalog.transact([&] {
    return apply(policy, *entry, rejected ? Occasion::first : Occasion::repeated, receipt.user,
                 effects);
  });
  if (!applied && is_catalogs_fault(applied.error())) return applied;
  // A repetition does not change when the delivery came.
  REELKEEP_ASSIGN(std::optional<DeliveryRecord> after, m_catalog.delivery(receipt.seq));
  if (!after || after->received_at == received_at) return {};
  after->received_at = received_at;
  return m_catalog.put_delivery(*after);
}

Status Projector::apply_again(const Policy& policy, const std::vector<Seq>& entries,
                              Effects& effects) {
  for (const Seq seq : entries) {
    REELKEEP_ASSIGN(const std::optional<Entry> entry, of_journal(m_journal.find(seq)));
    if (!entry || entry->kind != EntryKind::delivery) continue;
    Status applied = m_catalog.transact(
        [&] { return apply(policy, *entry, Occasion::repeated, entry->user, effects); });
    if (!applied && is_catalogs_fault(applied.error())) return applied;
    if (!applied) REELKEEP_TRY(quarantine(*entry, applied.error().message));
  }
  return {};
}

Status Projector::apply(const Policy& policy, const Entry& entry, Occasion occasion,
                        const std::string& user, Effects& effects) {
  const Era era = era_of(entry);
  m_has_touched = false;
  switch (entry.kind) {
    case EntryKind::delivery:
    case EntryKind::reconcile:
      return apply_delivery(policy, entry, occasion, user);
    case EntryKind::command:
    case EntryKind::outcome:
      break;
  }
  if (!entry.body) return Error{Errc::invalid, "the body of a journal row of ours is missing"};
  RecordFacts facts(m_catalog, policy, effects);
  if (entry.kind == EntryKind::command) {
    REELKEEP_ASSIGN(const Command command, decode_command(*entry.body));
    m_has_touched = true;
    // What was history is applied by its own rows.
    if (const auto* replay = std::get_if<ReplayCommand>(&command))
      return era == Era::live ? apply_again(policy, replay->entries, effects) : Status();
    return facts.apply(command, entry.received_at, era);
  }
  REELKEEP_ASSIGN(const Outcome outcome, outcome_of(entry));
  m_has_touched = true;
  return facts.apply(outcome, entry.received_at, era);
}

Result<Outcome> Projector::outcome_of(const Entry& entry) {
  if (m_fresh != nullptr)
    if (std::optional<Outcome> fresh = m_fresh->take(entry.seq)) return std::move(*fresh);
  return decode_outcome(*entry.body);
}

/// Of a row that cannot be applied what can: one replica does not take the others with it.
Status Projector::apply_apart(const Policy& policy, const Entry& entry, Effects& effects) {
  if (entry.kind != EntryKind::outcome || !entry.body) return {};
  const Result<Outcome> outcome = decode_outcome(*entry.body);
  const auto* const row = outcome ? std::get_if<ReplicasStored>(&*outcome) : nullptr;
  if (row == nullptr) return {};
  for (const ReplicaStored& replica : row->replicas) {
    Effects found;
    Status applied = m_catalog.transact([&] {
      return RecordFacts(m_catalog, policy, found)
          .apply(Outcome(replica), entry.received_at, era_of(entry));
    });
    if (!applied && is_catalogs_fault(applied.error())) return applied;
    if (applied)
      std::ranges::move(found, std::back_inserter(effects));
    else
      log::error("a replica in a journal row of ours cannot be applied; the others are",
                 {{"seq", std::to_string(entry.seq.get())},
                  {"location", replica.location},
                  {"reason", applied.error().message}});
  }
  return {};
}

Status Projector::apply_delivery(const Policy& policy, const Entry& entry, Occasion occasion,
                                 const std::string& user) {
  // Beyond the cursor there is none yet: a row and the cursor behind it are one commit.
  std::optional<DeliveryRecord> before;
  if (entry.seq <= m_position.cursor) {
    REELKEEP_ASSIGN(before, m_catalog.delivery(entry.seq));
  }
  DeliveryRecord record{.seq = entry.seq,
                        .received_at = before ? before->received_at : entry.received_at,
                        .duplicates = before ? before->duplicates : 0};
  if (!entry.body) {
    // Erased after keep_bodies: what is known stays.
    if (before || entry.kind == EntryKind::reconcile) return {};
    record.state = DeliveryState::ignored;
    record.reason = "the body was erased after keep_bodies before this catalog was built";
    return m_catalog.put_delivery(record);
  }
  crash_drill(*entry.body);
  const bool listed = entry.kind == EntryKind::reconcile;
  const Result<Decoded> decoded =
      listed ? m_provider.decode_listed(*entry.body, AppId(entry.user), entry.received_at)
             : m_provider.decode(*entry.body, entry.received_at);
  if (!decoded) return decoded.error();
  m_has_touched = true;
  record.app_id = decoded->app_id;
  record.type = decoded->type;
  record.conf_num = decoded->conf_num;
  record.reason = decoded->remark;
  record.state = decoded->known_type ? DeliveryState::applied : DeliveryState::ignored;
  if (!listed && !policy.may_speak(user, decoded->app_id)) {
    record.state = DeliveryState::quarantined;
    record.reason = "webhook user \"" + user + "\" may not speak for app_id \"" + decoded->app_id +
                    "\": see app_ids of [[webhook.user]]";
    return m_catalog.put_delivery(record);
  }
  if (decoded->remark && occasion == Occasion::first && entry.seq > m_history_end)
    log::warn(
        "a part of an event could not be understood: what it offered there is not fetched; the "
        "event "
        "is kept, and shown by 'reelkeep deliveries'",
        {{"seq", std::to_string(entry.seq.get())},
         {"session", decoded->conf_num},
         {"part", *decoded->remark}});
  SessionFacts facts(m_catalog, policy);
  for (const Event& event : decoded->events)
    REELKEEP_TRY(facts.apply(event, entry.received_at, occasion));
  if (listed) return {};  // no delivery: nobody sent it
  return m_catalog.put_delivery(record);
}

Status Projector::quarantine(const Entry& entry, const std::string& reason) {
  if (entry.kind != EntryKind::delivery) {
    log::error("a journal row of ours cannot be applied",
               {{"seq", std::to_string(entry.seq.get())},
                {"kind", std::string(to_string(entry.kind))},
                {"reason", reason}});
    return {};
  }
  if (entry.seq > m_history_end)
    log::warn("a delivery is quarantined: it is kept, and shown by 'reelkeep deliveries'",
              {{"seq", std::to_string(entry.seq.get())}, {"reason", reason}});
  REELKEEP_ASSIGN(const std::optional<DeliveryRecord> before, m_catalog.delivery(entry.seq));
  return m_catalog.put_delivery(DeliveryRecord{.seq = entry.seq,
                                               .received_at = entry.received_at,
                                               .state = DeliveryState::quarantined,
                                               .reason = reason,
                                               .duplicates = before ? before->duplicates : 0});
}

}  // namespace reelkeep::core
