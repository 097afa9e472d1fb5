#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "media/judge.hpp"

namespace reelkeep::media {

/// Reads from a string.
inline ReadAt reader(std::string bytes) {
  return [bytes = std::move(bytes)](ByteCount offset, std::span<std::byte> into) {
    const std::size_t from = std::min<std::size_t>(offset.get(), bytes.size());
    const std::size_t count = std::min(into.size(), bytes.size() - from);
    std::memcpy(into.data(), bytes.data() + from, count);
    return Result<std::size_t>(count);
  };
}

inline Status judge_bytes(Expectation expectation, const std::string& bytes) {
  return judge(expectation, ByteCount(bytes.size()), reader(bytes));
}

/// "" when accepted, else the reason; the code has to be corrupt.
inline std::string verdict(Expectation expectation, const std::string& bytes) {
  const Status status = judge_bytes(expectation, bytes);
  if (status) return {};
  return status.error().code == Errc::corrupt ? status.error().message
                                              : "not corrupt but " + status.error().message;
}

}  // namespace reelkeep::media
