#pragma once

#include <doctest/doctest.h>

#include "crypto/sha256.hpp"
#include "s3/rgw.hpp"

// Files that are put into an archive on a real server.
namespace reelkeep::testing {

/// Deterministic bytes that compress to nothing and repeat nowhere.
inline std::string noise(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = 88172645463325252ULL + seed;
  for (char& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<char>(state);
  }
  return bytes;
}

inline PutRequest request(RgwPlace& place, const std::string& path, const std::string& bytes) {
  return {.staged = place.stage(bytes),
          .path = path,
          .manifest_dir = {},
          .suffix = "~abc123",
          .size = ByteCount(bytes.size()),
          .digest = sha256(bytes)};
}

inline Result<Placed> put(Store& store, const PutRequest& wanted) {
  return store.put(std::span(&wanted, 1)).front();
}

inline std::size_t unfinished(RgwPlace& place) {
  return s3::list_uploads(place.client(), place.prefix).value().size();
}

/// The digest of what is there, read in pieces.
inline Digest digest_of(RgwPlace& place, const std::string& path) {
  Sha256 hash;
  REQUIRE(
      place.client().call({.key = place.prefix + path, .answer_sink = [&](auto bytes) -> Status {
                             hash.update(bytes);
                             return {};
                           }}));
  return hash.finish();
}

inline bool is_part(const HttpRequest& sent) {
  return sent.method == "PUT" && sent.url.query() &&
         sent.url.query()->find("partNumber=") != std::string::npos;
}

}  // namespace reelkeep::testing
