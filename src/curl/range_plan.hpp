#pragma once

#include <optional>
#include <vector>

#include "curl/transfer.hpp"

namespace reelkeep::curl {

/// Which bytes of a file nobody has been asked for yet, while several connections bring it. Pure.
class RangePlan {
 public:
  RangePlan() = default;
  explicit RangePlan(Range all) { give_back(all); }
  /// The first open bytes, at most `most` of them, none at or beyond `limit`.
  std::optional<Range> take(ByteCount most, ByteCount limit);
  void give_back(Range range);
  [[nodiscard]] ByteCount open() const;
  /// Nothing: all is taken.
  [[nodiscard]] std::optional<ByteCount> first() const;

 private:
  std::vector<Range> m_open;  ///< in order, with something taken between each two
};

}  // namespace reelkeep::curl
