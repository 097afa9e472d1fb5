#pragma once

#include <doctest/doctest.h>

#include "core/harness.hpp"
#include "core/records.hpp"
#include "crypto/sha256.hpp"

namespace reelkeep::testing {

inline const std::string k_file1 = "https://portal.enablex.io/p/file1.mov";
/// Of one recording, k_file1.
inline const std::string k_one = body("recording", ",\"recording\":\"" + k_file1 + "\"");

inline std::string transcoded(const std::string& stage, const std::string& size) {
  return body("transcoded", R"(,"recording":"https://portal.enablex.io/p/t.mov","stage":")" +
                                stage + R"(","file_size":")" + size + "\"");
}

inline Artifact only(const SessionView& view) {
  REQUIRE(view.artifacts.size() == 1);
  return view.artifacts.front().artifact;
}

/// The outcome row of such a replica in the store "local".
inline std::string stored(const Artifact& artifact, const std::string& bytes,
                          const std::string& path) {
  return encode(Outcome(ReplicaStored{.identity = artifact.identity,
                                      .room_id = artifact.room_id,
                                      .store = StoreId("local"),
                                      .path = path,
                                      .location = "/a/" + path,
                                      .size = ByteCount(bytes.size()),
                                      .digest = sha256(bytes),
                                      .verified_at = k_noon}));
}

}  // namespace reelkeep::testing
