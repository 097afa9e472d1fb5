#include <doctest/doctest.h>

#include "fs/store_places.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

TEST_CASE("the local store keeps the contract of stores") {
  contract::check_store_contract([] { return std::make_unique<LocalPlace>(); });
}

TEST_CASE("the local store keeps the contract of stores on a filesystem without RENAME_NOREPLACE") {
  contract::check_store_contract([] {
    return std::make_unique<LocalPlace>(fs::LocalStoreOptions{.place_by = fs::PlaceBy::link});
  });
}

TEST_CASE("the fake in memory keeps the contract of stores") {
  contract::check_store_contract([] { return std::make_unique<MemoryPlace>(); });
}
