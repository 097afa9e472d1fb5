#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "reelkeep/port/store.hpp"

namespace reelkeep::contract {

/// A place that a store archives into, as the suite sees it from behind: one for each subcase, new
/// and empty. The suite never looks at how it is made.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  /// A store over this place, not open yet; each call is another process' view of the same place.
  virtual std::unique_ptr<Store> make() = 0;
  /// A complete, synced staging file with these bytes; its absolute path.
  virtual std::string stage(const std::string& bytes) = 0;
  virtual bool is_staged(const std::string& path) = 0;
  /// Behind the store's back: what is stored under a relative path; putting other bytes there;
  /// taking it away.
  virtual std::optional<std::string> stored(const std::string& path) = 0;
  virtual void store_directly(const std::string& path, const std::string& bytes) = 0;
  virtual void lose(const std::string& path) = 0;
  /// The whole place goes away (unmounted, bucket gone) and comes back as it was.
  virtual void go_away() = 0;
  virtual void come_back() = 0;
};

/// What every Store keeps. Call it in a TEST_CASE of the implementation's own tests; it consists of
/// subcases, so each gets a new place.
void check_store_contract(const std::function<std::unique_ptr<StorePlace>()>& make_place);

}  // namespace reelkeep::contract
