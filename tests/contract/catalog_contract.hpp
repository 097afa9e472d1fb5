#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "reelkeep/port/catalog.hpp"

namespace reelkeep::testing {

/// What a suite needs to know of an implementation: an empty catalog, and readers of the same one.
struct CatalogFixture {
  Catalog& catalog;
  std::function<std::unique_ptr<CatalogReader>()> open_reader;
};

/// Values that differ in every field; the same seed gives the same values. Keys are unique.
class AnyValue {
 public:
  explicit AnyValue(std::uint64_t seed) : m_random(seed) {}
  std::int64_t number(std::int64_t low, std::int64_t high);
  bool chance() { return number(0, 1) == 1; }
  Timestamp time();
  std::string text();
  Digest digest();
  Session session();
  Artifact artifact(const Session& session);
  Replica replica();
  DeliveryRecord delivery(Seq seq);

 private:
  std::mt19937_64 m_random;
  std::int64_t m_unique = 0;
};

/// A moment, some milliseconds after one of all tests.
inline Timestamp at(std::int64_t ms) {
  return Timestamp(Duration(1'700'000'000'000 + ms));
}

/// The behaviour that every catalog has; called inside a doctest TEST_CASE, once per case with a
/// fresh fixture.
void check_transactions(const CatalogFixture& fixture);
void check_position_and_notes(const CatalogFixture& fixture);
void check_deliveries(const CatalogFixture& fixture);
void check_values_come_back(const CatalogFixture& fixture);
void check_lookups(const CatalogFixture& fixture);
void check_conflicts(const CatalogFixture& fixture);
void check_replicas(const CatalogFixture& fixture);
void check_pushed_files(const CatalogFixture& fixture);
void check_audits(const CatalogFixture& fixture);
void check_looks(const CatalogFixture& fixture);
void check_delivered_to(const CatalogFixture& fixture);
void check_lanes(const CatalogFixture& fixture);
void check_claimable(const CatalogFixture& fixture);
void check_release(const CatalogFixture& fixture);
void check_in_hand_and_states(const CatalogFixture& fixture);
void check_staging(const CatalogFixture& fixture);
void check_clear(const CatalogFixture& fixture);
void check_session_listing(const CatalogFixture& fixture);
void check_session_states(const CatalogFixture& fixture);
void check_delivery_listing(const CatalogFixture& fixture);
void check_find(const CatalogFixture& fixture);
void check_figures(const CatalogFixture& fixture);
void check_replica_total(const CatalogFixture& fixture);
void check_attempts(const CatalogFixture& fixture);
void check_queue_of_sources(const CatalogFixture& fixture);
void check_reading_while_writing(const CatalogFixture& fixture);

}  // namespace reelkeep::testing
