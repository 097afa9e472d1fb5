#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "reelkeep/port/catalog.hpp"
#include "reelkeep/port/journal.hpp"
#include "reelkeep/port/provider.hpp"

#include "core/fresh_outcomes.hpp"
#include "core/policy.hpp"
#include "core/record_facts.hpp"

namespace reelkeep::core {

/// Why the catalog had to be made anew.
enum class Rebuild { none, first_start, journal_replaced };

/// Turns journal rows into catalog state: the only way in for facts. Rows are applied in order,
/// many to a transaction; where one fails half-way they are applied again, each in its own
/// savepoint. A row that cannot be applied is quarantined with its reason and the cursor moves on.
/// One thread (the agent's).
class Projector {
 public:
  /// `fresh`, if any, has what need not be decoded. All are borrowed.
  Projector(JournalReader& journal, Catalog& catalog, const Provider& provider,
            FreshOutcomes* fresh = nullptr)
      : m_journal(journal), m_catalog(catalog), m_provider(provider), m_fresh(fresh) {}

  /// Compares the catalog's position with the journal; clears the catalog when it is not a
  /// projection of this journal. `unclean`: the last run died, so rows and receipts are applied one
  /// by one and noted before. A row noted at two deaths is quarantined as internal, and its
  /// repetitions are only counted: replay tries it again. A receipt noted at two deaths is counted.
  Result<Rebuild> begin(bool unclean);

  /// Applies rows and receipts past the cursor, at most `limit` of each; before each further one
  /// `is_enough` may end the commit. Returns whether something was applied (then there may be
  /// more). Effects are added for after the commit.
  Result<bool> advance(const Policy& policy, Effects& effects, std::size_t limit,
                       const std::function<bool()>& is_enough = {});

  [[nodiscard]] Seq cursor() const noexcept { return m_position.cursor; }
  /// Rows up to here are history: they were journaled before this catalog existed.
  [[nodiscard]] Seq history_end() const noexcept { return m_history_end; }

 private:
  enum class Rows { together, alone };
  Result<bool> advance_entries(const Policy& policy, Effects& effects, std::size_t limit,
                               const std::function<bool()>& is_enough);
  Result<bool> advance_receipts(const Policy& policy, Effects& effects, std::size_t limit,
                                const std::function<bool()>& is_enough);
  Status apply(const Policy& policy, const Entry& entry, Occasion occasion, const std::string& user,
               Effects& effects);
  /// Applies journaled deliveries once more (replay), in the transaction of the row that asks for
  /// it.
  Status apply_again(const Policy& policy, const std::vector<Seq>& entries, Effects& effects);
  Status apply_delivery(const Policy& policy, const Entry& entry, Occasion occasion,
                        const std::string& user);
  Status apply_apart(const Policy& policy, const Entry& entry, Effects& effects);
  [[nodiscard]] Era era_of(const Entry& entry) const noexcept {
    return entry.seq <= m_history_end ? Era::history : Era::live;
  }
  Result<Outcome> outcome_of(const Entry& entry);
  Status quarantine(const Entry& entry, const std::string& reason);
  Status apply_receipt(const Policy& policy, const Receipt& receipt, Effects& effects);
  Result<bool> died_twice(const std::string& note);

  JournalReader& m_journal;
  Catalog& m_catalog;
  const Provider& m_provider;
  FreshOutcomes* const m_fresh;
  JournalPosition m_position;
  Seq m_history_end;
  std::int64_t m_history_receipts = 0;
  bool m_has_touched = false;           ///< the row that was applied last may have written
  std::string m_noted;                  ///< what was last tried with care in this run
  Seq m_careful_until;                  ///< rows that may have killed the last run
  std::int64_t m_careful_receipts = 0;  ///< the same for receipts
};

}  // namespace reelkeep::core
