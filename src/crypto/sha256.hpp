#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "reelkeep/base/digest.hpp"

namespace reelkeep {

/// SHA-256 of bytes as they arrive. One thread at a time; owns its state, which is copied with it.
class Sha256 {
 public:
  Sha256();
  /// A snapshot: both go on independently. The source must not be moved-from.
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  /// The digest of all that came so far; starts again from nothing.
  [[nodiscard]] Digest finish();
  /// The digest of all that came so far; goes on.
  [[nodiscard]] Digest snapshot() const;

  /// update() of two, which are not the same.
  static void update_both(Sha256& a, std::span<const std::byte> of_a, Sha256& b,
                          std::span<const std::byte> of_b);
  /// Whether update_both() takes little longer than one update(), which is up to the processor (see
  /// crypto/sha256_lanes.hpp); else it takes as long as both. Any thread.
  [[nodiscard]] static bool hashes_two_at_once();

 private:
  struct Context;
  std::unique_ptr<Context> m_context;
};

[[nodiscard]] Digest sha256(std::string_view bytes);
[[nodiscard]] Digest sha256(std::span<const std::byte> bytes);

}  // namespace reelkeep
