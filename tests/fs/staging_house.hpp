#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "fs/staging.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A staging directory of its own.
struct StagingHouse {
  TempDir dir;
  std::unique_ptr<Staging> staging = make("this boot");

  std::unique_ptr<Staging> make(const std::string& boot, ByteCount minimum = ByteCount(0)) const {
    auto made = fs::make_staging(dir.path("staging"), {minimum, boot});
    REQUIRE(made);
    return std::move(*made);
  }
  /// Leaves `text` under the name, as a killed process would.
  void leave(const std::string& name, const std::string& text) const {
    dir.write("staging/" + name + ".part", text);
  }
};

}  // namespace reelkeep::testing
