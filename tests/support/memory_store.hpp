#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reelkeep/base/safe_name.hpp"
#include "reelkeep/port/store.hpp"

#include "crypto/sha256.hpp"

namespace reelkeep::testing {

/// The bytes behind a MemoryStore: they outlive it, as a disk outlives a process. Any thread.
struct MemoryDisk {
  std::mutex mutex;
  std::map<std::string, std::string> files;  // guarded by mutex
  std::string root_id;                       // guarded by mutex; empty: never opened
  bool present = true;                       // guarded by mutex
};

/// The fake of a Store: keeps the port's contract (tests/contract runs on it), and fails on demand.
/// Any thread.
class MemoryStore final : public Store {
 public:
  /// How staged bytes are read and, after the last store has them, removed.
  struct StagedFiles {
    std::function<std::optional<std::string>(const std::string& path)> read;
    std::function<void(const std::string& path)> remove;
  };

  /// `disk` is borrowed. Staged files are those of the filesystem unless told otherwise.
  MemoryStore(StoreId id, MemoryDisk& disk) : MemoryStore(std::move(id), disk, real_files()) {}
  MemoryStore(StoreId id, MemoryDisk& disk, StagedFiles staged)
      : m_id(std::move(id)), m_disk(disk), m_staged(std::move(staged)) {}

  /// The next `times` puts of single files fail with `error`; nothing is stored.
  void fail_puts(Error error, int times = 1) {
    const std::lock_guard lock(m_disk.mutex);
    m_failure = std::move(error);
    m_failures_left = times;
  }
  void refuse_removals(bool refuse) {
    const std::lock_guard lock(m_disk.mutex);
    m_refuses_removals = refuse;
  }
  /// Sizes of the batches so far.
  [[nodiscard]] std::vector<std::size_t> batches() const {
    const std::lock_guard lock(m_disk.mutex);
    return m_batches;
  }

  /// Paths that were inspected so far, in order.
  [[nodiscard]] std::vector<std::string> inspected() const {
    const std::lock_guard lock(m_disk.mutex);
    return m_inspected;
  }

  [[nodiscard]] const StoreId& id() const override { return m_id; }
  void interrupt() noexcept override { m_interrupted = true; }
  [[nodiscard]] bool was_interrupted() const { return m_interrupted; }

  Result<std::string> open(const std::string& expected_root) override {
    const std::lock_guard lock(m_disk.mutex);
    if (!m_disk.present) return away();
    if (m_disk.root_id.empty() && !expected_root.empty())
      return Error{Errc::unavailable, "expected archive " + expected_root + ", found none"};
    if (m_disk.root_id.empty()) m_disk.root_id = "memory-" + m_id.get();
    if (!expected_root.empty() && expected_root != m_disk.root_id)
      return Error{Errc::unavailable,
                   "expected archive " + expected_root + ", found archive " + m_disk.root_id};
    m_open = true;
    return m_disk.root_id;
  }

  Status attach(const std::string& expected_root) override {
    if (expected_root.empty()) return away();
    REELKEEP_TRY(open(expected_root));
    return {};
  }

  Status ready() override {
    const std::lock_guard lock(m_disk.mutex);
    return check_ready();
  }

  std::vector<Result<Placed>> put(std::span<const PutRequest> requests) override {
    const std::lock_guard lock(m_disk.mutex);
    m_batches.push_back(requests.size());
    std::vector<Result<Placed>> results;
    for (const PutRequest& request : requests) results.push_back(put_one(request));
    return results;
  }

  Result<Inspection> inspect(const std::string& path, ByteCount size, const Digest& digest,
                             Depth depth, const ReadSink& seen) override {
    using Found = Inspection::Found;
    std::string bytes;
    {
      const std::lock_guard lock(m_disk.mutex);
      REELKEEP_TRY(check_ready());
      m_inspected.push_back(path);
      const auto file = m_disk.files.find(path);
      if (file == m_disk.files.end()) return Inspection{Found::missing, "it does not exist"};
      if (file->second.size() != size.get())
        return Inspection{Found::corrupt, "it has another size"};
      bytes = file->second;
    }
    if (depth == Depth::quick) return Inspection{};
    if (seen) REELKEEP_TRY(seen(std::as_bytes(std::span(bytes))));
    if (sha256(bytes) != digest) return Inspection{Found::corrupt, "it has another SHA-256"};
    return Inspection{};
  }

  Status read(const std::string& path, const ReadSink& sink) override {
    std::string bytes;
    {
      const std::lock_guard lock(m_disk.mutex);
      REELKEEP_TRY(check_ready());
      const auto file = m_disk.files.find(path);
      if (file == m_disk.files.end()) return Error{Errc::corrupt, "it does not exist"};
      bytes = file->second;
    }
    return sink(std::as_bytes(std::span(bytes)));
  }

  Status remove(const std::string& path) override {
    const std::lock_guard lock(m_disk.mutex);
    REELKEEP_TRY(check_ready());
    if (m_refuses_removals) return Error{Errc::unavailable, "it does not remove anything now"};
    m_disk.files.erase(path);
    return {};
  }

  [[nodiscard]] std::string location(const std::string& path) const override {
    return "/memory/" + m_id.get() + "/" + path;
  }

  Result<ByteCount> free_space() override {
    const std::lock_guard lock(m_disk.mutex);
    REELKEEP_TRY(check_ready());
    return 1_GiB;
  }

  static StagedFiles real_files() {
    return {.read = [](const std::string& path) -> std::optional<std::string> {
              std::ifstream in(path, std::ios::binary);
              if (!in) return std::nullopt;
              return std::string(std::istreambuf_iterator<char>(in),
                                 std::istreambuf_iterator<char>());
            },
            .remove =
                [](const std::string& path) {
                  std::error_code ignored;
                  std::filesystem::remove(path, ignored);
                }};
  }

 private:
  static Error away() { return Error{Errc::unavailable, "the archive is not there"}; }

  Status check_ready() const {
    if (!m_open) return Error{Errc::unavailable, "it is not open"};
    if (!m_disk.present) return away();
    return {};
  }

  static bool is_relative(const std::string& path) {
    const std::string framed = "/" + path + "/";
    return framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos &&
           framed.find("/../") == std::string::npos;
  }

  static std::string candidate(const PutRequest& request, int number) {
    if (number == 0) return request.path;
    const std::filesystem::path path(request.path);
    const std::string suffix =
        request.suffix + (number == 1 ? std::string() : "-" + std::to_string(number));
    return (path.parent_path() / with_suffix(path.filename().string(), suffix)).string();
  }

  Result<Placed> put_one(const PutRequest& request) {
    REELKEEP_TRY(check_ready());
    if (m_failures_left > 0) {
      --m_failures_left;
      return m_failure;
    }
    if (!is_relative(request.path)) return Error{Errc::invalid, "not a relative path"};
    const std::optional<std::string> bytes = m_staged.read(request.staged);
    const bool good =
        bytes && bytes->size() == request.size.get() && sha256(*bytes) == request.digest;
    for (int number = 0; number < 100; ++number) {
      const std::string path = candidate(request, number);
      const auto there = m_disk.files.find(path);
      const bool free = there == m_disk.files.end();
      const bool same = !free && sha256(there->second) == request.digest;
      if (!free && !same) continue;
      if (free && !good) return Error{Errc::corrupt, "the staged bytes are gone or changed"};
      if (free) m_disk.files[path] = *bytes;
      if (request.disposition == Staged::take) m_staged.remove(request.staged);
      return Placed{path, location(path), same};
    }
    return Error{Errc::conflict, "no free name"};
  }

  // Constant after construction.
  const StoreId m_id;
  MemoryDisk& m_disk;
  const StagedFiles m_staged;

  std::atomic<bool> m_interrupted = false;  ///< changes nothing

  // Guarded by m_disk.mutex.
  bool m_open = false;
  Error m_failure;
  int m_failures_left = 0;
  bool m_refuses_removals = false;
  std::vector<std::size_t> m_batches;
  std::vector<std::string> m_inspected;
};

}  // namespace reelkeep::testing
