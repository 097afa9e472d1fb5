#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "reelkeep/port/staging.hpp"

#include "crypto/sha256.hpp"

namespace reelkeep::testing {

/// Where a test wants to make a file slow or broken; each is called before the step, on the
/// fetcher's writer. An error is what the step gives.
struct MemoryFileHooks {
  std::function<Status()> before_prepare;
  std::function<Status(ByteCount already, std::size_t more)> before_append;
  std::function<Status()> before_sync;
  std::function<Status()> before_spread;
  std::optional<ByteCount> room;  ///< nothing: as much as is asked for
};

/// A StagingFile in memory. What was not synced is told apart, as a power cut would.
class MemoryFile final : public StagingFile {
 public:
  explicit MemoryFile(std::string content = {}, MemoryFileHooks hooks = {})
      : bytes(std::move(content)), m_hooks(std::move(hooks)) {}

  Status prepare() override {
    if (m_hooks.before_prepare) REELKEEP_TRY(m_hooks.before_prepare());
    synced = bytes.size();
    m_hashed = bytes;
    return {};
  }
  [[nodiscard]] ByteCount size() const override { return ByteCount(bytes.size()); }
  Status expect(ByteCount length) override {
    if (m_hooks.room && length > *m_hooks.room) return Error{Errc::no_space, "too long"};
    return {};
  }
  Status append(std::span<const std::byte> more) override {
    REELKEEP_TRY(write(more));
    hash(more);
    return {};
  }
  void hash(std::span<const std::byte> more) override {
    m_hashed.append(reinterpret_cast<const char*>(more.data()), more.size());
  }
  Status write(std::span<const std::byte> more) override {
    if (is_spoilt) return spoilt();
    if (m_hooks.before_append)
      if (Status status = m_hooks.before_append(size(), more.size()); !status) {
        is_spoilt = status.error().code != Errc::no_space;  // the guard spoils nothing
        return status;
      }
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  }
  Status write_whole(std::span<const std::byte> all) override {
    ++wholes;
    return write(all);
  }
  Status spread() override {
    if (is_spoilt) return spoilt();
    if (m_hooks.before_spread) REELKEEP_TRY(m_hooks.before_spread());
    is_spread = true;
    return {};
  }
  Status write_ahead(ByteCount offset, std::span<const std::byte> more) override {
    if (is_spoilt) return spoilt();
    if (!is_spread || offset <= size()) return Error{Errc::internal, "written out of order"};
    if (m_hooks.before_append)
      if (Status status = m_hooks.before_append(offset, more.size()); !status) {
        is_spoilt = status.error().code != Errc::no_space;
        return status;
      }
    const std::string_view text(reinterpret_cast<const char*>(more.data()), more.size());
    for (std::size_t i = 0; i < text.size(); ++i)
      if (!m_ahead.emplace(offset.get() + i, text[i]).second)
        return Error{Errc::internal, "written twice"};
    most_ahead = std::max(most_ahead, m_ahead.size());
    return {};
  }
  Status take_in(ByteCount end) override {
    if (is_spoilt) return spoilt();
    while (size() < end) {
      const auto found = m_ahead.find(bytes.size());
      if (found == m_ahead.end()) return Error{Errc::internal, "taken in what is not there"};
      bytes.push_back(found->second);
      m_hashed.push_back(found->second);
      m_ahead.erase(found);
    }
    return {};
  }
  Status gather() override {
    if (is_spoilt) return spoilt();
    m_ahead.clear();
    is_spread = false;
    return {};
  }
  Status restart() override {
    if (is_spoilt) return spoilt();
    m_ahead.clear();
    is_spread = false;
    bytes.clear();
    m_hashed.clear();
    ++restarts;
    return {};
  }
  Status sync() override {
    if (is_spoilt) return spoilt();
    if (m_hooks.before_sync)
      if (Status status = m_hooks.before_sync(); !status) {
        is_spoilt = true;
        return status;
      }
    synced = bytes.size();
    ++syncs;
    return {};
  }
  Result<Digest> digest() override {
    if (is_spoilt) return spoilt().error();
    if (m_hashed.size() != bytes.size()) return Error{Errc::internal, "not hashed to its end"};
    return digest_of(m_hashed);
  }
  Result<std::size_t> read_at(ByteCount offset, std::span<std::byte> into) override {
    const std::size_t start = std::min<std::size_t>(offset.get(), bytes.size());
    const std::size_t count = std::min(into.size(), bytes.size() - start);
    std::memcpy(into.data(), bytes.data() + start, count);
    return count;
  }
  [[nodiscard]] const std::string& path() const override { return m_path; }

  static Digest digest_of(const std::string& content) {
    return sha256(std::as_bytes(std::span(content)));
  }

  std::string bytes;
  std::size_t synced = 0;
  int syncs = 0;
  int restarts = 0;
  int wholes = 0;  ///< bodies that came in one piece
  bool is_spoilt = false;
  bool is_spread = false;
  std::size_t most_ahead = 0;  ///< bytes that were ahead at once

 private:
  static Status spoilt() { return Error{Errc::unavailable, "the file is spoilt"}; }
  std::string m_hashed;
  std::map<std::uint64_t, char> m_ahead;
  MemoryFileHooks m_hooks;
  std::string m_path = "memory";
};

}  // namespace reelkeep::testing
