#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
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
};

/// A StagingFile in memory. What was not synced is told apart, as a power cut would.
class MemoryFile final : public StagingFile {
 public:
  explicit MemoryFile(std::string content = {}, MemoryFileHooks hooks = {})
      : bytes(std::move(content)), m_hooks(std::move(hooks)) {}

  Status prepare() override {
    if (m_hooks.before_prepare) REELKEEP_TRY(m_hooks.before_prepare());
    synced = bytes.size();
    return {};
  }
  [[nodiscard]] ByteCount size() const override { return ByteCount(bytes.size()); }
  Status append(std::span<const std::byte> more) override {
    if (is_spoilt) return spoilt();
    if (m_hooks.before_append)
      if (Status status = m_hooks.before_append(size(), more.size()); !status) {
        is_spoilt = status.error().code != Errc::no_space;  // the guard spoils nothing
        return status;
      }
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  }
  Status restart() override {
    if (is_spoilt) return spoilt();
    bytes.clear();
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
    return digest_of(bytes);
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
  bool is_spoilt = false;

 private:
  static Status spoilt() { return Error{Errc::unavailable, "the file is spoilt"}; }
  MemoryFileHooks m_hooks;
  std::string m_path = "memory";
};

}  // namespace reelkeep::testing
