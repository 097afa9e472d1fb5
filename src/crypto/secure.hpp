#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reelkeep/base/digest.hpp"

// Everything here is safe from any thread. Without randomness or memory it aborts: going on with
// guessable values would be worse.
namespace reelkeep {

/// Whether two secrets are the same. The time tells neither where they differ nor how long the
/// expected one is: HMACs of both under a fresh random key are compared.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view message);

/// `length` lower-case hex digits from the cryptographic generator.
[[nodiscard]] std::string random_hex(std::size_t length);

/// RFC 9562 version 4, lower case: "f47ac10b-58cc-4372-a567-0e02b2c3d479".
[[nodiscard]] std::string random_uuid();

}  // namespace reelkeep
