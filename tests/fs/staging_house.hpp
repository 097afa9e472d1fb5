#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/staging.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Bytes at the beginning of a page, as those of a fetcher's buffer.
class PageOfBytes {
 public:
  explicit PageOfBytes(std::size_t size) : m_size(size) {
    for (std::size_t i = 0; i < m_room.size(); ++i) m_room[i] = static_cast<char>(i * 31 + i / 977);
    void* begin = m_room.data();
    std::size_t room = m_room.size();
    m_begin = static_cast<const char*>(std::align(4096, size, begin, room));
  }
  [[nodiscard]] std::string text() const { return {m_begin, m_size}; }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(m_begin, m_size));
  }

 private:
  std::size_t m_size;
  std::vector<char> m_room = std::vector<char>(m_size + 4096);
  const char* m_begin;
};

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
