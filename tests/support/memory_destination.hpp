#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/port/destination.hpp"

namespace reelkeep::testing {

/// The fake of a Destination: keeps the port's contract (tests/contract runs on it), and fails on
/// demand. Any thread.
class MemoryDestination final : public Destination {
 public:
  explicit MemoryDestination(StoreId id, std::string start = "s3://bucket/")
      : m_id(std::move(id)), m_start(std::move(start)) {}

  [[nodiscard]] const StoreId& id() const override { return m_id; }

  Result<DestinationFile> stat(const std::string& location) override {
    std::lock_guard lock(m_mutex);
    ++m_requests;
    m_asked.push_back(location);
    if (m_interrupted) return Error{Errc::cancelled, "stopped"};
    if (m_outage) return *m_outage;
    if (location == m_forbidden) return Error{Errc::unauthorized, location + " may not be read"};
    const auto found = m_files.find(location);
    if (found == m_files.end()) return Error{Errc::not_found, location + " does not exist"};
    return shown(found->second);
  }

  Status read(const std::string& location, ByteCount offset, const Sink& sink) override {
    std::string bytes;
    std::size_t most = 0;
    {
      std::lock_guard lock(m_mutex);
      ++m_requests;
      if (m_interrupted) return Error{Errc::cancelled, "stopped"};
      if (m_outage) return *m_outage;
      const auto found = m_files.find(location);
      if (found == m_files.end()) return Error{Errc::not_found, location + " does not exist"};
      bytes = found->second.bytes;
      most = m_cut_after.value_or(bytes.size());
      m_cut_after.reset();
      m_reads.push_back(offset.get());
    }
    {
      std::unique_lock lock(m_mutex);
      m_go.wait(lock, [&] {
        return !m_held || (!m_held->empty() && *m_held != location) || m_interrupted;
      });
    }
    for (std::size_t at = offset.get(); at < bytes.size();) {
      if (at - offset.get() >= most) return Error{Errc::unavailable, "the connection broke off"};
      const std::size_t count =
          std::min<std::size_t>({k_piece, bytes.size() - at, most - (at - offset.get())});
      const Status taken = sink(std::as_bytes(std::span(bytes).subspan(at, count)));
      if (!taken) return taken;
      m_given += count;
      at += count;
    }
    return {};
  }

  [[nodiscard]] std::string location_of(const std::string& path) const override {
    return m_start + path;
  }

  Result<MovedFile> move(const std::string& from, const std::string& to, ByteCount size) override {
    std::lock_guard lock(m_mutex);
    ++m_requests;
    if (m_interrupted) return Error{Errc::cancelled, "stopped"};
    if (m_outage) return *m_outage;
    const auto there = m_files.find(to);
    const auto here = m_files.find(from);
    if (there != m_files.end()) {
      const bool moved = here == m_files.end() && there->second.bytes.size() == size.get();
      if (from == to || moved) return MovedFile{shown(there->second), from != to};
      return Error{Errc::conflict, to + " exists already"};
    }
    if (here == m_files.end()) return Error{Errc::not_found, from + " does not exist"};
    m_files[to] = here->second;
    m_files.erase(from);
    return MovedFile{shown(m_files[to])};
  }

  void interrupt() noexcept override {
    m_interrupted = true;
    { const std::lock_guard lock(m_mutex); }
    m_go.notify_all();
  }

  // The test's side.
  void put(const std::string& location, std::string bytes) {
    std::lock_guard lock(m_mutex);
    m_files[location] = {std::move(bytes), ++m_versions, {}};
  }
  void remove(const std::string& location) {
    std::lock_guard lock(m_mutex);
    m_files.erase(location);
  }
  /// What it says of the file's digest, true or not.
  void vouch(const std::string& location, const Digest& digest) {
    std::lock_guard lock(m_mutex);
    m_files.at(location).vouched = digest;
  }
  std::optional<std::string> bytes(const std::string& location) {
    std::lock_guard lock(m_mutex);
    const auto found = m_files.find(location);
    return found == m_files.end() ? std::nullopt : std::optional(found->second.bytes);
  }
  void set_outage(std::optional<Error> error) {
    std::lock_guard lock(m_mutex);
    m_outage = std::move(error);
  }
  /// This one file may not be looked at.
  void forbid(std::string location) {
    std::lock_guard lock(m_mutex);
    m_forbidden = std::move(location);
  }
  /// The next read breaks off after so many bytes.
  void cut_after(std::size_t bytes) {
    std::lock_guard lock(m_mutex);
    m_cut_after = bytes;
  }
  /// Reads that begin (of this location; empty: of any) give nothing before let_reads_go().
  void hold_reads(std::string location = "") {
    std::lock_guard lock(m_mutex);
    m_held = std::move(location);
  }
  void let_reads_go() {
    {
      std::lock_guard lock(m_mutex);
      m_held.reset();
    }
    m_go.notify_all();
  }
  /// Bytes that were taken in all.
  [[nodiscard]] std::size_t given() const { return m_given; }
  int requests() {
    std::lock_guard lock(m_mutex);
    return m_requests;
  }
  /// What was looked at.
  std::vector<std::string> asked() {
    std::lock_guard lock(m_mutex);
    return m_asked;
  }
  std::vector<std::uint64_t> reads() {
    std::lock_guard lock(m_mutex);
    return m_reads;
  }
  /// As a new process would find it.
  void restart() { m_interrupted = false; }

 private:
  static constexpr std::size_t k_piece = 4096;
  struct File {
    std::string bytes;
    int version = 0;
    std::optional<Digest> vouched;
  };
  static DestinationFile shown(const File& file) {
    return {ByteCount(file.bytes.size()), file.vouched, std::to_string(file.version)};
  }

  const StoreId m_id;
  const std::string m_start;
  std::atomic<bool> m_interrupted = false;
  std::atomic<std::size_t> m_given = 0;
  std::mutex m_mutex;
  std::condition_variable m_go;
  std::optional<std::string> m_held;       // guarded by m_mutex
  std::map<std::string, File> m_files;     // guarded by m_mutex
  std::string m_forbidden;                 // guarded by m_mutex
  std::optional<Error> m_outage;           // guarded by m_mutex
  std::optional<std::size_t> m_cut_after;  // guarded by m_mutex
  std::vector<std::uint64_t> m_reads;      // guarded by m_mutex: offsets
  std::vector<std::string> m_asked;        // guarded by m_mutex
  int m_requests = 0;                      // guarded by m_mutex
  int m_versions = 0;                      // guarded by m_mutex
};

}  // namespace reelkeep::testing
